"""A faster password hasher, with the same hashes as Django's."""

import base64
import hashlib

from django.contrib.auth import hashers
from django.utils.encoding import force_bytes, force_str

from djwto import _core

__all__ = ["PBKDF2PasswordHasher"]


class PBKDF2PasswordHasher(hashers.PBKDF2PasswordHasher):
    """Django's default hasher, computed by the engine: for `PASSWORD_HASHERS`.

    It makes the same text from the same password, salt and iterations. So each of the two verifies
    the passwords that the other has stored. It raises the same exceptions.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Return the text to store for a password (PBKDF2 with HMAC-SHA-256, RFC 8018 §5.2).

        `iterations` None or 0 takes the default of the hasher. Raises `TypeError`, `ValueError`
        and `OverflowError`, as Django's hasher does.
        """
        try:
            if self.digest is not hashlib.sha256:  # a project's subclass wants another hash
                return super().encode(password, salt, iterations)
            self._check_encode_args(password, salt)  # type: ignore[attr-defined]
            iterations, salt = iterations or self.iterations, force_str(salt)
            derived = _core.pbkdf2_sha256(force_bytes(password), force_bytes(salt), iterations)
        finally:
            del password  # error trackers show the variables of every frame
        hash_ = base64.b64encode(derived).decode("ascii")
        return f"{self.algorithm}${iterations:d}${salt}${hash_}"
