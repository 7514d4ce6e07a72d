//! As much of the ELF format as tells whether a binary can run in any function of an architecture.

use super::architecture::Architecture;

/// The kind of program header that names a dynamic loader.
const INTERPRETER: u32 = 3;

/// What keeps `binary` from running in every function of `architecture`, as the end of a sentence.
pub(super) fn unfit(binary: &[u8], architecture: Architecture) -> Option<&'static str> {
    let Some(machine) = machine(binary) else {
        return Some("is not a program for 64-bit Linux");
    };
    if machine != architecture.machine() {
        return Some("is a program for another processor");
    }
    match program_headers(binary) {
        None => Some("ends within its head"),
        Some(kinds) if kinds.contains(&INTERPRETER) => {
            Some("is not static: it needs the dynamic loader of one C library, which not every function has")
        }
        Some(_) => None,
    }
}

/// Whether `binary` is a program that needs no dynamic loader.
pub(crate) fn is_static(binary: &[u8]) -> bool {
    machine(binary).is_some() && program_headers(binary).is_some_and(|kinds| !kinds.contains(&INTERPRETER))
}

/// The processor of a little-endian 64-bit binary.
fn machine(binary: &[u8]) -> Option<u16> {
    if !binary.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    u16_at(binary, 0x12)
}

/// The kinds of the program headers.
fn program_headers(binary: &[u8]) -> Option<Vec<u32>> {
    let first = usize::try_from(u64::from_le_bytes(bytes_at(binary, 0x20)?)).ok()?;
    let size = usize::from(u16_at(binary, 0x36)?);
    let count = usize::from(u16_at(binary, 0x38)?);
    (0..count)
        .map(|at| Some(u32::from_le_bytes(bytes_at(binary, first.checked_add(at.checked_mul(size)?)?)?)))
        .collect()
}

fn u16_at(binary: &[u8], at: usize) -> Option<u16> {
    bytes_at(binary, at).map(u16::from_le_bytes)
}

fn bytes_at<const COUNT: usize>(binary: &[u8], at: usize) -> Option<[u8; COUNT]> {
    binary.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A head with one program header of this kind behind it.
    fn binary(machine: u16, kind: u32) -> Vec<u8> {
        let mut binary = vec![0; 64];
        binary[..6].copy_from_slice(b"\x7fELF\x02\x01");
        binary[0x12..0x14].copy_from_slice(&machine.to_le_bytes());
        binary[0x20..0x28].copy_from_slice(&64_u64.to_le_bytes());
        binary[0x36..0x38].copy_from_slice(&56_u16.to_le_bytes());
        binary[0x38..0x3a].copy_from_slice(&1_u16.to_le_bytes());
        binary.extend(kind.to_le_bytes());
        binary.resize(64 + 56, 0);
        binary
    }

    #[test]
    fn a_static_binary_of_the_architecture_is_fit() {
        assert_eq!(unfit(&binary(62, 1), Architecture::X86_64), None);
        assert_eq!(unfit(&binary(183, 1), Architecture::Arm64), None);
    }

    #[test]
    fn a_binary_that_needs_a_loader_is_unfit() {
        assert!(unfit(&binary(62, INTERPRETER), Architecture::X86_64).unwrap().contains("not static"));
    }

    #[test]
    fn a_binary_of_the_other_architecture_is_unfit() {
        assert!(unfit(&binary(62, 1), Architecture::Arm64).unwrap().contains("another processor"));
    }

    #[test]
    fn a_static_binary_is_told_from_one_with_a_loader_and_from_a_script() {
        assert!(is_static(&binary(62, 1)));
        assert!(!is_static(&binary(62, INTERPRETER)));
        assert!(!is_static(b"#!/bin/sh"));
    }

    #[test]
    fn what_is_no_whole_binary_is_unfit() {
        assert!(unfit(b"#!/bin/sh", Architecture::X86_64).is_some());
        assert!(unfit(&binary(62, 1)[..70], Architecture::X86_64).is_none());
        assert!(unfit(&binary(62, 1)[..66], Architecture::X86_64).is_some());
    }
}
