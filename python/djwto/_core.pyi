"""The Rust engine. This module only converts; the rules are in `crates/djwto-core`."""

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, Protocol, TypeAlias, final

__all__ = [
    "CHALLENGE",
    "KNOWN_ATTEMPTS",
    "MARGIN_SECONDS",
    "NO_STORE",
    "PRIVATE",
    "Attempt",
    "Authenticated",
    "CacheInfo",
    "Count",
    "EndedReader",
    "Engine",
    "Freshness",
    "HeardMessage",
    "KeyRing",
    "OpenedSession",
    "Proxies",
    "Renewal",
    "RenewedClaims",
    "RequiredPermissions",
    "Revocations",
    "SetCookie",
    "Token",
    "account_name",
    "algorithms",
    "check_charset",
    "check_fields",
    "check_jwt_type",
    "check_login",
    "check_user",
    "codes",
    "device",
    "end_reasons",
    "end_statement",
    "generate_jwk",
    "is_foreign",
    "is_live",
    "is_script_name",
    "jwt_type",
    "may_renew",
    "modes",
    "network",
    "pbkdf2_sha256",
    "read_fields",
    "read_parts",
    "read_urlencoded",
    "refusal",
    "session_of",
    "status_of",
    "unrenewable",
]

CHALLENGE: Final[str]
"""The challenge of every 401."""
KNOWN_ATTEMPTS: Final[int]
"""The attempts of a network that the account knows, if a counter of the account is full."""
NO_STORE: Final[tuple[str, str]]
"""The header of a reply with tokens."""
PRIVATE: Final[list[tuple[str, str]]]
"""The headers of a reply that depends on who asks."""
MARGIN_SECONDS: Final[int]
"""How much longer than needed an ended session is remembered."""

@final
class KeyRing:
    """One key that signs, and any number that verify, each bound to one algorithm.

    Fallbacks are pairs of an algorithm's name and a key (a secret, PEM, DER or a JWK): they verify
    and never sign. Raises `exceptions.SettingError` naming the argument that is wrong.
    """

    @staticmethod
    def load(
        algorithm: str,
        signing_key: bytes | None,
        verifying_key: bytes | None,
        fallbacks: Sequence[tuple[str, bytes]],
    ) -> KeyRing:
        """Take a secret, or the keys of a pair as PEM or DER; either may be missing."""

    @staticmethod
    def from_jwks(text: bytes, fallbacks: Sequence[tuple[str, bytes]]) -> KeyRing:
        """Take a JWK Set (RFC 7517 §5). The key whose `djwto_state` is `active` signs."""

    @staticmethod
    def from_files(
        files: Sequence[tuple[str, bytes]],
        rsa_algorithm: str,
        fallbacks: Sequence[tuple[str, bytes]],
    ) -> KeyRing:
        """Take PEM files: names without `.pem`, and texts. The key named `signing` signs."""

    @property
    def can_sign(self) -> bool: ...
    @property
    def short_secrets(self) -> list[str]:
        """The algorithms of the secrets that are shorter than their hash (RFC 7518 §3.2)."""

    @property
    def skipped(self) -> list[str]:
        """The keys of a set that cannot be used, each with the reason."""

    def public_jwks(self) -> str:
        """Return the public halves as a JWK Set; secrets are left out."""

    def payload_of(self, token: str) -> bytes:
        """Verify the signature of a token, and nothing else; give its payload.

        For a format that is not djwto's. Raises `exceptions.JWTValidationError`.
        """

@final
class Revocations:
    """The ended sessions that a process knows: ids (16 bytes of a UUID), and until when."""

    def __new__(cls) -> Revocations: ...
    def extend(self, ended: Sequence[tuple[bytes, int]]) -> None:
        """Remember sessions, each until this time, in seconds since 1970-01-01T00:00:00Z."""

    def forget_before(self, time: int) -> None:
        """Forget the sessions that had to be remembered until a time before this one."""

    def __contains__(self, session: bytes, /) -> bool: ...
    def __len__(self) -> int: ...

@final
class Freshness:
    """How far the set may be trusted. Times are seconds of `time.monotonic`.

    Without `interval` it is trusted for ever. Without `max_age` a set of any age is.
    """

    def __new__(cls, interval: float | None, max_age: float | None) -> Freshness: ...
    @property
    def fresh_until(self) -> float: ...
    def is_awaited(self, now: float) -> bool:
        """Whether `guard` would let a guard wait."""

    def guard(self, now: float, waits: int) -> tuple[bool, float]:
        """Whether the set may be trusted; if not, how many seconds to wait for a look.

        After that `guard` is called again, with one more of `waits`. 0: it refuses the request.
        """

    def begin(self, now: float) -> None:
        """Begin a look."""

    def succeeded(self, started: float, now: float) -> float:
        """End a look that began at `started`. Returns the seconds to the next one."""

    def failed(self, now: float) -> float:
        """End a look that failed. Returns the seconds to the next one."""

    def seconds_until_next(self, started: float, now: float) -> float:
        """Return the seconds to wait at least after a look that began at `started`."""

_PageQuery: TypeAlias = tuple[list[tuple[str, str, Any]], int]
"""Conditions, each a column, a lookup of Django's and a value; and the greatest number of rows.

Rows are in the order of `revoked_at`, `access_until`, `id`.
"""

@final
class EndedReader:
    """What a look at the database asks, so that what is known is not read again.

    What it reads goes into the set. A statement reads `page_rows` at most, and a look goes on for
    `share_seconds` with a reload that was begun. `now` is by `time.monotonic`, `server_now` by
    `time.time`.
    """

    def __new__(
        cls, revocations: Revocations, page_rows: int, share_seconds: float
    ) -> EndedReader: ...
    def begin(
        self, now: float, server_now: float, interval: float
    ) -> tuple[tuple[int, int] | None, _PageQuery | None]:
        """Begin a look. What was left of another one has failed.

        Asks for a page, or how many sessions ended in each slice since so long before the
        database's present time: how long, and the length of a slice, in microseconds.
        """

    def counted(self, counts: dict[int, int], now: float) -> _PageQuery | None:
        """Take the numbers by the start of the slice. None: the look is done."""

    def read(self, rows: list[tuple[int, int, bytes]], now: float) -> _PageQuery | None:
        """Take the rows of a page. None: the look is done."""

@final
class HeardMessage:
    """What a message of ended sessions means."""

    @property
    def left_out(self) -> int:
        """How many sessions found no room in the set."""

    @property
    def needs_look(self) -> bool:
        """Whether to look at the database now."""

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next message is heard."""

@final
class Engine:
    """Keys, policy and transport, checked and parsed once.

    Raises `exceptions.SettingError` naming the argument that is wrong. Times are seconds since
    1970-01-01T00:00:00Z; headers are the raw values, decoded as Latin-1 as Django holds them.
    """

    def __new__(
        cls,
        *,
        keys: KeyRing,
        issuer: str | None,
        subject: str | None,
        audience: str | Sequence[str] | None,
        issued_at: bool,
        jti: bool,
        access_lifetime: timedelta | None,
        refresh_lifetime: timedelta | None,
        not_before: timedelta,
        modes: Sequence[str],
        refresh_path: str,
        same_site: str | None,
        domain: str | None,
        cache_entries: int,
        cache_bytes: int,
        accept_legacy: bool = True,
        rotation: str = "cookies",
        refresh_grace: timedelta = ...,
        revocations: Revocations | None = None,
        user_as_subject: bool = False,
        cookie_prefix: str = "",
        public_path: str = "",
        session_lifetime: timedelta | None = None,
        schemes: Sequence[str] = ...,
    ) -> Engine: ...
    @property
    def modes(self) -> list[str]: ...
    @property
    def can_sign(self) -> bool: ...
    def offered_mode(self, name: str | None = None) -> str:
        """Check the mode that a login asks for; None is the default.

        Raises `exceptions.JWTError` (`mode_unknown`).
        """

    def cache_info(self) -> CacheInfo:
        """Return what the cache of verified tokens holds, and how it fares."""
    def authenticate(
        self,
        authorization: str | None,
        cookie: str | None,
        kind: str,
        now: float,
        *,
        tenant: str | None = None,
        allow_revoked: bool = False,
    ) -> Authenticated:
        """Find and verify a request's token. Raises `exceptions.JWTValidationError`.

        `tenant` is the tenant that it must name; None does not look at that claim. `allow_revoked`
        takes the tokens of ended sessions too.
        """

    def authenticate_each(
        self, cookie: str | None, kind: str, now: float, *, tenant: str | None = None
    ) -> list[Authenticated]:
        """Verify every cookie that may be the token, of ended sessions too: for a logout alone.

        At most 16 are looked at.
        """

    def find(self, authorization: str | None, cookie: str | None, kind: str) -> tuple[str, str]:
        """Find a token and its mode, unverified. Raises `exceptions.JWTValidationError`."""

    def answering_mode(self, authorization: str | None, cookie: str | None) -> str:
        """Return the mode of the reply to a request, whether or not its token is good."""

    def decode(
        self, token: str, kind: str | None, now: float, *, tenant: str | None = None
    ) -> dict[str, Any]:
        """Verify a token; `kind` None takes either. Raises `exceptions.JWTValidationError`."""

    def login_claims(self, now: float, *, tenant: str | None = None) -> dict[str, Any]:
        """Make the registered claims of the first refresh token of a new session."""

    def access_claims(
        self,
        now: float,
        *,
        session: str | None = None,
        generation: int | None = None,
        refresh_iat: float | None = None,
        refresh_exp: float | None = None,
        ends: float | None = None,
        tenant: str | None = None,
    ) -> dict[str, Any]:
        """Make the registered claims of the access token that goes with a refresh token.

        With a `generation`, it is the one of that generation, and made again it has the same `jti`.
        """

    def open_session(
        self,
        mode: str,
        lifetime: timedelta | None,
        *,
        sid: str | None,
        iat: float | None,
        exp: float | None,
        now: float,
        tenant: str | None = None,
    ) -> OpenedSession:
        """Open a session that lasts so long; None leaves that to the settings.

        `sid`, `iat` and `exp` are what a project has put into the first refresh token by itself.
        Raises `exceptions.JWTIssueError`.
        """

    @staticmethod
    def legacy_session(jti: str) -> str:
        """Name the session of a token of 0.0.4, which has none."""

    def encode(self, claims: dict[str, Any]) -> str | None:
        """Sign claims of plain types; None where others must be made JSON first.

        Raises `exceptions.JWTIssueError`.
        """

    def issue(self, claims: dict[str, Any]) -> Token | None:
        """Sign claims of plain types for a token to deliver; None as for `encode`."""

    def sign(self, claims: str) -> Token:
        """Sign JSON text. Raises `exceptions.JWTIssueError`."""

    def hear_ended(self, message: bytes, now: float) -> HeardMessage:
        """Verify a message of `sign_ended`, and remember what it tells if it is good."""

    def sign_ended(self, ended: Sequence[tuple[bytes, int]], now: float) -> list[str]:
        """Return the messages that tell other processes of ended sessions (`Revocations.extend`).

        Where nothing can be signed, or too many end at once, it is one that makes them look.
        """

    def bytes_over_limit(self, mode: str, refresh_bytes: int, access: Token | None) -> int:
        """Count the bytes by which tokens are too large for their mode; 0 where they fit.

        `refresh_bytes` is the length of the refresh token; `access` None looks at that one alone.
        """

    def deliver(
        self,
        mode: str,
        refresh: Token | None,
        access: Token,
        cookie: str | None,
        script_prefix: str,
        now: float,
    ) -> list[SetCookie]:
        """Return which cookies carry the tokens; none in JSON mode.

        `script_prefix` is the part of the request's path under which Django is mounted.
        """

    def clear(self, cookie: str | None, script_prefix: str) -> list[SetCookie]:
        """Return which cookies to clear at logout."""

    def clear_doubled(self, cookie: str | None, host: str, path: str, turn: int) -> list[SetCookie]:
        """Return how to clear the token cookies that came more than once, wherever they may be.

        `path` is the request's, decoded. If that is too much for one reply, each `turn` gives
        another part. With `__Host-` there is nothing to clear.
        """

_Statement: TypeAlias = tuple[list[tuple[str, str, Any]], list[tuple[str, str, Any]]]
"""A conditional update of a session's row: conditions and changes, each of a column.

Conditions: `is_null`, `at_most` a number, `one_of` a list. Changes: a `value`, `at_least` a number,
`of` another column, `store_now`.
"""

@final
class RequiredPermissions:
    """The permissions that a guard requires, all of them."""

    def __new__(cls, permissions: list[str]) -> RequiredPermissions: ...
    def check(self, user: dict[str, Any]) -> bool:
        """Check them against a token's `user` claim.

        False where the token does not carry its user's permissions, since they were too many: then
        `check_list` decides. Raises `exceptions.JWTError` (`permissions_insufficient`,
        `permissions_invalid`).
        """

    def check_list(self, permissions: list[str]) -> bool:
        """Check them against permissions from the store. Returns True, or raises as `check`."""

@final
class Renewal:
    """The steps of a renewal: `begin`, `check_generation`, `check_user`, `renew`. Each runs once.

    Times are microseconds since 1970-01-01T00:00:00Z. Rows are of the model `Session`; a user is
    `user_rows.facts`. Raises `exceptions.JWTError`, whose `ends` says why the session must be
    ended.
    """

    def __new__(cls, engine: Engine, claims: dict[str, Any], mode: str) -> Renewal: ...
    @property
    def session(self) -> str: ...
    @property
    def is_legacy(self) -> bool:
        """Whether the token is one of 0.0.4, which names no session."""

    def adopt(self, row: Any, is_blacklisted: bool, now: int) -> dict[str, Any] | None:
        """Return the row to write for a token of 0.0.4, where there is none yet."""

    def legacy_row(self, kind: str, now: int) -> dict[str, Any]:
        """Return that row in any case."""

    def check(self, row: Any, is_blacklisted: bool, store_now: int) -> None:
        """Judge the token without renewing anything."""

    def begin(self, extends_refresh: bool, now: int) -> _Statement:
        """Return the first statement, which moves a session on that is rotated."""

    def check_generation(self, row: Any, has_won: bool, store_now: int) -> None:
        """Judge the token; `has_won` says that the statement has touched the row."""

    def check_user(self, user: tuple[bool, list[str]] | None) -> None:
        """Check the user; None if there is no such user."""

    def renew(self, device: str, user_agent: str, address: str, now: int) -> RenewedClaims:
        """Make the claims, and the last statement. Raises `exceptions.JWTIssueError`."""

@final
class RenewedClaims:
    """What a renewal gives."""

    @property
    def refresh(self) -> dict[str, Any] | None:
        """The registered claims of the new refresh token; None where the old one stays."""

    @property
    def access(self) -> dict[str, Any]: ...
    @property
    def update(self) -> _Statement | None:
        """The last statement; `finish` wants to know how many rows it has touched."""

    @property
    def mark(self) -> _Statement | None:
        """If this touches the row, it is the session's first renewal from elsewhere."""

    @property
    def blacklists(self) -> bool:
        """Whether the presented token goes to the blacklist."""

    def finish(self, rows_changed: int) -> None:
        """End the renewal. Raises `exceptions.JWTError` where the session has ended."""

@final
class OpenedSession:
    """What a session begins with."""

    @property
    def session(self) -> str: ...
    @property
    def row(self) -> dict[str, Any]: ...
    @property
    def refresh_expires(self) -> int | None: ...
    @property
    def access(self) -> dict[str, Any]: ...

@final
class CacheInfo:
    """The size and the fortune of the cache of verified tokens."""

    @property
    def entries(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...

@final
class Authenticated:
    """A request's token, verified."""

    @property
    def claims(self) -> dict[str, Any]: ...
    @property
    def session(self) -> str:
        """Name its session, also after a change of the claims."""

    @property
    def token(self) -> str: ...
    @property
    def mode(self) -> str: ...

@final
class Token:
    """A signed token."""

    @property
    def text(self) -> str: ...
    @property
    def payload(self) -> str:
        """The claims as they were signed: JSON with sorted keys."""

@final
class SetCookie:
    """One cookie to set or to clear (`max_age` 0). `Secure` always."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def max_age(self) -> int | None: ...
    @property
    def path(self) -> str: ...
    @property
    def domain(self) -> str | None: ...
    @property
    def http_only(self) -> bool: ...
    @property
    def same_site(self) -> str | None: ...
    @property
    def expires(self) -> str | None:
        """`Expires` of a cookie that is cleared, for browsers that know no `Max-Age`."""

@final
class Proxies:
    """The peers whose `X-Forwarded-For` is believed: networks, by first address and bits.

    Raises `ValueError` where an address has a bit set beyond those.
    """

    def __new__(
        cls, networks: Sequence[tuple[IPv4Address | IPv6Address, int]], unix: bool
    ) -> Proxies: ...
    def client_address(self, peer: str, forwarded_for: str) -> str:
        """Return the address of the client in canonical text; "" where there is none."""

class _Limits(Protocol):
    """What `Counts` reads of the settings."""

    @property
    def attempts(self) -> int: ...
    @property
    def account_attempts(self) -> int: ...
    @property
    def network_attempts(self) -> int: ...
    @property
    def day_attempts(self) -> int: ...
    @property
    def window(self) -> timedelta: ...

class _Mark(Protocol):
    """What `Count` reads of a slot."""

    @property
    def taken(self) -> float: ...
    @property
    def has_failed(self) -> bool: ...

@final
class Count:
    """A number of attempts that may fail within a time. Times are seconds, by the clock."""

    @property
    def name(self) -> str:
        """What is counted. It holds a name or an address, so it stays in this process."""

    @property
    def size(self) -> int: ...
    @property
    def seconds(self) -> int: ...
    @property
    def is_shared(self) -> bool:
        """Whether logins of many accounts or networks are in it: then none waits for a slot."""

    @property
    def is_large(self) -> bool:
        """Whether it has too many slots to read all of them for each attempt."""

    def probes(self, seed: int) -> list[int]:
        """Return the slots of a large count to try before any are read; none for a small one."""

    def parts(self, seed: int) -> list[tuple[int, int]]:
        """Return all slots in the order to read and try them: the bounds of each part."""

    def full(self, marks: Sequence[_Mark], now: float) -> tuple[float, bool, int]:
        """Return what it means that no slot is free.

        Gives when the first one is, whether one may be free sooner, and `Retry-After`.
        """

    def seconds_until(self, free: float, now: float) -> int:
        """Return `Retry-After` where no slot is free before a time."""

@final
class Attempt:
    """One attempt to log in; `account` and `tenant` are normalised, `address` is canonical."""

    def __new__(
        cls, account: str, tenant: str, address: str, limits: _Limits, is_foreign: bool
    ) -> Attempt: ...
    @property
    def pair(self) -> str | None:
        """The name of the count of the account and the network."""

    def next(self, outcome: bool | None) -> tuple[str, Count | None]:
        """Return the next step and its count; None begins.

        After "demand" and "take", `outcome` is whether a slot was taken, and after "ask_known"
        whether the account knows the network. "admit" and "refuse" end it.
        """

def codes() -> list[tuple[str, int, str, str]]:
    """List every failure: slug, HTTP status, sentence with `{}` for its detail, meaning."""

def generate_jwk(algorithm: str, key_id: str | None) -> str:
    """Make a random key as a JWK, with its private part. Its thumbprint is the default `kid`."""

def algorithms() -> list[str]:
    """List the names of the algorithms."""

def modes() -> list[str]:
    """List the names of the modes."""

def session_of(claims: dict[str, Any]) -> str | None:
    """Return the session of claims: `sid`, or the id that a token of 0.0.4 gets instead.

    None where `sid` is no UUID, or where there is nothing to name a session by.
    """

def pbkdf2_sha256(password: bytes, salt: bytes, iterations: int) -> bytes:
    """Derive 32 bytes by PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2), without the interpreter's lock.

    Raises `ValueError` where `iterations` is below 1, and `OverflowError` where it is over
    2,147,483,647, as `hashlib.pbkdf2_hmac` does.
    """

def network(address: str) -> str:
    """Return the network that counts as one client: an IPv4 address itself, an IPv6 one by /64."""

def device(user_agent: str) -> tuple[str, str]:
    """Return the label of a device and its user agent, both in printable ASCII."""

def is_foreign(origin: str | None, is_trusted: bool, fetch_site: str | None) -> bool:
    """Tell whether the browser says that a page of an origin that is not trusted sends a request.

    `is_trusted` is the word of Django's own check on `origin`; `fetch_site` is `Sec-Fetch-Site`.
    """

def check_login(origin: str | None, is_trusted: bool, fetch_site: str | None) -> None:
    """Refuse a login posted by a page of another site. Raises `exceptions.JWTError`."""

def check_fields(
    fields: Sequence[tuple[str, Sequence[str]]], files: Sequence[str], name_field: str
) -> None:
    """Check the texts of a form by their names, and the names of the fields that hold files.

    `name_field` is the field of the account's name. Raises `exceptions.JWTError`.
    """

def account_name(username: str, own: str, name_field: str) -> str:
    """Return the account's name of a form that may have it in two fields, of which `own` is one.

    Raises `exceptions.JWTError` where both are there, and differ.
    """

def check_charset(charset: str) -> None:
    """Refuse a charset that is not UTF-8. Raises `exceptions.JWTError`."""

def read_urlencoded(body: bytes, most: int | None) -> list[tuple[str, str]]:
    """Read an urlencoded form of UTF-8: at most `most` fields. Raises `exceptions.JWTError`."""

def read_parts(
    body: bytes, boundary: str, most: int | None, most_files: int | None
) -> list[tuple[str, str | None, tuple[str, bytes, str, list[tuple[str, str]]] | None]]:
    """Read `multipart/form-data` (RFC 7578): names, each with a text or a file.

    A file has its name without folders, its content, its content type and the parameters of that.
    There are at most `most` texts and `most_files` files. Raises `exceptions.JWTError`.
    """

def read_fields(text: bytes, most: int | None) -> list[tuple[str, str | None]]:
    """Read a flat JSON object strictly (RFC 8259): names and values as a form would send them.

    Numbers stand as they are written, `true` and `false` in words, `null` is None. No name is there
    twice, and there are at most `most` of them. Raises `exceptions.JWTError`.
    """

def status_of(slug: str) -> int:
    """Return the HTTP status of a slug, where the project that raised it names none."""

def refusal(
    slug: str, sentence: str, status: int, retry_after: int | None
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return the status, the headers and the members of the JSON body of a failure."""

def check_jwt_type(given: str | None, wanted: str) -> None:
    """Check the field `jwt_type` of a form. Raises `exceptions.JWTError`."""

def jwt_type(given: str | None) -> str:
    """Return the kind that the field `jwt_type` names. Raises `exceptions.JWTError`."""

def check_user(row: Any, user: tuple[bool, list[str]] | None, refused: str) -> None:
    """Refuse a user who may not go on with a session. Raises `exceptions.JWTError`."""

def is_live(is_legacy: bool, row: Any) -> bool | None:
    """Tell whether the session of a token goes on, by its row; None: the blacklist decides.

    `is_legacy` says that the token has no `sid`.
    """

def may_renew(auth_hash: str, user: tuple[bool, list[str]] | None) -> bool:
    """Tell whether a user (`user_rows.facts`) may renew a session with this hash."""

def unrenewable(user: tuple[bool, list[str]] | None) -> tuple[str, list[str] | None]:
    """Return why a user's sessions can no longer be renewed, and the hashes of those that can.

    An empty hash can be renewed too. None: no session of the user can.
    """

def end_reasons() -> list[str]:
    """List why djwto ends sessions, as it stands in the database."""

def end_statement(reason: str) -> _Statement:
    """Return the statement that ends a live session."""

def is_script_name(name: str) -> bool:
    """Tell whether a script name, such as `FORCE_SCRIPT_NAME`, is a path as browsers see it."""
