"""The keys of `DJWTO_KEYS`: `files` reads them, `sets` changes them. Private to djwto."""
