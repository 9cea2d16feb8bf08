//! Essays: the reasons for the defaults, and the countermeasures against attacks.

pub mod defaults;
pub mod threats;
