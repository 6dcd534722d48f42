"""Absence is judged by the time in which the hub lived; what is unconfirmed raises nothing."""

import pytest

from devices.wire.messages import Kind
from hub.core.records import Columns, Series
from hub.core.rules import rule_in
from hub.core.rules_absence import Absence
from hub.core.rules_batch import Batch
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
