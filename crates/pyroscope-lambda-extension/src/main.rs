//! The extension.

fn main() {}
