"""Claims that are missing, wrong, or of a type that they must not have. Contract §4 and §5."""

import time

import pytest

from conformance import expect
from conformance.client import ACCOUNT, VALIDATE_ACCESS, VALIDATE_REFRESH
from conformance.forge import GONE, Raw

pytestmark = pytest.mark.only("carrier")

EXPIRED = "Signature has expired"
EARLY = "The token is not yet valid (nbf)"
DIGITS = "9" * 400


def refused(client, token: str, error: str | None = None) -> None:
    client.hold(access=token)
    expect.refused(client.get(ACCOUNT), 401, error)
    expect.refused(client.post(VALIDATE_ACCESS), 401, error)


def accepted(client, token: str) -> None:
    client.hold(access=token)
    assert client.get(ACCOUNT).status_code == 200
    expect.says(client.post(VALIDATE_ACCESS), "Token is valid")


# --- missing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "iat", "exp", "jti"])
def test_missing(visitor, forge, claim):
    refused(visitor, forge.access(**{claim: GONE}), f'Token is missing the "{claim}" claim')


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "iat", "exp", "jti"])
def test_missing_in_a_refresh_token(visitor, forge, claim):
    visitor.hold(refresh=forge.refresh(**{claim: GONE}))
    expect.refused(visitor.post(VALIDATE_REFRESH), 401, f'Token is missing the "{claim}" claim')


@pytest.mark.parametrize("claim", ["type", "user"])
def test_missing_of_our_own(visitor, forge, claim):
    refused(visitor, forge.access(**{claim: GONE}))


def test_no_claims_at_all(visitor, forge):
    refused(visitor, forge.signed(b"{}"))


@pytest.mark.parametrize(
    "user",
    [{"username": "alice"}, {}, None, [], "alice", 7, True, [{"id": 1}], {"id": None}],
    ids=str,
)
def test_user_without_id(visitor, forge, user):
    reply = visitor.hold(access=forge.access(user=user)).get(ACCOUNT)
    expect.refused(reply, 401)
    if isinstance(user, dict) and "id" not in user:
        assert reply.json()["error"] == "Failed to validate token."


@pytest.mark.parametrize("id_", [None, True, 1.5, "", [], {}], ids=repr)
def test_user_with_an_id_that_is_none(visitor, forge, id_):
    refused(
        visitor, forge.access(user={"username": "alice", "id": id_}), "Failed to validate token."
    )


# --- wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("iss", ["x", "", "ISS", "iss ", "is", "iss\x00"])
def test_issuer(visitor, forge, iss):
    refused(visitor, forge.access(iss=iss), "Invalid issuer")


@pytest.mark.parametrize("sub", ["x", "", "SUB", "su", "sub\x00"])
def test_subject(visitor, forge, sub):
    refused(visitor, forge.access(sub=sub), "Invalid subject")


@pytest.mark.parametrize("aud", ["x", "", "AUD", "au", ["x"], ["x", "y"]], ids=str)
def test_audience(visitor, forge, aud):
    refused(visitor, forge.access(aud=aud), "Audience doesn't match")


@pytest.mark.parametrize("aud", [["aud"], ["x", "aud"]], ids=str)
def test_one_shared_audience_is_enough(visitor, forge, aud):
    accepted(visitor, forge.access(aud=aud))


@pytest.mark.parametrize(
    "type_", ["", "x", "ACCESS", "access ", 7, None, ["access"], True], ids=str
)
def test_type(visitor, forge, type_):
    refused(visitor, forge.access(type=type_))


@pytest.mark.parametrize(
    "spell",
    [str, str.upper, lambda sid: f"{{{sid}}}", lambda sid: f"urn:uuid:{sid}"],
    ids=["plain", "upper", "braces", "urn"],
)
def test_a_session_by_any_spelling_of_its_uuid(visitor, forge, spell):
    accepted(visitor, forge.access(sid=spell(forge.model["access"]["sid"])))


@pytest.mark.parametrize(
    "spell",
    [lambda _: "the login", lambda sid: f"urn:{sid}", lambda sid: sid.replace("-", "", 1)],
    ids=["text", "half a urn", "hyphens"],
)
def test_a_session_that_is_no_uuid(visitor, forge, spell):
    refused(visitor, forge.access(sid=spell(forge.model["access"]["sid"])))


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("exp", [0, 1, -1, 1_000_000_000, 0.5, -(2**63)], ids=str)
def test_expired(visitor, forge, exp):
    refused(visitor, forge.access(exp=exp), EXPIRED)


def test_expired_a_moment_ago(visitor, forge):
    refused(visitor, forge.access(exp=int(time.time()) - 1), EXPIRED)


@pytest.mark.parametrize("exp", [2**31, 2**33, 2**53, 4102444800.5], ids=str)
def test_far_from_expired(visitor, forge, exp):
    accepted(visitor, forge.access(exp=exp))


@pytest.mark.parametrize("after", [60, 10**9], ids=str)
def test_not_yet(visitor, forge, after):
    refused(visitor, forge.access(nbf=int(time.time()) + after), EARLY)


@pytest.mark.parametrize("nbf", [0, -1, 1_000_000_000, 0.5], ids=str)
def test_valid_since_long(visitor, forge, nbf):
    accepted(visitor, forge.access(nbf=nbf))


@pytest.mark.parametrize("iat", [0, -1, 1.5, 2**40], ids=str)
def test_issue_time_is_not_compared_with_the_clock(visitor, forge, iat):
    accepted(visitor, forge.access(iat=iat))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "0x7f", "1."])
def test_time_that_is_no_json_number(visitor, forge, claim, text):
    refused(visitor, forge.access(**{claim: Raw(text)}))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("text", [DIGITS, f"-{DIGITS}", f"0.{DIGITS}e500"], ids=lambda t: t[:5])
def test_time_beyond_any_double(visitor, forge, claim, text):
    refused(visitor, forge.access(**{claim: Raw(text)}))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("text", ["1e308", "-1e308", "18446744073709551616", "1e-400", "-0"])
def test_time_at_the_edge_of_doubles(visitor, forge, claim, text):
    reply = visitor.hold(access=forge.access(**{claim: Raw(text)})).get(ACCOUNT)
    assert reply.status_code in {200, 401}, reply.text


# --- types --------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", ["4102444800", "", True, False, None, [], [4102444800], {}], ids=repr
)
def test_time_of_a_wrong_type(visitor, forge, claim, value):
    refused(visitor, forge.access(**{claim: value}))


@pytest.mark.parametrize("claim", ["iss", "sub", "jti"])
@pytest.mark.parametrize("value", [7, 1.5, True, None, [], ["iss"], {}], ids=repr)
def test_text_of_a_wrong_type(visitor, forge, claim, value):
    refused(visitor, forge.access(**{claim: value}))


@pytest.mark.parametrize(
    "aud", [7, True, None, [], {}, {"aud": 1}, [7], [["aud"]], [None]], ids=repr
)
def test_audience_of_a_wrong_type(visitor, forge, aud):
    refused(visitor, forge.access(aud=aud))
