"""What else tells of a minute of requests: the log of the guard, and what reached the service."""

import heapq
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import jwt

from tests.proxies.echo import Echo
from tests.proxies.history import History
from tests.proxies.load import Answered
from tests.proxies.stack import APP, Stack
from tests.proxies.wire import ask


def check_log(log: str, history: History, answered: list[Answered], paths: Sequence[str]) -> None:
    """Give each line of the log its request: of that rule and outcome, under way at that time.

    ``paths`` are in the order of their rules. A guard that is killed takes the lines with it that
    waited to be written: those after the last one that it wrote.
    """
    kills = history.spans("killed")
    assert "eyJ" not in log
    lines: dict[tuple[str, int], list[float]] = {}
    # When the guards of this test wrote their last lines, one after the other.
    last: list[float] = []
    broken = 0
    for text in log.splitlines():
        try:
            line: dict[str, Any] = json.loads(text)
        except ValueError:
            broken += 1
            continue
        at = datetime.fromisoformat(line["timestamp"].replace("Z", "+00:00")).timestamp()
        if line["message"].startswith("listening on "):
            last.append(at)
        if line["message"] == "decided":
            lines.setdefault((line["code"], line["rule"]), []).append(at)
            last[-1] = max(last[-1], at)
    assert len(last) == len(kills) + 1
    assert broken <= len(kills)
    lost = [(at, end) for at, (_, end) in zip(last, kills, strict=False)]
    asked: dict[tuple[str, int], list[Answered]] = {}
    # Of the proxy: the guard was away, or its answer was lost.
    unanswered: dict[int, list[Answered]] = {}
    for one in answered:
        rule, code = paths.index(one.path) + 1, "passed" if one.status == 200 else one.code
        if code:
            asked.setdefault((code, rule), []).append(one)
        else:
            assert one.status in (0, 503), one
            assert history.excuse(one), one
            unanswered.setdefault(rule, []).append(one)
    alone: dict[int, list[float]] = {}
    for kind in asked.keys() | lines.keys():
        more, silent = matched(lines.get(kind, []), asked.get(kind, []))
        silent = [one for one in silent if not overlaps(lost, one)]
        assert silent == [], f"{kind}: answers of which the log says nothing"
        alone.setdefault(kind[1], []).extend(more)
    for rule, times in alone.items():
        left, _ = matched(times, unanswered.get(rule, []))
        assert left == [], f"rule {rule}: lines of no request"


def overlaps(spans: list[tuple[float, float]], one: Answered) -> bool:
    return any(one.sent <= end and start <= one.received for start, end in spans)


def matched(lines: list[float], requests: list[Answered]) -> tuple[list[float], list[Answered]]:
    """Pair lines with requests. Returns the lines and the requests that stay alone."""
    coming = sorted(requests, key=lambda one: one.sent, reverse=True)
    open_: list[tuple[float, str, Answered]] = []
    alone, silent = [], []
    for at in sorted(lines):
        while coming and coming[-1].sent <= at:
            one = coming.pop()
            heapq.heappush(open_, (one.received, one.id, one))
        while open_ and open_[0][0] < at:
            silent.append(heapq.heappop(open_)[2])
        if open_:
            heapq.heappop(open_)
        else:
            alone.append(at)
    return alone, silent + coming + [one for *_, one in open_]


def check_assertions(
    stack: Stack,
    echo: Echo,
    history: History,
    answered: list[Answered],
    sessions: dict[str, str],
) -> None:
    """Each request that passed by a login has the assertion of its own session."""
    found = ask(stack.guard.port, "/.well-known/djwto-assertions.json", tls=False).json()
    keys = {key["kid"]: jwt.PyJWK(key).key for key in found["keys"]}
    asked = {one.id: one for one in answered}
    known: dict[str, str] = {}
    for got in echo.got:
        one, assertion = asked[got.one("x-load") or ""], got.one("x-djwto-assertion")
        if not assertion:
            assert "public" in history.rules[one.path].between(one.sent, one.received)
            continue
        if assertion not in known:
            kid = jwt.get_unverified_header(assertion)["kid"]
            claims = jwt.decode(
                assertion,
                keys[kid],
                algorithms=["EdDSA"],
                audience="models",
                issuer=f"https://{APP}",
                options={"verify_exp": False},
            )
            known[assertion] = claims["sid"]
        assert known[assertion] == sessions[one.token]
