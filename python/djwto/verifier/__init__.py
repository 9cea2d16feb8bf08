"""The app of a service that only verifies tokens. It replaces `djwto`, and has no tables."""
