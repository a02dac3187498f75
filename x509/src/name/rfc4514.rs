//! The string form of names (RFC 4514).

use core::fmt::{self, Write};

use super::{Attribute, AttributeType, NameError};
use crate::reader::Parser;

/// Writes the RDNs, least significant first (RFC 4514 §2.1).
pub(super) fn write(rdns: &[Vec<Attribute>], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, rdn) in rdns.iter().rev().enumerate() {
        if index > 0 {
            f.write_char(',')?;
        }
        for (index, attribute) in rdn.iter().enumerate() {
            if index > 0 {
                f.write_char('+')?;
            }
            write_attribute(attribute, f)?;
        }
    }
    Ok(())
}

fn write_attribute(attribute: &Attribute, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}=", attribute.attribute_type())?;
    let preferred = Attribute::new(attribute.attribute_type(), attribute.value());
    // RFC 4514 §2.4: a dotted type takes the `#` form. So does a value whose string type would be
    // lost: reading the text back gives the same name.
    if attribute.attribute_type().short_name().is_none() || preferred.as_ref() != Ok(attribute) {
        f.write_char('#')?;
        return attribute.value_der().iter().try_for_each(|octet| write!(f, "{octet:02x}"));
    }
    let last = attribute.value().chars().count().saturating_sub(1);
    for (index, c) in attribute.value().chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{c}")?,
            ' ' if index == 0 || index == last => f.write_str("\\ ")?,
            '#' if index == 0 => f.write_str("\\#")?,
            // Control characters would reach terminals and logs.
            c if c.is_control() => {
                let mut octets = [0; 4];
                for octet in c.encode_utf8(&mut octets).bytes() {
                    write!(f, "\\{octet:02x}")?;
                }
            }
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

/// Reads the RDNs; gives the most significant one first.
pub(super) fn parse(text: &str) -> Result<Vec<Vec<Attribute>>, NameError> {
    let mut cursor = Cursor { chars: text.chars().collect(), at: 0 };
    let mut rdns = Vec::new();
    cursor.skip_spaces();
    if cursor.peek().is_none() {
        return Ok(rdns);
    }
    loop {
        let mut rdn = vec![cursor.attribute()?];
        while cursor.take('+') {
            rdn.push(cursor.attribute()?);
        }
        rdns.push(rdn);
        if cursor.peek().is_none() {
            break;
        }
        if !cursor.take(',') {
            return Err(cursor.error("expected a comma"));
        }
    }
    rdns.reverse();
    Ok(rdns)
}

struct Cursor {
    chars: Vec<char>,
    at: usize,
}

impl Cursor {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn skip_spaces(&mut self) {
        while self.take(' ') {}
    }

    fn error(&self, why: &'static str) -> NameError {
        NameError::Syntax { at: self.at, why }
    }

    fn attribute(&mut self) -> Result<Attribute, NameError> {
        self.skip_spaces();
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
            self.at += 1;
        }
        let word: String = self.chars.get(start..self.at).unwrap_or_default().iter().collect();
        let attribute_type: AttributeType = word
            .parse()
            .map_err(|_| NameError::Syntax { at: start, why: "unknown attribute type" })?;
        self.skip_spaces();
        if !self.take('=') {
            return Err(self.error("expected an equals sign"));
        }
        self.skip_spaces();
        if self.take('#') {
            return self.hex_value(attribute_type);
        }
        let value = self.string_value()?;
        Attribute::new(attribute_type, &value)
    }

    /// RFC 4514 §2.4: the DER of the value in hexadecimal.
    fn hex_value(&mut self, attribute_type: AttributeType) -> Result<Attribute, NameError> {
        let mut der = Vec::new();
        while self.peek().is_some_and(|c| c.is_ascii_hexdigit()) {
            der.push(self.hex_octet()?);
        }
        self.skip_spaces();
        let mut parser = Parser::new(&der);
        let attribute =
            Attribute::parse_value(attribute_type, &mut parser).map_err(NameError::Encoding)?;
        parser.finish().map_err(NameError::Encoding)?;
        Ok(attribute)
    }

    fn hex_octet(&mut self) -> Result<u8, NameError> {
        let mut octet = 0;
        for _ in 0..2 {
            let digit = self.peek().and_then(|c| c.to_digit(16)).and_then(|d| u8::try_from(d).ok());
            octet = octet << 4 | digit.ok_or(self.error("expected a hexadecimal digit"))?;
            self.at += 1;
        }
        Ok(octet)
    }

    fn string_value(&mut self) -> Result<String, NameError> {
        let start = self.at;
        let mut octets = Vec::new();
        // Spaces at the end count only where they are escaped.
        let mut significant = 0;
        while let Some(c) = self.peek() {
            match c {
                ',' | '+' => break,
                '"' | ';' | '<' | '>' | '\0' => return Err(self.error("character must be escaped")),
                '\\' => {
                    self.at += 1;
                    self.escaped(&mut octets)?;
                    significant = octets.len();
                }
                c => {
                    self.at += 1;
                    octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    if c != ' ' {
                        significant = octets.len();
                    }
                }
            }
        }
        octets.truncate(significant);
        String::from_utf8(octets)
            .map_err(|_| NameError::Syntax { at: start, why: "escaped octets are not UTF-8" })
    }

    fn escaped(&mut self, octets: &mut Vec<u8>) -> Result<(), NameError> {
        match self.peek() {
            Some(c) if r#""+,;<>\ #="#.contains(c) => {
                self.next();
                octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                Ok(())
            }
            _ => {
                octets.push(self.hex_octet()?);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Name, NameError};

    #[test]
    fn reads_and_writes_the_examples_of_rfc_4514() {
        // RFC 4514 §4.
        for (text, shown) in [
            ("UID=jsmith,DC=example,DC=net", "UID=jsmith,DC=example,DC=net"),
            ("OU=Sales+CN=J.  Smith,DC=example,DC=net", "OU=Sales+CN=J.  Smith,DC=example,DC=net"),
            (r#"CN=James \"Jim\" Smith\, III,DC=net"#, r#"CN=James \"Jim\" Smith\, III,DC=net"#),
            (r"CN=Before\0dAfter,DC=net", r"CN=Before\0dAfter,DC=net"),
            (r"CN=Lu\C4\8Di\C4\87", "CN=Lučić"),
            ("1.3.6.1.4.1.1466.0=#0C0461626364", "1.3.6.1.4.1.1466.0=#0c0461626364"),
            (" cn = a b , o = x ", "CN=a b,O=x"),
            (r"CN=\ a\ ", r"CN=\ a\ "),
            (r"CN=\#a", r"CN=\#a"),
            ("CN=#1e0200fc", "CN=#1e0200fc"),
            ("", ""),
        ] {
            let name = Name::parse_rfc4514(text).unwrap();
            assert_eq!(name.to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_name() {
        for (text, at, why) in [
            ("CN", 2, "expected an equals sign"),
            ("CN=a,", 5, "unknown attribute type"),
            ("XX=a", 0, "unknown attribute type"),
            ("CN=a;O=b", 4, "character must be escaped"),
            (r"CN=\zz", 4, "expected a hexadecimal digit"),
            (r"CN=\ff", 3, "escaped octets are not UTF-8"),
            ("CN=#0c0161 x", 11, "expected a comma"),
        ] {
            assert_eq!(Name::parse_rfc4514(text), Err(NameError::Syntax { at, why }), "{text}");
        }
    }
}
