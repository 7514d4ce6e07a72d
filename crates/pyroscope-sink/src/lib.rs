//! A Pyroscope-compatible receiver of profiles.
