//! Protocol Buffers as fields, without a schema.

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    /// All of it, its tag included.
    pub(super) bytes: &'a [u8],
    /// What is in it, where it has a length; else empty.
    pub(super) value: &'a [u8],
}

/// The bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message that is cut short, or none")]
pub(super) struct Malformed;

/// The fields of a message, in their order.
pub(super) fn fields(message: &[u8]) -> Result<Vec<Field<'_>>, Malformed> {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        let (tag, after) = varint(rest)?;
        let (value, after): (&[u8], &[u8]) = match tag & 7 {
            0 => (&[], varint(after)?.1),
            1 => (&[], after.get(8..).ok_or(Malformed)?),
            5 => (&[], after.get(4..).ok_or(Malformed)?),
            2 => {
                let (length, after) = varint(after)?;
                let length = usize::try_from(length).map_err(|_| Malformed)?;
                after.split_at_checked(length).ok_or(Malformed)?
            }
            _ => return Err(Malformed),
        };
        let bytes = start.get(..start.len() - after.len()).ok_or(Malformed)?;
        fields.push(Field { number: tag >> 3, bytes, value });
        rest = after;
    }
    Ok(fields)
}

/// The fields of the message that a field holds.
pub(super) fn fields_of<'a>(field: &Field<'a>) -> Result<Vec<Field<'a>>, Malformed> {
    fields(field.value)
}

/// The last field of this number, which is the one that counts.
pub(super) fn field<'a>(fields: &[Field<'a>], number: u64) -> Option<Field<'a>> {
    fields.iter().rfind(|field| field.number == number).copied()
}

fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, bytes.get(index + 1..).unwrap_or_default()));
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_into_its_fields() {
        let message = [8, 150, 1, 18, 2, b'h', b'i', 29, 1, 2, 3, 4, 33, 1, 2, 3, 4, 5, 6, 7, 8];
        let numbers: Vec<_> = fields(&message).unwrap().iter().map(|field| field.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(field(&fields(&message).unwrap(), 2).unwrap().value, b"hi");
        let all: Vec<_> = fields(&message).unwrap().iter().flat_map(|field| field.bytes.to_vec()).collect();
        assert_eq!(all, message);
    }

    #[test]
    fn a_message_that_is_cut_short_is_none() {
        for broken in [&[8][..], &[18, 3, 1], &[29, 1], &[33, 1], &[11], &[0x80; 12]] {
            assert_eq!(fields(broken), Err(Malformed), "{broken:?}");
        }
    }
}
