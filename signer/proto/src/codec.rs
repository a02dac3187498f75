//! The canonical codec of the boundary: big-endian, length-prefixed, one encoding a value.
//!
//! A [`Reader`] cannot overrun: every length is held against what is left before it is used,
//! and nothing is allocated from a number that the peer sent.

use thiserror::Error;

/// Why bytes are not the one encoding of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// The bytes end before the value does.
    #[error("the bytes end before the value does")]
    Truncated,
    /// Bytes follow the value.
    #[error("bytes follow the value")]
    Trailing,
    /// A length or count is larger than this field allows.
    #[error("{0} is longer than its limit")]
    TooLong(&'static str),
    /// A number does not name a member of its enumeration.
    #[error("{0} has no such value")]
    UnknownValue(&'static str),
    /// The value has another, canonical encoding, or breaks a rule of its type.
    #[error("{0} is not in its canonical form")]
    NotCanonical(&'static str),
}

/// Takes values off the front of a byte string.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns how many bytes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Takes exactly `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(WireError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// Takes exactly `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.rest = tail;
        Ok(*head)
    }

    /// Takes a byte string with a four-byte length of at most `limit`.
    pub fn string(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], WireError> {
        let length = u32::take(self)? as usize;
        if length > limit {
            return Err(WireError::TooLong(what));
        }
        self.bytes(length)
    }

    /// Takes UTF-8 text with a four-byte length of at most `limit` octets.
    pub fn text(&mut self, what: &'static str, limit: usize) -> Result<String, WireError> {
        let bytes = self.string(what, limit)?;
        core::str::from_utf8(bytes).map(str::to_owned).map_err(|_| WireError::NotCanonical(what))
    }

    /// Takes a list with a four-byte count of at most `limit`.
    ///
    /// The vector grows as elements are read, so a count that lies allocates nothing.
    pub fn list<T: Wire>(&mut self, what: &'static str, limit: usize) -> Result<Vec<T>, WireError> {
        let count = u32::take(self)? as usize;
        if count > limit {
            return Err(WireError::TooLong(what));
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::take(self)?);
        }
        Ok(items)
    }

    /// Ends the reading: whatever is left is an error.
    pub fn finish(self) -> Result<(), WireError> {
        if self.rest.is_empty() { Ok(()) } else { Err(WireError::Trailing) }
    }
}

/// Appends values to a byte string.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Starts empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Appends a byte string behind its four-byte length.
    ///
    /// A string that no reader would take (4 GiB or more) is cut to its limit's error on the
    /// other side: the length saturates and the reader refuses it.
    pub fn string(&mut self, bytes: &[u8]) {
        u32::try_from(bytes.len()).unwrap_or(u32::MAX).put(self);
        self.raw(bytes);
    }

    /// Appends a list behind its four-byte count.
    pub fn list<T: Wire>(&mut self, items: &[T]) {
        u32::try_from(items.len()).unwrap_or(u32::MAX).put(self);
        for item in items {
            item.put(self);
        }
    }

    /// Returns what was written.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.out
    }
}

/// A value with exactly one encoding.
pub trait Wire: Sized {
    /// Appends the encoding.
    fn put(&self, w: &mut Writer);
    /// Takes the value off the front, or says why it is none.
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError>;

    /// Returns the encoding.
    fn to_wire(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.put(&mut w);
        w.into_vec()
    }

    /// Reads a value that fills `bytes` to the end.
    fn from_wire(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        let value = Self::take(&mut r)?;
        r.finish()?;
        Ok(value)
    }
}

macro_rules! number {
    ($($t:ty),*) => {$(
        impl Wire for $t {
            fn put(&self, w: &mut Writer) {
                w.raw(&self.to_be_bytes());
            }
            fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok(<$t>::from_be_bytes(r.array()?))
            }
        }
    )*};
}
number!(u8, u16, u32, u64, i64);

impl Wire for bool {
    fn put(&self, w: &mut Writer) {
        u8::from(*self).put(w);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::take(r)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError::NotCanonical("bool")),
        }
    }
}

impl Wire for () {
    fn put(&self, _: &mut Writer) {}
    fn take(_: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(())
    }
}

impl<const N: usize> Wire for [u8; N] {
    fn put(&self, w: &mut Writer) {
        w.raw(self);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.array()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, w: &mut Writer) {
        self.is_some().put(w);
        if let Some(value) = self {
            value.put(w);
        }
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(if bool::take(r)? { Some(T::take(r)?) } else { None })
    }
}

/// Implements [`Wire`] for a struct field by field, in the order given.
macro_rules! wire_struct {
    ($(#[$m:meta])* pub struct $name:ident { $($(#[$fm:meta])* pub $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$m])*
        pub struct $name { $($(#[$fm])* pub $field: $ty),* }
        impl $crate::codec::Wire for $name {
            fn put(&self, _w: &mut $crate::codec::Writer) {
                $($crate::codec::Wire::put(&self.$field, _w);)*
            }
            fn take(_r: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::WireError> {
                Ok(Self { $($field: <$ty as $crate::codec::Wire>::take(_r)?),* })
            }
        }
    };
}

/// Declares an enumeration of unit variants with fixed numbers and texts.
macro_rules! wire_enum {
    ($(#[$m:meta])* pub enum $name:ident : $repr:ty { $($(#[$vm:meta])* $variant:ident = $code:literal, $text:literal),* $(,)? }) => {
        $(#[$m])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr($repr)]
        pub enum $name { $($(#[$vm])* $variant = $code),* }
        impl $name {
            /// Every member, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Returns the fixed number.
            #[must_use]
            pub fn code(self) -> $repr { self as $repr }
            /// Returns the member with this number.
            #[must_use]
            pub fn from_code(code: $repr) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
            /// Returns the fixed text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl core::str::FromStr for $name {
            type Err = $crate::codec::WireError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                match s { $($text => Ok(Self::$variant),)* _ => Err($crate::codec::WireError::UnknownValue(stringify!($name))) }
            }
        }
        impl $crate::codec::Wire for $name {
            fn put(&self, w: &mut $crate::codec::Writer) { $crate::codec::Wire::put(&self.code(), w); }
            fn take(r: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::WireError> {
                Self::from_code(<$repr as $crate::codec::Wire>::take(r)?)
                    .ok_or($crate::codec::WireError::UnknownValue(stringify!($name)))
            }
        }
    };
}

pub(crate) use {wire_enum, wire_struct};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_count_that_lies_reads_nothing() {
        let mut bytes = u32::MAX.to_be_bytes().to_vec();
        let mut r = Reader::new(&bytes);
        assert_eq!(r.list::<u64>("x", 10), Err(WireError::TooLong("x")));
        bytes = 10u32.to_be_bytes().to_vec();
        let mut r = Reader::new(&bytes);
        assert_eq!(r.list::<u64>("x", 10), Err(WireError::Truncated));
    }

    #[test]
    fn a_bool_has_two_encodings_only() {
        assert_eq!(bool::from_wire(&[2]), Err(WireError::NotCanonical("bool")));
        assert_eq!(bool::from_wire(&[1, 0]), Err(WireError::Trailing));
        assert_eq!(Option::<u16>::from_wire(&[1, 0]), Err(WireError::Truncated));
    }
}
