//! Points in time, and their two DER forms.

use core::fmt;

use crate::DerError;

const DAY: i64 = 86_400;
/// 1950-01-01T00:00:00Z: the first second that UTCTime can say (RFC 5280 §4.1.2.5.1).
const FIRST_UTC_TIME: i64 = -631_152_000;
/// 2050-01-01T00:00:00Z: from here on GeneralizedTime is used (RFC 5280 §4.1.2.5).
const FIRST_GENERALIZED: i64 = 2_524_608_000;
/// 9999-12-31T23:59:59Z: "no well-defined expiration date" (RFC 5280 §4.1.2.5).
const LAST: i64 = 253_402_300_799;

/// A count of seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct UnixTime(pub i64);

/// Says that a text is no RFC 3339 time in UTC with whole seconds. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time of the form 2030-12-31T23:59:59Z")]
pub struct TimeError;

impl UnixTime {
    /// 9999-12-31T23:59:59Z, which stands for "never expires" (RFC 5280 §4.1.2.5).
    pub const NEVER: Self = Self(LAST);

    /// Adds seconds; saturates at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Counts the seconds from `earlier` to `self`; saturates, negative if `earlier` is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339 §5.6; UTC, no fraction).
    ///
    /// # Errors
    /// [`TimeError`] for any other form and for dates that do not exist.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimeError> {
        let octets = text.as_bytes();
        let &[
            y1,
            y2,
            y3,
            y4,
            b'-',
            m1,
            m2,
            b'-',
            d1,
            d2,
            b'T',
            h1,
            h2,
            b':',
            i1,
            i2,
            b':',
            s1,
            s2,
            b'Z',
        ] = octets
        else {
            return Err(TimeError);
        };
        let digits = [y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, i1, i2, s1, s2];
        from_digits(&digits).ok_or(TimeError)
    }

    /// Takes the 13 content octets of a UTCTime (RFC 5280 §4.1.2.5.1).
    pub(crate) fn from_utc_time(content: &[u8]) -> Result<Self, DerError> {
        let Some((digits, b"Z")) = content.split_at_checked(12) else {
            return Err(DerError::field("UTCTime", "not of the form YYMMDDHHMMSSZ"));
        };
        let century: &[u8] = if digits.first() >= Some(&b'5') { b"19" } else { b"20" };
        from_digits(&[century, digits].concat())
            .ok_or(DerError::field("UTCTime", "no such date and time"))
    }

    /// Takes the 15 content octets of a GeneralizedTime (RFC 5280 §4.1.2.5.2).
    pub(crate) fn from_generalized_time(content: &[u8]) -> Result<Self, DerError> {
        let Some((digits, b"Z")) = content.split_at_checked(14) else {
            return Err(DerError::field("GeneralizedTime", "not of the form YYYYMMDDHHMMSSZ"));
        };
        from_digits(digits).ok_or(DerError::field("GeneralizedTime", "no such date and time"))
    }

    /// Tells whether RFC 5280 §4.1.2.5 wants UTCTime for this date.
    ///
    /// # Errors
    /// Refuses dates that a certificate cannot carry: before 1950, after 9999.
    pub(crate) fn is_utc_time(self) -> Result<bool, DerError> {
        match self.0 {
            FIRST_UTC_TIME..FIRST_GENERALIZED => Ok(true),
            FIRST_GENERALIZED..=LAST => Ok(false),
            _ => Err(DerError::field("Time", "not within 1950 to 9999")),
        }
    }

    /// Gives `YYYYMMDDHHMMSS` in ASCII digits.
    ///
    /// # Errors
    /// Refuses years outside 0000 to 9999.
    pub(crate) fn digits(self) -> Result<[u8; 14], DerError> {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        let second = self.0.rem_euclid(DAY);
        if !(0..=9999).contains(&year) {
            return Err(DerError::field("Time", "not within 0000 to 9999"));
        }
        let [y1, y2] = two_digits(year / 100);
        let [y3, y4] = two_digits(year % 100);
        let [m1, m2] = two_digits(month);
        let [d1, d2] = two_digits(day);
        let [h1, h2] = two_digits(second / 3600);
        let [i1, i2] = two_digits(second / 60 % 60);
        let [s1, s2] = two_digits(second % 60);
        Ok([y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, i1, i2, s1, s2])
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        let second = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

fn two_digits(value: i64) -> [u8; 2] {
    // Both quotients are below ten; the masks keep the conversion total.
    let digit = |d: i64| b'0' + u8::try_from(d.rem_euclid(10)).unwrap_or(0);
    [digit(value / 10), digit(value)]
}

/// Reads `YYYYMMDDHHMMSS`; refuses dates that do not exist and second 60.
fn from_digits(digits: &[u8]) -> Option<UnixTime> {
    let number = |range: core::ops::Range<usize>| -> Option<i64> {
        digits.get(range)?.iter().try_fold(0, |sum, octet| {
            octet.is_ascii_digit().then(|| sum * 10 + i64::from(octet - b'0'))
        })
    };
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, second) = (number(8..10)?, number(10..12)?, number(12..14)?);
    if digits.len() != 14 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    (civil_from_days(days) == (year, month, day))
        .then_some(UnixTime(days * DAY + hour * 3600 + minute * 60 + second))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years that
/// begin on the first of March (so that the leap day is a year's last).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (FIRST_UTC_TIME, "1950-01-01T00:00:00Z"),
            (FIRST_GENERALIZED, "2050-01-01T00:00:00Z"),
            (LAST, "9999-12-31T23:59:59Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
        ] {
            assert_eq!(UnixTime(seconds).to_string(), text);
            assert_eq!(UnixTime::parse_rfc3339(text), Ok(UnixTime(seconds)));
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert!(!UnixTime(i64::MAX).to_string().is_empty());
        assert!(!UnixTime(i64::MIN).to_string().is_empty());
        assert_eq!(UnixTime(i64::MAX).plus_seconds(1), UnixTime(i64::MAX));
    }

    #[test]
    fn refuses_dates_that_do_not_exist() {
        for text in [
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-01T00:00:00Z",
            "2023-01-00T00:00:00Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:60:00Z",
            "2023-01-01T00:00:60Z",
            "2023-01-01T00:00:00+00:00",
            "2023-01-01t00:00:00z",
            "2023-01-01T00:00:00.5Z",
            "",
        ] {
            assert_eq!(UnixTime::parse_rfc3339(text), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn refuses_times_with_fraction_offset_or_missing_seconds() {
        let utc = DerError::field("UTCTime", "not of the form YYMMDDHHMMSSZ");
        for content in ["2301010000Z", "230101000000+0000", "230101000000z", "23010100000.Z", ""] {
            let error = UnixTime::from_utc_time(content.as_bytes()).unwrap_err();
            if content == "23010100000.Z" {
                assert_eq!(error, DerError::field("UTCTime", "no such date and time"));
            } else {
                assert_eq!(error, utc, "{content}");
            }
        }
        let generalized = DerError::field("GeneralizedTime", "not of the form YYYYMMDDHHMMSSZ");
        for content in
            ["20500101000000.5Z", "205001010000Z", "20500101000000", "20500101000000-0100"]
        {
            assert_eq!(
                UnixTime::from_generalized_time(content.as_bytes()),
                Err(generalized.clone())
            );
        }
    }

    #[test]
    fn utc_time_turns_at_1950() {
        assert_eq!(UnixTime::from_utc_time(b"500101000000Z"), Ok(UnixTime(FIRST_UTC_TIME)));
        assert_eq!(UnixTime::from_utc_time(b"491231235959Z"), Ok(UnixTime(FIRST_GENERALIZED - 1)));
    }

    proptest! {
        #[test]
        fn digits_roundtrip(seconds in 0..=LAST) {
            let digits = UnixTime(seconds).digits().unwrap();
            prop_assert_eq!(from_digits(&digits), Some(UnixTime(seconds)));
        }
    }
}
