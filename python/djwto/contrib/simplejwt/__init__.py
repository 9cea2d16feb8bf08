"""For projects that move in from djangorestframework-simplejwt: `docs/from-simplejwt.md`.

An app. Its `urls` answer as simplejwt's do, guards read simplejwt's tokens until a date, and
djwto's tokens carry the claims that other services read.
"""
