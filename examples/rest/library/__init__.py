"""A library of books: REST framework, drf-spectacular and simplejwt's clients with djwto."""
