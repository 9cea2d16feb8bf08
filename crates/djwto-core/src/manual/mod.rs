//! Essays: why the defaults are what they are, and which attacks they answer.

pub mod defaults;
pub mod threats;
