//! The command `lambda-sandbox`.
fn main() {}
