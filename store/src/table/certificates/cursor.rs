//! Where a list goes on.

use std::fmt;
use std::str::FromStr;

/// Marks the last row of a page; its text form is safe in URLs and means nothing to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub(super) Position);

/// Is the sort key of a row, by the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// Newest first.
    Newest { seq: i64 },
    /// By expiry.
    Expiry { not_after: i64, seq: i64 },
    /// By name.
    Name { reversed: String, seq: i64 },
}

/// Says that a text is no cursor. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Position::Newest { seq } => write!(f, "n{seq}"),
            Position::Expiry { not_after, seq } => write!(f, "e{not_after}_{seq}"),
            Position::Name { reversed, seq } => {
                write!(f, "s{seq}_")?;
                reversed.bytes().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (order, rest) = text.split_at_checked(1).ok_or(CursorError)?;
        let number = |text: &str| text.parse::<i64>().map_err(|_| CursorError);
        let pair = || rest.split_once('_').ok_or(CursorError);
        let position = match order {
            "n" => Position::Newest { seq: number(rest)? },
            "e" => {
                let (not_after, seq) = pair()?;
                Position::Expiry { not_after: number(not_after)?, seq: number(seq)? }
            }
            "s" => {
                let (seq, hex) = pair()?;
                Position::Name { reversed: from_hex(hex)?, seq: number(seq)? }
            }
            _ => return Err(CursorError),
        };
        Ok(Self(position))
    }
}

fn from_hex(hex: &str) -> Result<String, CursorError> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return Err(CursorError);
    }
    let octets: Result<Vec<u8>, _> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16)).collect();
    String::from_utf8(octets.map_err(|_| CursorError)?).map_err(|_| CursorError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_roundtrips_and_is_safe_in_urls() {
        for position in [
            Position::Newest { seq: 7 },
            Position::Expiry { not_after: -1, seq: i64::MAX },
            Position::Name { reversed: "elpmaxe.ä/?&".to_owned(), seq: 3 },
            Position::Name { reversed: String::new(), seq: 3 },
        ] {
            let text = Cursor(position.clone()).to_string();
            assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{text}");
            assert_eq!(text.parse(), Ok(Cursor(position)));
        }
    }

    #[test]
    fn refuses_what_is_no_cursor() {
        for text in ["", "x1", "n", "nx", "e1", "e1_x", "s1_zz", "s1_6", "s1_ff", "äöü", "s1_é"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }
}
