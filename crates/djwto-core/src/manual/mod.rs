//! Essays: why the defaults are what they are.

pub mod defaults;
