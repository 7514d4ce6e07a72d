//! Protobuf by its fields, unknown ones included, as `prost` takes it apart.

use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// A field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// A string, bytes or a message: its number and what it holds.
    Delimited(u32, &'a [u8]),
    /// Any other, as it stands on the wire.
    Other(&'a [u8]),
}

/// The fields of a message in their order, or `None` where it is none, or holds a group.
pub fn fields(mut message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    while message.has_remaining() {
        let whole = message;
        let (number, wire_type) = decode_key(&mut message).ok()?;
        match wire_type {
            WireType::StartGroup | WireType::EndGroup => return None,
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
                let (bytes, rest) = message.split_at_checked(length)?;
                message = rest;
                fields.push(Field::Delimited(number, bytes));
            }
            _ => {
                skip_field(wire_type, number, &mut message, DecodeContext::default()).ok()?;
                fields.push(Field::Other(&whole[..whole.len() - message.len()]));
            }
        }
    }
    Some(fields)
}

/// A message as the first field of another: its key, its length, itself.
pub fn first_field(message: &impl prost::Message) -> Vec<u8> {
    let mut field = vec![0x0a];
    field.extend(message.encode_length_delimited_to_vec());
    field
}
