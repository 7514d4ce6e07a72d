//! The protobuf wire format: enough to find fields and to say how long they become.
//!
//! It follows the encoding guide at <https://protobuf.dev/programming-guides/encoding/>. Groups, which no profile uses, are refused.

use std::ops::Range;

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const DELIMITED: u64 = 2;
const FIXED32: u64 = 5;

/// Why bytes are no protobuf message. The numbers are bytes from the beginning of the decompressed body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A field goes on behind the end of its message.
    #[error("the field at byte {0} goes on behind the end of its message")]
    Truncated(usize),
    /// A varint doesn't fit into 64 bits.
    #[error("the varint in the field at byte {0} is longer than 64 bits")]
    Varint(usize),
    /// A field's number is 0 or more than 29 bits.
    #[error("the field at byte {0} has a number that no field can have")]
    Number(usize),
    /// A field is a group, or has a wire type that doesn't exist.
    #[error("the field at byte {0} has a wire type that is not supported")]
    WireType(usize),
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    pub(super) value: Value<'a>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Varint(u64),
    Delimited(Delimited<'a>),
    /// Four or eight bytes, which no editor looks at.
    Fixed,
}

/// A string, a message, or anything else that tells its length, and where it stands in the body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delimited<'a> {
    pub(super) bytes: &'a [u8],
    /// Where the length begins.
    length_at: usize,
    /// Where the bytes begin.
    at: usize,
}

/// The fields of a message, in the order of the wire. It ends behind the first error.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    at: usize,
}

// === impl Delimited ===

impl<'a> Delimited<'a> {
    /// A body that is one message.
    pub(super) fn body(bytes: &'a [u8]) -> Self {
        Self { bytes, length_at: 0, at: 0 }
    }

    /// The bytes of the body that tell the length.
    pub(super) fn length(self) -> Range<usize> {
        self.length_at..self.at
    }

    pub(super) fn fields(self) -> Fields<'a> {
        Fields { rest: self.bytes, at: self.at }
    }

    /// Each length-delimited field of this number.
    pub(super) fn all(self, number: u64) -> impl Iterator<Item = Result<Delimited<'a>, Malformed>> {
        self.fields().filter_map(move |field| match field {
            Ok(Field { number: found, value: Value::Delimited(value) }) if found == number => Some(Ok(value)),
            Ok(_) => None,
            Err(malformed) => Some(Err(malformed)),
        })
    }

    /// The field of this number that counts, which is the last, or nothing.
    pub(super) fn last(self, number: u64) -> Result<&'a [u8], Malformed> {
        self.all(number).try_fold([].as_slice(), |_, value| Ok(value?.bytes))
    }
}

// === impl Fields ===

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<Field<'a>, Malformed> {
        let start = self.at;
        let key = self.varint(start)?;
        let number = key >> 3;
        if number == 0 || key > u64::from(u32::MAX) {
            return Err(Malformed::Number(start));
        }
        let value = match key & 7 {
            VARINT => Value::Varint(self.varint(start)?),
            FIXED64 => self.take(8, start).map(|_| Value::Fixed)?,
            FIXED32 => self.take(4, start).map(|_| Value::Fixed)?,
            DELIMITED => {
                let length_at = self.at;
                let length = self.varint(start)?;
                let at = self.at;
                let bytes = self.take(length, start)?;
                Value::Delimited(Delimited { bytes, length_at, at })
            }
            _ => return Err(Malformed::WireType(start)),
        };
        Ok(Field { number, value })
    }

    fn take(&mut self, length: u64, start: usize) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed::Truncated(start))?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated(start))?;
        self.rest = rest;
        self.at += length;
        Ok(taken)
    }

    fn varint(&mut self, start: usize) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Malformed::Truncated(start))?;
            self.rest = rest;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed::Varint(start));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Varint(start))
    }
}

/// Appends a varint.
pub(crate) fn put_varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

/// How many bytes [`put_varint`] appends.
pub(super) fn varint_length(value: usize) -> usize {
    let bits = usize::BITS - value.leading_zeros();
    usize::try_from(bits.div_ceil(7)).unwrap_or(0).max(1)
}

/// Appends the key and the length of a length-delimited field, behind which its bytes belong.
pub(crate) fn put_delimited(number: u8, length: usize, out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    put_varint(length, out);
}

/// How many bytes a length-delimited field takes, its number being under 16.
pub(super) fn delimited_length(length: usize) -> usize {
    1 + varint_length(length) + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_is_as_long_as_told() {
        for value in [0, 1, 127, 128, 16_383, 16_384, usize::MAX >> 1, usize::MAX] {
            let mut out = Vec::new();
            put_varint(value, &mut out);
            assert_eq!(out.len(), varint_length(value), "{value}");
            let mut fields = Fields { rest: &out, at: 0 };
            assert_eq!(fields.varint(0), Ok(value as u64));
        }
    }

    #[test]
    fn what_is_no_message_is_told_with_its_place() {
        let table: [(&[u8], Malformed); 9] = [
            (&[0x0a], Malformed::Truncated(0)),
            (&[0x08, 0x01, 0x0a, 0x05, 0x00], Malformed::Truncated(2)),
            (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Malformed::Truncated(0)),
            (&[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02], Malformed::Varint(0)),
            (&[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80], Malformed::Varint(0)),
            (&[0x02, 0x00], Malformed::Number(0)),
            (&[0x80, 0x80, 0x80, 0x80, 0x10], Malformed::Number(0)),
            (&[0x0b, 0x0c], Malformed::WireType(0)),
            (&[0x0d, 1, 2, 3], Malformed::Truncated(0)),
        ];
        for (bytes, expected) in table {
            let error = Delimited::body(bytes).fields().find_map(Result::err);
            assert_eq!(error, Some(expected), "{bytes:?}");
        }
    }
}
