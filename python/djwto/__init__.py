"""JWT authentication for Django: two tokens, three ways to carry them, a Rust engine."""
