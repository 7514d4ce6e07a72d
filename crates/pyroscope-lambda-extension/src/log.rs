//! Log lines.

mod layout;

pub use self::layout::Layout;
