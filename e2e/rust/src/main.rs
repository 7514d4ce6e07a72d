//! A profiled Lambda function with uneven work.

fn main() {}
