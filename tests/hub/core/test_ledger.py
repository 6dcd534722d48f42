"""The life of a command: which state follows which, when it ends by itself, and which arguments a device takes."""

from dataclasses import replace
from typing import Any

import pytest

from devices.wire.messages import CommandState, Outcome
from hub.core.errors import Refusal
from hub.core.ledger import GRACE_US, checked_args, is_final, moved, overdue, with_outcome
from hub.ports import CommandRecord

QUEUED = CommandRecord("c1", "pump", "blink", {}, "queued", 1, "tester", 0, 0, 1_000)
SENT = moved(QUEUED, CommandState.SENT, 10)
DONE = Outcome("c1", CommandState.DONE, value=7)


def said(record: CommandRecord, state: CommandState, **other: Any) -> CommandRecord | None:
    return with_outcome(record, Outcome("c1", state, **other), 20)


def test_a_command_goes_through_its_states_with_rising_versions() -> None:
    record = SENT
    for state, progress in [(CommandState.ACCEPTED, None), (CommandState.RUNNING, 0.2), (CommandState.RUNNING, 0.7)]:
        following = said(record, state, progress=progress)
        assert following is not None
        assert (following.state, following.version) == (state, record.version + 1)
        record = following
    ended = with_outcome(record, DONE, 30)
    assert ended is not None
    assert (ended.state, ended.value, ended.progress, ended.updated_us, is_final(ended)) == ("done", 7, 0.7, 30, True)


def test_old_news_change_nothing() -> None:
    running = said(SENT, CommandState.RUNNING, progress=0.5)
    assert running is not None
    assert said(running, CommandState.ACCEPTED) is None
    assert said(running, CommandState.RUNNING, progress=0.4) is None
    assert said(running, CommandState.TOO_LATE) is None


def test_an_end_stays_and_another_one_is_noted_once() -> None:
    failed = moved(SENT, CommandState.FAILED, 20, "outcome_unknown")
    noted = with_outcome(failed, DONE, 30)
    assert noted is not None
    assert (noted.state, noted.reason, noted.note) == ("failed", "outcome_unknown", "done was reported after the end")
    assert with_outcome(noted, DONE, 40) is None
    other = said(failed, CommandState.FAILED, reason="interrupted")
    assert other is not None
    assert other.note == "failed was reported after the end: interrupted"


def test_how_a_command_went_is_no_news_after_hello_told_how_it_ended() -> None:
    done = with_outcome(SENT, DONE, 20)
    assert done is not None
    for state in (CommandState.ACCEPTED, CommandState.RUNNING, CommandState.DONE, CommandState.TOO_LATE):
        assert said(done, state) is None


def test_time_ends_a_command_by_what_is_known_of_it() -> None:
    assert overdue(QUEUED, 999) is None
    expired = overdue(QUEUED, 1_000)
    assert expired is not None
    assert expired.state == "expired"
    assert overdue(SENT, 999 + GRACE_US) is None
    unknown = overdue(SENT, 1_000 + GRACE_US)
    assert unknown is not None
    assert (unknown.state, unknown.reason) == ("failed", "outcome_unknown")
    assert overdue(replace(SENT, state="running"), 10**15) is None  # it began: the device owes its end


SPECS = {"on": {"type": "bool"}, "rate": {"type": "number", "min": 0, "max": 10, "default": 1.5}}


def test_defaults_are_filled_in() -> None:
    assert checked_args("set", SPECS, {"on": False}) == {"on": False, "rate": 1.5}


@pytest.mark.parametrize(
    "args",
    [{}, {"on": 1}, {"on": None}, {"on": True, "rate": True}, {"on": True, "rate": 11}, {"on": True, "rate": -1}, {"on": True, "x": 1}]
    + [{"on": True, "rate": bad} for bad in (float("nan"), float("inf"), "1", 2**70)],
)
def test_arguments_that_do_not_fit_are_refused_by_name(args: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        checked_args("set", SPECS, args)
    assert refused.value.status == 422
    assert any(name in refused.value.message for name in ("on", "rate", "x"))


@pytest.mark.parametrize(
    ("bounds", "said"),
    [({"min": 0, "max": 100}, "at least 0 and at most 100"), ({"min": 0}, "at least 0"), ({"max": -5}, "at most -5")],
)
def test_a_number_out_of_bounds_is_told_the_bounds(bounds: dict[str, float], said: str) -> None:
    with pytest.raises(Refusal, match=f"percent must be {said}, not -1"):
        checked_args("open", {"percent": {"type": "number", **bounds}}, {"percent": -1})
