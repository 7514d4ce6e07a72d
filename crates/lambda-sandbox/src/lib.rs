//! A Lambda execution environment on this machine.
