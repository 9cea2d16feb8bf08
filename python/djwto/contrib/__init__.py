"""Doors for other frameworks. Each module imports its framework, and nothing else imports it."""
