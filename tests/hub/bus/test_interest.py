"""Tests of hub/bus/interest.py."""

from hub.bus.interest import KEPT_S, MAX_STATED, STATED_S, Stated, Wishes
from hub.core.interest import ALL, MAX_TEXT, NOTHING, Interest
from hub.core.records import Row, RowKind
from hub.ports import Frames

PUMP, FAN = Interest(frozenset(["pump"])), Interest(frozenset(["fan"]))
BOTH = frozenset([PUMP.id, FAN.id])


def frames(after: int, *devices: str) -> Frames:
    rows = [Row(after + at, device, 7, after + at, RowKind.DATA, 1_000, b"", None) for at, device in enumerate(devices, 1)]
    return Frames("a", after, after + len(rows), 0, rows)


def told(frames: Frames | None) -> tuple[int, int, list[str], frozenset[str] | None] | None:
    return None if frames is None else (frames.after, frames.position, [row.device for row in frames.rows], frames.covers)


def test_a_device_is_wanted_until_a_while_after_its_last_viewer() -> None:
    wishes = Wishes()
    assert wishes.at(0.0) == NOTHING
    wishes.note(frozenset(["pump"]), 1.0)
    wishes.note(frozenset(["fan"]), 30.0)
    assert wishes.at(KEPT_S + 1) == Interest(frozenset(["pump", "fan"]))
    assert wishes.at(KEPT_S + 2) == FAN
    wishes.note(None, KEPT_S + 3)
    assert wishes.at(2 * KEPT_S + 3) is ALL
    assert wishes.at(2 * KEPT_S + 4) == NOTHING


def test_devices_that_are_too_many_to_be_said_are_all_for_a_while_although_one_leaves() -> None:
    wishes = Wishes()
    names = [f"{at:09}" for at in range(MAX_TEXT // 10)]
    wishes.note(frozenset(names), 0.0)
    assert wishes.at(0.0) == Interest(frozenset(names))
    wishes.note(frozenset(["another"]), 0.0)
    assert wishes.at(1.0) is ALL
    wishes.note(frozenset(names), KEPT_S)
    assert wishes.at(KEPT_S + 1) is ALL
    assert wishes.at(KEPT_S + 2) == Interest(frozenset(names))


def test_what_nobody_wants_is_left_out_and_what_comes_says_of_whom_it_is_all() -> None:
    stated = Stated()
    assert stated.chosen(frames(0, "pump"), 0.0) is None
    stated.state(PUMP, 0.0)
    assert told(stated.chosen(frames(1, "pump", "fan"), 0.0)) == (1, 3, ["pump"], frozenset([PUMP.id]))
    stated.state(FAN, 5.0)
    assert told(stated.chosen(frames(3, "pump", "fan", "lamp"), 5.0)) == (3, 6, ["pump", "fan"], BOTH)
    assert told(stated.chosen(frames(6, "pump", "fan"), STATED_S)) == (6, 8, ["fan"], frozenset([FAN.id]))
    stated.state(ALL, STATED_S)
    assert told(stated.chosen(frames(8, "pump", "lamp"), STATED_S)) == (8, 10, ["pump", "lamp"], None)
    assert not stated.is_any(2 * STATED_S)
    stated.state(NOTHING, 2 * STATED_S)
    assert not stated.is_any(2 * STATED_S)


def test_stretches_that_were_passed_over_are_part_of_the_next_unless_others_want_something_now() -> None:
    stated = Stated()
    stated.state(PUMP, 0.0)
    assert stated.chosen(frames(0, "fan"), 0.0) is None
    assert stated.chosen(frames(1, "fan", "fan"), 0.0) is None
    assert told(stated.chosen(frames(3, "pump"), 0.0)) == (0, 4, ["pump"], frozenset([PUMP.id]))
    assert stated.chosen(frames(4, "fan"), 0.0) is None
    stated.state(FAN, 0.0)
    assert told(stated.chosen(frames(5, "pump"), 0.0)) == (5, 6, ["pump"], BOTH)  # fan was not looked for before
    assert stated.chosen(frames(6, "lamp"), 0.0) is None
    assert told(stated.chosen(frames(8, "pump"), 0.0)) == (8, 9, ["pump"], BOTH)  # what is between was not seen


def test_where_too_many_sets_are_stated_everything_is_published() -> None:
    stated = Stated()
    for at in range(MAX_STATED + 1):
        stated.state(Interest(frozenset([f"pump-{at}"])), float(at) / 100)
    assert told(stated.chosen(frames(0, "lamp"), 1.0)) == (0, 1, ["lamp"], None)
    assert stated.chosen(frames(1, "lamp"), STATED_S) is None
