"""The app of a service that only verifies tokens: in the place of `djwto`, and without tables."""
