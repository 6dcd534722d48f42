"""A rule judges the same however readings are cut into batches; it raises once, clears once, and late readings raise nothing."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Columns, Series
from hub.core.rules import Rule, rule_in
from hub.core.rules_batch import Batch
from hub.core.rules_course import Change, Course
from tests.support.readings import columns_of

SECOND = 1_000_000
NOW_US = 1_700_000_000 * SECOND
KEY = ("pump", "temp")
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
SAYS = Series("pump", "says", "", Kind.TEXT)
VALUES = st.lists(st.integers(-5, 15), min_size=1, max_size=40)


def a_rule(**body: Any) -> Rule:
    return rule_in("r", {"kind": "above", "limit": 10} | body)


def a_course(**body: Any) -> Course:
    return Course(a_rule(**body), {}, (), 0.0)


def temps(*said: tuple[float, Any], series: Series = TEMP) -> Columns:
    return columns_of([(series, int(NOW_US + at_s * SECOND) * 1_000, value) for at_s, value in said])


def judged(course: Course, columns: Columns, now_s: float = 0.0) -> list[bool]:
    return [change.is_raised for change in course.readings(Batch(columns, NOW_US), now_s)]


def by_the_book(rule: Rule, values: list[int]) -> list[tuple[bool, int]]:
    """Judge readings one second apart as the definition says: what is raised and cleared at which second."""
    is_open, since, told = False, None, []
    for at, value in enumerate(values):
        if is_open:
            if value <= rule.limit - rule.hysteresis:
                is_open = False
                told.append((False, at))
            continue
        since = None if value <= rule.limit else at if since is None else since
        if since is not None and at - since >= rule.for_s:
            is_open, since = True, None
            told.append((True, at))
    return told


@given(values=VALUES, cuts=st.sets(st.integers(0, 40)), hysteresis=st.integers(0, 5), for_s=st.integers(0, 4), restarts=st.booleans())
def test_readings_give_what_the_definition_says_however_they_are_cut_and_across_restarts(
    values: list[int], cuts: set[int], hysteresis: int, for_s: int, restarts: bool
) -> None:
    rule = a_rule(hysteresis=hysteresis, for_s=for_s)
    course, found, is_open = Course(rule, {}, (), 0.0), list[Change](), set[tuple[str, str]]()
    places = sorted(cut for cut in cuts if 0 < cut < len(values))
    for begin, end in zip([0, *places], [*places, len(values)], strict=True):
        changes = course.readings(Batch(temps(*[(at, values[at]) for at in range(begin, end)]), NOW_US), 0.0)
        for change in changes:
            (is_open.add if change.is_raised else is_open.discard)(change.key)
        found += changes
        if restarts:
            course = Course(rule, json.loads(json.dumps(course.kept({"pump"}))), is_open, 0.0)
    assert [(change.is_raised, (change.at_us - NOW_US) // SECOND) for change in found] == by_the_book(rule, values)


@given(values=VALUES)
def test_below_is_above_upside_down(values: list[int]) -> None:
    above = a_course(hysteresis=2).readings(Batch(temps(*enumerate(values)), NOW_US), 0.0)
    below = a_course(kind="below", limit=-10, hysteresis=2).readings(Batch(temps(*enumerate([-value for value in values])), NOW_US), 0.0)
    assert [(each.is_raised, each.at_us, each.value) for each in above] == [(each.is_raised, each.at_us, -each.value) for each in below]


def test_late_readings_raise_nothing_and_clear_nothing() -> None:
    course = a_course(late_s=5)
    assert judged(course, temps((-5.1, 20))) == []
    assert judged(course, temps((-5.0, 20))) == [True]
    assert judged(course, temps((-6.0, 0))) == []


def test_readings_out_of_order_neither_clear_nor_break_a_spell() -> None:
    course = a_course(for_s=2)
    assert judged(course, temps((1, 20))) == []
    assert judged(course, temps((0, 0))) == []
    assert judged(course, temps((3, 20))) == [True]
    assert judged(course, temps((2, 0))) == []
    assert judged(course, temps((4, 0))) == [False]


def test_time_alone_raises_what_no_further_reading_denies() -> None:
    course = a_course(for_s=10)
    assert judged(course, temps((0, 20)), now_s=100.0) == []
    assert course.due(109.9) == []
    due = course.due(110.0)
    assert due == [Change(KEY, True, NOW_US, 20)]
    assert course.due(110.0) == due
    course.took(due)
    assert course.due(200.0) == []
    assert judged(course, temps((30, 20))) == []
    assert judged(course, temps((31, 10))) == [False]


def test_a_rate_is_judged_from_one_reading_to_the_next_also_across_a_restart() -> None:
    rule = a_rule(kind="rising", limit=3)
    course = Course(rule, {}, (), 0.0)
    assert judged(course, temps((0, 100), (1, 103))) == []
    course = Course(rule, json.loads(json.dumps(course.kept({"pump"}))), (), 0.0)
    found = course.readings(Batch(temps((3, 111)), NOW_US), 0.0)
    assert found == [Change(KEY, True, NOW_US + 3 * SECOND, 4.0)]
    assert judged(course, temps((4, 111))) == [False]
    assert judged(a_course(kind="falling", limit=3), temps((0, 10), (1, 6))) == [True]


def test_a_text_breaks_a_rule_by_its_pattern() -> None:
    course = a_course_of_texts()
    assert judged(course, temps((0, "all well"), (1, "an error here"), series=SAYS)) == [True]
    assert judged(course, temps((2, 17.0))) == []
    assert judged(course, temps((3, "all well"), series=SAYS)) == [False]


def a_course_of_texts() -> Course:
    return Course(rule_in("r", {"kind": "text", "text": "*error*"}), {}, (), 0.0)


def test_numbers_break_no_rule_of_texts_and_texts_none_of_numbers() -> None:
    assert judged(a_course_of_texts(), temps((0, 17.0))) == []
    assert judged(a_course(limit=-1e9), temps((0, "1e12"), series=SAYS)) == []


def test_a_removed_device_is_forgotten() -> None:
    course = a_course(for_s=5)
    judged(course, temps((0, 20)))
    course.forget("pump")
    assert course.kept({"pump"}) == {}
    assert course.due(1e9) == []


def test_ten_thousand_series_that_are_well_are_judged_without_a_look_at_each() -> None:
    series = [Series(f"d{number}", "temp", "Cel", Kind.GAUGE) for number in range(10_000)]
    times = np.full(10_000, NOW_US * 1_000, np.int64)
    columns = Columns(series, np.arange(10_000, dtype=np.int32), times, np.zeros(10_000))
    course = a_course()
    assert course.readings(Batch(columns, NOW_US), 0.0) == []
    assert course.devices() == course.changed == set()
    columns.num[4_711] = 11.0
    assert [change.key for change in course.readings(Batch(columns, NOW_US), 0.0)] == [("d4711", "temp")]


def test_a_stretch_that_another_node_began_becomes_an_alert_no_sooner_than_it_would_by_the_clock_here() -> None:
    course = a_course(for_s=5)
    course.join("pump", {"spells": [["temp", NOW_US - 60 * SECOND, NOW_US, 12.0]]}, 100.0)
    assert course.due(104.9) == []
    assert [(change.key, change.is_raised, change.value) for change in course.due(105.0)] == [(("pump", "temp"), True, 12.0)]
