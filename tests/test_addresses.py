"""The client's address: a header is believed from a listed proxy only, and never raises."""

from ipaddress import ip_address
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from djwto._core import network
from djwto.addresses import client_address

PROXIES = ["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7"]


def address_of(peer: str | None, forwarded: str | None = None) -> str:
    request = HttpRequest()
    if peer is not None:
        request.META["REMOTE_ADDR"] = peer
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(request)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("", ""),
        ("unix:", ""),
        (None, ""),
    ],
)
def test_the_peer_is_the_client(peer: str | None, address: str) -> None:
    assert address_of(peer) == address


def test_nobody_is_believed_by_default() -> None:
    assert address_of("127.0.0.1", "203.0.113.9") == "127.0.0.1"
    assert address_of("", "203.0.113.9") == ""


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("192.0.2.7", "203.0.113.9, 2001:db8:1::2,10.1.1.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("10.0.0.1", "[2001:db8::9]", "2001:db8::9"),
        ("10.0.0.1", "2001:db8::9%25en0", "2001:db8::9"),
        ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", " 203.0.113.9 ", "203.0.113.9"),
        # All of them are ours: then the first is where it began.
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        # A proxy of ours that says nothing to be read stands for its clients.
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.9,", "10.0.0.1"),
        # A peer that is not listed is not trusted.
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
        ("11.0.0.1", "203.0.113.9", "11.0.0.1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_a_listed_proxy_is_believed(peer: str, forwarded: str | None, address: str) -> None:
    with override_settings(DJWTO_TRUSTED_PROXIES=PROXIES):
        assert address_of(peer, forwarded) == address


def test_a_proxy_at_a_unix_socket_is_believed_where_that_is_listed() -> None:
    with override_settings(DJWTO_TRUSTED_PROXIES=["unix"]):
        assert address_of("", "203.0.113.9") == "203.0.113.9"
        assert address_of(None, "198.51.100.1, 203.0.113.9") == "203.0.113.9"
        assert address_of("", "garbage") == ""
        assert address_of("203.0.113.1", "203.0.113.9") == "203.0.113.1"


# What a client may put to the left of what the first of our proxies appends.
PIECES = st.sampled_from(
    ["203.0.113.9", "10.0.0.1", "::1", "[::1]:80", "fe80::1%eth0", "::ffff:10.0.0.1", "unknown"]
)
HOSTILE = st.one_of(st.text(), st.lists(PIECES | st.text(max_size=20), max_size=50).map(",".join))
SEEN = st.ip_addresses().filter(lambda one: not str(one).startswith(("10.", "2001:db8:1:")))


@given(HOSTILE, st.none() | HOSTILE)
def test_no_header_makes_it_raise(peer: str, forwarded: str | None) -> None:
    for proxies in ([], PROXIES, ["unix"], ["0.0.0.0/0", "::/0", "unix"]):
        with override_settings(DJWTO_TRUSTED_PROXIES=proxies):
            address = address_of(peer, forwarded)
            assert address == "" or str(ip_address(address)) == address
            network(address)


@given(HOSTILE, SEEN)
def test_no_client_chooses_its_address(written: str, seen: Any) -> None:
    expected = str(getattr(seen, "ipv4_mapped", None) or seen)
    if expected.startswith(("10.", "192.0.2.7", "2001:db8:1:")):
        return
    with override_settings(DJWTO_TRUSTED_PROXIES=PROXIES):
        assert address_of("10.0.0.1", f"{written}, {seen}") == expected
        assert address_of("10.0.0.1", f"{written},{seen}, 10.9.9.9") == expected
        assert address_of(str(seen), written) == expected


def test_a_header_of_thousands_of_addresses_is_read_from_its_end() -> None:
    with override_settings(DJWTO_TRUSTED_PROXIES=PROXIES):
        assert address_of("10.0.0.1", "10.0.0.2," * 100_000 + "203.0.113.9") == "203.0.113.9"
        assert address_of("10.0.0.1", "203.0.113.9" + ",10.0.0.2" * 100_000) == "10.0.0.2"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:0:7:1:2:3:4", "2001:db8:0:7::/64"),
        ("2001:db8:0:7::", "2001:db8:0:7::/64"),
        ("", ""),
    ],
)
def test_one_client_is_an_ipv4_address_or_a_network_of_64_bits(address: str, counted: str) -> None:
    assert network(address) == counted
