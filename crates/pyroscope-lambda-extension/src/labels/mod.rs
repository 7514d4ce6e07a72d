//! Labels that the relay adds to every profile, on each wire format.
