"""What must hold for any input: claims come back as they were; nothing a client sends is a 500."""

import asyncio
import gc
import hmac
import json
import math
import time
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client, RequestFactory, override_settings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from djwto import conf, tokens
from djwto.exceptions import CODES, JWTIssueError, JWTValidationError
from tests import guarded
from tests.test_vectors import base64url

# One database for a whole property: no example of these leaves anything in it that another sees.
bounded = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

numbers = (
    st.integers()
    | st.integers(-(10**60), 10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

# Claims that the engine signs: numbers for times, short texts for identifiers, anything elsewhere.
times = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
future = st.integers(2**33, 2**63 - 1) | st.floats(1e10, 1e308)
identifiers = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
signable = st.fixed_dictionaries(
    {},
    optional={
        "exp": future,
        "nbf": st.integers(-(2**63), 0),
        "iat": times,
        "jti": identifiers,
        "sid": identifiers,
        "refresh_iat": json_values,
        "x": json_values,
    },
)

# What a WSGI server hands over: bytes as Latin-1 letters.
wire_texts = st.text(st.characters(max_codepoint=255), max_size=60) | st.lists(
    st.sampled_from(
        [
            *("Bearer", "bearer", " ", "\t", "jwt_access", "jwt_access_token", "jwt_refresh"),
            *("=", "; ", ";", ".", "e30", '"', "\xa0", "\xe2\x80\x8b", "\0", "\n", "x"),
        ]
    ),
    max_size=12,
).map("".join)
# Other letters, and halves of surrogate pairs, come from middleware alone.
header_texts = wire_texts | st.text(max_size=30)
modes = st.sampled_from(
    ["JSON", "ONE-COOKIE", "TWO-COOKIES", ("TWO-COOKIES", "JSON"), ("JSON", "ONE-COOKIE")]
)

GUARDED = {
    name: getattr(guarded, name)
    for name in ("function", "async_function", "permission", "alice_only", "refresh_only")
} | {"methods": guarded.Methods.as_view(), "async_dispatch": guarded.AsyncDispatch.as_view()}

SID = "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f"
REFRESH = "/api/token/refresh"
ENDPOINTS = [
    ("post", "/login/"),
    ("post", "/validate_access/"),
    ("get", "/csrf/"),
    ("post", f"{REFRESH}/validate_refresh/"),
    ("post", f"{REFRESH}/refresh_access/"),
    ("post", f"{REFRESH}/update_refresh/"),
    ("post", f"{REFRESH}/logout/"),
    ("delete", f"{REFRESH}/logout/"),
]


@bounded
@given(st.dictionaries(texts.filter(lambda name: name not in RESERVED), json_values, max_size=5))
@example({"big": 10**400, "small": -(10**400), "zero": -0.0, "tiny": 5e-324, "e": 1e22})
@example({"nul": "\0", "separators": "\u2028\u2029", "rtl": "\u202e", "": {"": {"": []}}})
def test_any_claims_come_back(extra):
    claims = access_claims() | extra
    back = tokens.decode_token(tokens.encode_claims(claims))
    assert same(back, claims)


names = st.sampled_from(["aa", "bb", "ab", "id", "éé", 'q"', "\\\\", "", *map(str, range(9))]).map(
    lambda name: "".join(list(name))  # a new object each time: equal names need not be the same
)
named = st.recursive(
    st.integers(0, 9),
    lambda inner: st.dictionaries(names, inner, max_size=4) | st.lists(inner, max_size=12),
    max_leaves=40,
)


@bounded
@given(st.lists(st.dictionaries(names, named, max_size=5), min_size=2, max_size=5))
@example([{"many": {str(name): name for name in range(1000)}}] * 2)
@example([{"deep": [{f"{name}{depth}": depth for name in "ab"} for depth in range(20)]}] * 2)
def test_what_a_token_says_does_not_depend_on_the_one_before(several):
    registered = access_claims()
    for extra in several:
        claims = extra | registered
        payload = tokens.encode_claims(claims).split(".")[1]
        expected = json.dumps(claims, sort_keys=True, separators=(",", ":"))
        assert payload == base64url(expected.encode())


@bounded
@given(st.sampled_from(["aud", "exp", "gen", "jti", "sid", "type", "user"]), json_values)
@example("aud", [["a"]])
@example("aud", [[]])
@example("aud", ["a", "b"])
def test_what_is_written_is_judged_as_what_is_read(name, value):
    """A `dict` goes to the engine as it is, a text as JSON: both are signed, or both refused."""
    claims = access_claims() | {name: value}
    verdicts = [
        verdict(conf.engine().encode, claims),
        verdict(conf.engine().sign, json.dumps(claims)),
    ]
    assert "not written" in verdicts or verdicts[0] == verdicts[1]


def verdict(sign, claims):
    try:
        return "not written" if sign(claims) is None else "signed"
    except JWTIssueError as error:
        return str(error)


def test_a_dict_that_changes_while_it_is_read_is_signed_as_it_was():
    class Changing:
        def __del__(self):
            del claims["admin"]
            claims["zzz"] = "v"

    def litter():
        changing = Changing()
        changing.itself = changing

    # What other tests hold is not looked through at each collection.
    gc.freeze()
    try:
        for number in range(200):
            claims = access_claims() | {"admin": False, "guest": True, f"k{number}": "v"}
            expected = dict(claims)
            litter()
            gc.set_threshold(1)
            try:
                token = tokens.encode_claims(claims)
            finally:
                gc.set_threshold(*GC)
            gc.collect()
            found = tokens.decode_token(token)
            assert found in (expected, claims)
    finally:
        gc.unfreeze()


GC = gc.get_threshold()


def test_a_name_is_what_it_spells_even_where_it_equals_another():
    class Sly(str):
        __slots__ = ()

        def __eq__(self, other):
            return str(other) in ("a", "b")

        def __hash__(self):
            return hash("a")

    honest = tokens.encode_claims(access_claims() | {"a": 1})
    sly = tokens.encode_claims(access_claims() | {Sly("b"): 1})
    assert tokens.decode_token(honest)["a"] == 1
    assert "a" not in tokens.decode_token(sly)
    assert tokens.decode_token(sly)["b"] == 1


@bounded
@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})([.][0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
)
@example("9" * 4300)
@example("9" * 4301)  # Python turns no longer text into an `int`
@example("1" + "0" * 308 + ".0")
@example("1.7976931348623159e308")
@example("-0")
@example("1e-400")
def test_any_number_that_a_peer_writes_is_read_as_python_reads_it_or_refused(number):
    payload = json.dumps(access_claims() | {"x": "@"}).replace('"@"', number)
    if len(number) > 4300 or abs(json.loads(number)) == math.inf:
        with pytest.raises(JWTValidationError, match="malformed"):
            tokens.decode_token(signed(payload))
    else:
        assert same(tokens.decode_token(signed(payload))["x"], json.loads(number))


@bounded
@given(st.sampled_from([math.nan, math.inf, -math.inf, "\ud800", b"x", object(), {1, 2}, 1j]))
def test_what_is_no_json_is_not_signed(value):
    for wrapped in (value, [value], {"a": [{"b": value}]}):
        with pytest.raises(JWTIssueError):
            tokens.encode_claims(access_claims() | {"x": wrapped})


@given(st.integers(150, 3000))
@bounded
def test_any_depth_comes_back_or_is_not_signed(levels):
    deep = 0
    for _ in range(levels):
        deep = [deep]
    claims = access_claims() | {"deep": deep}
    try:
        token = tokens.encode_claims(claims)
    except JWTIssueError:
        assert levels > 190
    else:
        assert tokens.decode_token(token) == claims


@bounded
@given(st.sampled_from(sorted(GUARDED)), modes, header_texts, header_texts)
@example("function", "JSON", "Bearer " + "a" * 20_000, "")
@example("function", "ONE-COOKIE", "", "jwt_access=" + "a." * 9_000)
@example("refresh_only", ("TWO-COOKIES", "JSON"), "Bearer \xff", "jwt_refresh=\xff")
def test_any_headers_at_a_guarded_view_are_refused_in_json(name, mode, authorization, cookie):
    request = RequestFactory().get("/", HTTP_AUTHORIZATION=authorization, HTTP_COOKIE=cookie)
    with override_settings(DJWTO_MODE=mode):
        response = GUARDED[name](request)
        if asyncio.iscoroutine(response):
            response = asyncio.run(response)
    # `jwt_is_refresh` wants the form's `jwt_type` where a cookie holds the token: 400.
    assert_refusal(response, {401, 400} if name == "refresh_only" else {401})
    if response.status_code == 401:
        assert response["WWW-Authenticate"].startswith("Bearer realm=api")
    assert response["Cache-Control"] == "private"


@pytest.mark.django_db
@bounded
@given(st.sampled_from(ENDPOINTS), modes, wire_texts, wire_texts)
def test_any_headers_at_an_endpoint_are_refused_in_json(endpoint, mode, authorization, cookie):
    method, path = endpoint
    cache.clear()  # or the failed logins of other examples would count
    with override_settings(DJWTO_MODE=mode):
        client = Client(raise_request_exception=True)
        headers = {"HTTP_AUTHORIZATION": authorization, "HTTP_COOKIE": cookie}
        response = getattr(client, method)(path, **headers)
    if path == "/csrf/" or method == "delete":
        assert response.status_code in (200, 204)
    else:
        assert_refusal(response, {400, 401})


@pytest.mark.django_db
@bounded
@given(
    st.sampled_from(
        [
            *("application/json", "application/json; charset=utf-16", "application/JSON"),
            *("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=x"),
            *("multipart/form-data", "multipart/form-data; boundary=b", "multipart/mixed"),
            *("text/plain", "", "x", "application/json;\xff", "multipart/form-data; boundary=é"),
        ]
    ),
    st.binary(max_size=200)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(
        st.sampled_from(["username", "password", "mode", "jwt_type"]), json_values, max_size=4
    ).map(lambda fields: json.dumps(fields).encode())
    | st.dictionaries(st.sampled_from(["username", "password", "mode"]), texts, max_size=3).map(
        lambda fields: urlencode(fields).encode()
    )
    | st.binary(max_size=60).map(
        lambda part: (
            b'--b\r\nContent-Disposition: form-data; name="username"\r\n\r\n'
            + part
            + b"\r\n--b--\r\n"
        )
    ),
)
@example("application/json", b'{"username": "\\ud800", "password": "x"}')
@example("application/json", b"[" * 100_000)
@example("application/json", b"9" * 10_000)
@example("application/json", b'{"username": ' + b"9" * 10_000 + b"}")
@example("application/x-www-form-urlencoded", b"username=%ff&password=%00")
@example("application/x-www-form-urlencoded", b"&".join(b"a=b" for _ in range(2000)))
@example("multipart/form-data; boundary=b", b"--b\r\n")
def test_any_body_at_login_is_refused_in_json(content_type, body):
    cache.clear()  # or the failed logins of other examples would count
    response = Client().generic("POST", "/login/", body, content_type)
    assert_refusal(response, {400, 401, 413, 415})


@pytest.mark.django_db
@bounded
@given(st.data())
def test_any_signed_claims_are_answered(data):
    user = User.objects.get_or_create(username="alice")[0]
    ids = st.sampled_from([user.pk, str(user.pk), -1, 2**63, 10**40, "\0", "½", "\u0661", " 1_0"])
    claim = st.fixed_dictionaries(
        {"id": ids | st.integers() | texts.filter(bool)},
        optional={"username": json_values, "perms": json_values, "perms_omitted": json_values},
    )
    kind = data.draw(st.sampled_from(["access", "refresh"]))
    claims = access_claims() | {"type": kind} | data.draw(signable) | {"user": data.draw(claim)}
    header = {"HTTP_AUTHORIZATION": f"Bearer {tokens.encode_claims(claims)}"}
    client = Client(raise_request_exception=True)
    for path in ("function", "user_function", "permission", "async_function"):
        assert_answer(client.get(f"/guarded/{path}/", **header))
    for method, path in ENDPOINTS:
        assert_answer(getattr(client, method)(path, **header))


RESERVED = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "gen", "type", "user"}


def access_claims():
    now = int(time.time())
    own = {"exp": now + 300, "iat": now, "jti": "j1", "sid": SID, "type": "access"}
    return own | {"iss": "iss", "sub": "sub", "aud": "aud", "user": {"id": 7, "username": "x"}}


def signed(payload):
    parts = (base64url(part) for part in (b'{"alg":"HS256"}', payload.encode()))
    message = ".".join(parts)
    secret = django_settings.DJWTO_SIGNING_KEY.encode()
    return f"{message}.{base64url(hmac.digest(secret, message.encode(), 'sha256'))}"


def same(left, right):
    """Compare as JSON does: 1, 1.0 and True are three things."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def assert_refusal(response, statuses):
    assert response.status_code in statuses, response.content[:200]
    body = json.loads(response.content)
    assert body.keys() - {"errors"} == {"error", "code"}
    assert CODES[body["code"]].status == response.status_code


def assert_answer(response):
    assert response.status_code < 500, response.content[:200]
    if response.status_code >= 400 and response["Content-Type"] == "application/json":
        assert json.loads(response.content)["code"] in CODES
