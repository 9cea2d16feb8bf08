"""The oracle of `test_long` finds wrong answers. It is tried with answers made by hand."""

import json
from datetime import datetime, timezone

import pytest

from tests.proxies.evidence import check_log
from tests.proxies.history import Fact, History, Token
from tests.proxies.load import Answered


class Clock:
    """A clock that stands still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def answered(sent: float, status: int, path: str = "/login", token: str = "one") -> Answered:
    return Answered("", path, token, sent, sent + 0.01, status)


def change(clock: Clock, fact: Fact[bool] | Fact[str], value: bool | str, at: float) -> None:  # noqa: FBT001
    """Change a fact from this time to a tenth of a second later."""
    clock.now = at
    with fact.becoming(value):  # type: ignore[arg-type]
        clock.now = at + 0.1


def made() -> tuple[Clock, History, Token]:
    clock = Clock()
    token = Token(Fact(True, 1.1, clock=clock), Fact(True, clock=clock), Fact(True, clock=clock))
    rules = {path: Fact(path[1:], clock=clock) for path in ("/public", "/login", "/permission")}
    return clock, History(rules, {"one": token}, clock=clock), token


def test_an_ended_session() -> None:
    clock, history, token = made()
    change(clock, token.live, False, 10)
    right = [history.right(answered(at, 200)) for at in (9.98, 9.995, 10.1, 11.19, 11.21)]
    assert right == [{True}, {True, False}, {True, False}, {True, False}, {False}]
    late = answered(11.21, 200)
    assert history.wrong_allows([answered(11.19, 200), late, answered(12, 401)]) == [late]
    assert not history.wrong_allows([answered(12, 200, "/public")])


def test_a_permission_a_rule_and_a_key() -> None:
    clock, history, token = made()
    change(clock, token.permitted, False, 10)
    assert history.right(answered(10.2, 200, "/permission")) == {False}
    assert history.right(answered(10.2, 200)) == {True}
    change(clock, token.permitted, True, 11)
    assert history.right(answered(10.98, 200, "/permission")) == {False}
    assert history.right(answered(11.2, 200, "/permission")) == {True}
    change(clock, history.rules["/public"], "login", 12)
    assert history.right(answered(12.2, 200, "/public", "")) == {False}
    assert history.right(answered(12.05, 200, "/public", "")) == {True, False}
    change(clock, token.trusted, False, 13)
    assert history.right(answered(13.2, 200)) == {False}


def test_a_refusal_is_excused_by_a_fault_alone() -> None:
    clock, history, _ = made()
    clock.now = 10
    with history.fault("killed"):
        clock.now = 11
    assert not history.wrong_refusals([answered(10.5, 503), answered(9.995, 503)])
    wrong = [answered(9.9, 503), answered(11.1, 503), answered(20, 0)]
    assert history.wrong_refusals(wrong) == wrong
    assert not history.wrong_refusals([answered(20, 401, token=""), answered(20, 200)])
    # No fault excuses an answer that lets a request in.
    late = answered(10.5, 200, token="unknown")
    assert history.wrong_allows([late]) == [late]


def test_a_change_that_never_ended_leaves_both_answers() -> None:
    _, history, token = made()
    with pytest.raises(ZeroDivisionError), token.live.becoming(False):
        1 / 0  # noqa: B018
    assert history.right(answered(100, 200)) == {True, False}


# --- the log ------------------------------------------------------------------------------------


def line(at: float, message: str = "decided") -> str:
    """Write a line of the guard's log, about a request that passed by the first rule."""
    time = datetime.fromtimestamp(at, timezone.utc).isoformat()
    return json.dumps({"timestamp": time, "message": message, "code": "passed", "rule": 1})


def log(*lines: str) -> str:
    return "\n".join([line(1, "listening on 127.0.0.1:9901"), *lines])


def test_the_log_tells_of_each_answer() -> None:
    _, history, _ = made()
    both = [answered(at, 200) for at in (10, 11)]
    check_log(log(line(10.005), line(11.005)), history, both, ["/login"])
    for wrong in (log(line(10.005)), log(line(10.005), line(11.005), line(12))):
        with pytest.raises(AssertionError):
            check_log(wrong, history, both, ["/login"])


def test_a_guard_that_is_killed_takes_its_last_lines_with_it() -> None:
    clock, history, _ = made()
    clock.now = 12
    with history.fault("killed"):
        clock.now = 13
    again = line(12.9, "listening on 127.0.0.1:9901")
    # The last line that it wrote is of 11; what was answered before that has one.
    late = [answered(at, 200) for at in (10, 11, 11.9, 14)]
    check_log(log(line(10.005), line(11.005), again, line(14.005)), history, late, ["/login"])
    for wrong in (
        log(line(11.005), again, line(14.005)),
        log(line(10.005), line(11.005), again),
    ):
        with pytest.raises(AssertionError):
            check_log(wrong, history, late, ["/login"])


def test_an_answer_may_be_lost_when_the_guard_is_killed() -> None:
    clock, history, _ = made()
    clock.now = 10.004
    with history.fault("killed"):
        clock.now = 13
    again = line(12.9, "listening on 127.0.0.1:9901")
    # It was decided just before the kill, and the answer did not arrive.
    check_log(log(line(10.003), again), history, [answered(10, 503)], ["/login"])
    for wrong in (log(line(9.9), again), log(line(10.003), line(10.0035), again)):
        with pytest.raises(AssertionError):
            check_log(wrong, history, [answered(10, 503)], ["/login"])
