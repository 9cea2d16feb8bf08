//! The tests of `djwto-server`, in one binary.
