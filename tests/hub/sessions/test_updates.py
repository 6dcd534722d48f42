"""Tests of hub/sessions/updates.py: its messages. What a viewer makes of them stands in test_subscription.py and test_group.py."""

from dataclasses import replace

from devices.wire.messages import Kind
from hub.core.lines import Lines
from hub.core.readings import bucket_of
from hub.core.records import Series
from hub.core.selector import Selector
from hub.sessions.numbering import Numbering
from hub.sessions.picture import LateStretch, Picture
from hub.sessions.updates import PART_POINTS, Updates, Wish
from tests.support.picture import ViewerPicture

SECOND = 1_000_000
SERIES = [Series("pump", name, "", Kind.GAUGE) for name in ("temp", "hum")]


def updates_of(picture: Picture, lines: Lines, numbering: Numbering | None = None) -> Updates:
    """Return the updates that follow on a picture."""
    wish = Wish(Selector(None, None), 100 * SECOND, picture.width_us)
    return Updates(wish, picture, lines, lambda position: {"journal": position}, 0, Numbering() if numbering is None else numbering)


def test_large_snapshot_is_cut_and_only_its_last_part_has_a_cursor() -> None:
    points = {t_us * 1_000: 1.0 for t_us in range(PART_POINTS * 2 + 1)}
    picture = Picture(0, 0, 5, {SERIES[0]: dict(points), SERIES[1]: dict(points)})
    parts = list(updates_of(picture, Lines()).snapshot(picture, "new"))
    assert len(parts) == 6
    assert [part.get("more", False) for part in parts] == [True] * 5 + [False]
    assert ["to" in part for part in parts] == [False] * 5 + [True]
    screen = ViewerPicture()
    for part in parts:
        screen.apply(part)
    assert len(screen.raw["pump", "temp"]) == len(screen.raw["pump", "hum"]) == len(points)


def test_a_hole_is_told_of_all_series_once_the_store_has_passed_it() -> None:
    picture = Picture(0, 0, 7, {SERIES[0]: {1_000: 1.0}}, floors_us=dict.fromkeys(SERIES, 0), hole_us=(10, 20))
    picture.late.append(LateStretch(10, 20, 0))
    updates = updates_of(picture, Lines())
    list(updates.snapshot(picture, "new"))
    assert list(updates.due(7, 0, 0, 6, may_update=True)) == []
    named, changed = updates.due(7, 0, 0, 7, may_update=True)
    assert [series["channel"] for series in named["series"]] == ["hum"]  # it has no data yet; the viewer must know it by name
    assert changed == {"op": "changed", "series": [0, 1], "from_us": 10, "to_us": 20}


def test_who_lacks_what_nobody_knows_of_goes_on_from_no_cursor_and_is_not_served_with_who_does_not() -> None:
    picture, lacking = (Picture(0, 0, 7, {SERIES[0]: {1_000: 1.0}}) for _ in range(2))
    lacking.lack(10, 20)
    whole, poor = updates_of(picture, lines := Lines()), updates_of(lacking, lines)
    assert [[part["to"] for part in each.snapshot(picture, "new")] for each in (whole, poor.fork())] == [["journal:7:0"], ["journal:-1:0"]]
    assert (whole.covers(poor), poor.covers(whole), poor.fork().covers(poor)) == (False, True, True)


def test_numbers_that_json_cannot_say_are_null() -> None:
    picture = Picture(
        SECOND, 0, 1, buckets={SERIES[0]: {0: replace(bucket_of(1e308, 5), sum=float("inf")), SECOND: bucket_of("on", SECOND)}}
    )
    (snapshot,) = updates_of(picture, Lines()).snapshot(picture, "new")
    assert snapshot["data"][0]["sum"] == [None, None]
    assert snapshot["data"][0]["min"] == [1e308, None]
    assert snapshot["data"][0]["last"] == [1e308, "on"]


def test_a_fork_goes_on_from_the_same_place_with_the_same_numbers() -> None:
    lines, numbering = Lines(), Numbering()
    picture = Picture(0, 0, 7, {SERIES[0]: {1_000: 1.0}})
    updates = updates_of(picture, lines, numbering)
    list(updates.snapshot(picture, "new"))
    fork = updates.fork()
    for each in (updates, fork):
        each.adopt(SERIES[1])
        each.mailbox.add_points(SERIES[1], {2_000: 2.0}, 5)
    assert list(updates.update(8, 9)) == list(fork.update(8, 9))
    fork.leave()
    assert len(lines) == 2
    updates.leave()
    assert len(lines) == 0


def test_one_that_joins_others_gets_their_cursor_their_names_and_a_number_above_theirs() -> None:
    lines, numbering = Lines(), Numbering()
    picture = Picture(0, 0, 7, {SERIES[0]: {1_000: 1.0}})
    others, own = updates_of(picture, lines, numbering), updates_of(picture, lines, numbering)
    for each in (others, own):
        list(each.snapshot(picture, "new"))
    others.adopt(SERIES[1])
    others.mailbox.add_points(SERIES[1], {2_000: 2.0}, 5)
    for position in range(8, 12):
        list(others.update(position, 0))
    own.mailbox.add_points(SERIES[0], {3_000: 3.0}, 5)
    (message,) = own.joining(others, 11, 0)
    assert (message["from"], message["to"], message["n"]) == ("journal:7:0", "journal:11:0", others.n + 1)
    assert [series["channel"] for series in message["series"]] == ["hum"]
    assert [column["v"] for column in message["data"]] == [[3.0]]


def test_a_cursor_stays_below_what_is_late_and_the_others_are_not_told_of() -> None:
    lines = Lines()
    picture = Picture(0, 0, 7, {SERIES[0]: {1_000: 1.0}})
    others, own = updates_of(picture, lines), updates_of(picture, lines)
    for each in (others, own):
        list(each.snapshot(picture, "new"))
    own.mailbox.add_late(SERIES[0], 0, SECOND, 9)
    others.mailbox.add_points(SERIES[0], {2_000: 2.0}, 5)
    list(others.update(11, 0))
    (message,) = own.joining(others, 11, 0)
    assert not others.covers(own)
    assert message["to"] == "journal:7:0"
    others.mailbox.add_late(None, 0, 2 * SECOND, 12)
    assert not others.covers(own)  # it came later: their cursor is beyond what this viewer has yet to be told of


def test_readings_that_are_older_than_the_span_when_they_come_are_not_told() -> None:
    updates = updates_of(Picture(0, 0, 7), Lines())
    updates.adopt(SERIES[0])
    list(updates.update(7, 200 * SECOND))
    updates.mailbox.add_points(SERIES[0], {99 * SECOND * 1_000: 1.0, 100 * SECOND * 1_000: 2.0}, 5)
    (message,) = updates.update(8, 200 * SECOND)
    assert message["data"][0]["v"] == [2.0]
