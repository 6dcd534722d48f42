"""Absence is judged by the time in which the hub lived; what is unconfirmed raises nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Columns, Series
from hub.core.rules import rule_in
from hub.core.rules_absence import Absence
from hub.core.rules_batch import Batch, Listening
from hub.core.rules_course import Change
from tests.support.readings import plain

NOW_US = 1_700_000_000_000_000
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)


def temp(age_us: int = 0) -> Columns:
    return plain(TEMP, [(NOW_US - age_us) * 1_000])


def no_data(**more: object) -> Absence:
    return Absence(rule_in("r", {"kind": "no_data", "for_s": 10, **more}), ())


def test_silence_is_raised_once_and_over_with_the_next_reading() -> None:
    absence = no_data()
    absence.presence("pump", "online", 0.0)
    absence.readings(Batch(temp(), NOW_US), 5.0)
    assert absence.due(14.9) == []
    due = absence.due(15.0)
    assert due == [Change(("pump", ""), True, 0)]
    absence.took(due)
    assert absence.due(20.0) == []
    assert absence.readings(Batch(temp(), NOW_US), 30.0) == [Change(("pump", ""), False, NOW_US)]
    assert absence.due(39.9) == []
    assert absence.due(40.0) == due


def test_what_is_still_absent_is_raised_again_when_another_node_has_ended_its_alert() -> None:
    absence = no_data()
    absence.presence("pump", "online", 0.0)
    absence.took(due := absence.due(10.0))
    assert absence.due(20.0) == []
    absence.heard(("pump", ""), is_open=False)
    assert absence.due(20.0) == due


def test_late_readings_are_no_sign_of_life() -> None:
    absence = no_data(late_s=60)
    absence.presence("pump", "online", 0.0)
    absence.readings(Batch(temp(age_us=61_000_000), NOW_US), 9.0)
    assert [change.key for change in absence.due(10.0)] == [("pump", "")]


def test_each_named_channel_may_be_missed_alone() -> None:
    absence = no_data(channels=["temp", "hum"])
    absence.presence("pump", "online", 0.0)
    absence.readings(Batch(temp(), NOW_US), 9.0)
    assert [change.key for change in absence.due(10.0)] == [("pump", "hum")]


def test_an_unconfirmed_device_raises_nothing_and_begins_anew_when_it_is_confirmed() -> None:
    for kind in ({"kind": "no_data", "for_s": 10}, {"kind": "offline", "for_s": 10}):
        absence = Absence(rule_in("r", kind), ())
        absence.presence("pump", "unconfirmed", 0.0)
        assert absence.due(1_000.0) == []
        absence.presence("pump", "offline", 1_000.0)
        assert absence.due(1_009.0) == []
        assert [change.key for change in absence.due(1_010.0)] == [("pump", "")]


def test_a_device_that_comes_back_in_time_raises_nothing_and_a_later_one_clears() -> None:
    absence = Absence(rule_in("r", {"kind": "offline", "for_s": 10}), ())
    absence.presence("pump", "offline", 0.0)
    assert absence.presence("pump", "online", 9.0) == []
    assert absence.due(1_000.0) == []
    absence.presence("pump", "offline", 1_000.0)
    absence.took(absence.due(1_010.0))
    assert absence.presence("pump", "unconfirmed", 1_020.0) == []
    over = absence.presence("pump", "online", 1_030.0)
    assert over == [Change(("pump", ""), False, 0)]
    absence.took(over)
    assert absence.presence("pump", "online", 1_031.0) == []


@pytest.mark.parametrize(("state", "is_over"), [("online", True), ("silent", True), ("sleeping", True), ("unconfirmed", False)])
def test_a_device_that_is_back_is_offline_no_more_however_it_is(state: str, is_over: bool) -> None:
    absence = Absence(rule_in("r", {"kind": "offline"}), {("pump", "")})
    assert [change.is_raised for change in absence.presence("pump", state, 0.0)] == [False] * is_over


@pytest.mark.parametrize("state", ["sleeping", "unconfirmed"])
def test_nothing_is_missed_of_a_device_that_sleeps_or_is_unconfirmed_until_it_is_neither(state: str) -> None:
    absence = no_data()
    absence.presence("pump", "online", 0.0)
    absence.presence("pump", state, 5.0)
    assert absence.due(1_000.0) == []
    absence.presence("pump", "silent", 1_000.0)
    assert absence.due(1_009.0) == []
    assert [change.key for change in absence.due(1_010.0)] == [("pump", "")]


def test_an_alert_of_before_a_restart_stays_and_is_raised_no_second_time() -> None:
    absence = Absence(rule_in("r", {"kind": "offline"}), {("pump", "")})
    absence.presence("pump", "unconfirmed", 0.0)
    absence.presence("pump", "offline", 30.0)
    assert absence.due(1_000.0) == []
    absence.forget("pump")
    assert absence.due(1_000.0) == []


# what happens, and after how many seconds the next thing does
happenings = st.lists(st.tuples(st.sampled_from(["heard", "online", "unconfirmed", "look", "look"]), st.integers(0, 7)), max_size=40)


@given(happenings)
def test_what_is_due_is_what_was_neither_heard_nor_new_for_long_enough(happened: list[tuple[str, int]]) -> None:
    absence, now_s, since_s, is_open = no_data(), 0.0, None, False
    for what, seconds in happened:
        if what == "heard":
            over = absence.readings(Batch(temp(), NOW_US), now_s)
            assert [change.is_raised for change in over] == [False] * is_open
            since_s, is_open = (None if since_s is None and not is_open else now_s), False
        elif what == "look":
            due = absence.due(now_s)
            assert bool(due) == (since_s is not None and not is_open and now_s - since_s >= 10)
            absence.took(due)
            is_open = is_open or bool(due)
        else:
            absence.presence("pump", what, now_s)
            since_s = None if what == "unconfirmed" else now_s if since_s is None else since_s
        now_s += seconds


def test_rules_that_share_what_they_hear_miss_each_device_for_themselves() -> None:
    listening = Listening()
    soon, late = [Absence(rule_in("r", {"kind": "no_data", "for_s": for_s}), (), listening) for for_s in (10, 20)]
    for absence in (soon, late):
        absence.presence("pump", "online", 0.0)
    batch = Batch(temp(), NOW_US)
    for absence in (soon, late):
        absence.readings(batch, 5.0)
    assert [bool(absence.due(15.0)) for absence in (soon, late)] == [True, False]
    assert [bool(absence.due(25.0)) for absence in (soon, late)] == [True, True]
