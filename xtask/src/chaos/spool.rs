//! Which profiles a process left to the next.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::load::profile::NUMBER;

/// Between a header's name and its value there are no more bytes than these: a length.
const LENGTH: usize = 8;

/// The numbers of the profiles in a spool; none where there is no spool.
pub(super) fn numbers(folder: &Path) -> BTreeSet<u64> {
    let files = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    files.filter_map(|file| number(&fs::read(file.path()).ok()?)).collect()
}

/// The number in a spooled upload: its header is in there as it came.
fn number(record: &[u8]) -> Option<u64> {
    let name = NUMBER.as_bytes();
    let at = record.windows(name.len()).position(|window| window == name)?;
    let behind = record.get(at + name.len()..)?;
    let start = behind.iter().take(LENGTH + 1).position(u8::is_ascii_digit)?;
    let digits = behind.iter().skip(start).take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_profile_is_known_by_its_header() {
        let record =
            [b"pyrospl\x01x-profile-number".as_slice(), &3_u64.to_le_bytes(), b"421\x04text"].concat();
        assert_eq!(number(&record), Some(421));
        assert_eq!(number(b"something else"), None);
    }
}
