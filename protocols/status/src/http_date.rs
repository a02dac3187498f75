//! Dates as HTTP writes them: IMF-fixdate (RFC 9110 §5.6.7).

use x509::UnixTime;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Writes a time as in `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn write(time: UnixTime) -> String {
    // 1970-01-01 was a Thursday.
    let day = usize::try_from(time.0.div_euclid(86_400).rem_euclid(7)).unwrap_or(0);
    let rfc3339 = time.to_string();
    let part = |from: usize, to: usize| rfc3339.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().unwrap_or(1);
    format!(
        "{}, {} {} {} {} GMT",
        DAYS[day],
        part(8, 10),
        MONTHS[(month + 11) % 12],
        part(0, 4),
        part(11, 19)
    )
}

/// Reads what [`write`] writes; the two obsolete forms are passed over, as nobody sends them to
/// a server that never wrote them.
pub(crate) fn read(text: &str) -> Option<UnixTime> {
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day = parts.next()?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? + 1;
    let (year, clock) = (parts.next()?, parts.next()?);
    if parts.next() != Some("GMT") || parts.next().is_some() {
        return None;
    }
    UnixTime::parse_rfc3339(&format!("{year}-{month:02}-{day}T{clock}Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_rfc() {
        for (seconds, text) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_709_208_000, "Thu, 29 Feb 2024 12:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] {
            assert_eq!(write(UnixTime(seconds)), text);
            assert_eq!(read(text), Some(UnixTime(seconds)));
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 31 Feb 2024 00:00:00 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
