//! The program `djwto-server`.

fn main() {}
