"""Tests of hub/bus/ring.py and inflow.py."""

from itertools import permutations, product

from hub.bus.ring import ROW_BYTES, Ring
from hub.core.records import Row, RowKind


def rows(first: int, last: int, device: str = "pump", seq_from: int | None = None) -> list[Row]:
    shift = 0 if seq_from is None else seq_from - first
    return [Row(at, device, 7, at + shift, RowKind.DATA, 1_000 + at, b"", None) for at in range(first, last + 1)]


def test_rows_of_two_journals_stand_in_the_order_in_which_they_came() -> None:
    ring = Ring(1 << 20)
    ring.begin("a", 10)
    ring.begin("b", 0)
    ring.append("a", rows(11, 13), 13)
    ring.append("b", rows(1, 2, "fan"), 5)
    ring.append("a", rows(12, 15), 15)  # some of them again
    assert [row.position for row in ring.read(0)] == [1, 2, 3, 4, 5, 6, 7]
    assert [row.device for row in ring.read(2)] == ["pump", "fan", "fan", "pump", "pump"]
    assert [len(ring.read(3, count)) for count in (1, 3)] == [1, 3]
    assert ring.marks_at(7) == {"a": 15, "b": 5}
    assert ring.marks_at(4) == {"a": 13, "b": 1}
    assert ring.marks_at(0) == {"a": 10, "b": 0}


def test_every_place_is_found_again_by_its_marks() -> None:
    ring = Ring(1 << 20)
    ring.begin("a", 0)
    ring.begin("b", 0)
    for at in range(1, 6):
        ring.append("a", rows(2 * at - 1, 2 * at), 2 * at)
        ring.append("b", rows(at, at, "fan"), at)
    for place in range(ring.position + 1):
        assert ring.place_of(ring.marks_at(place)) == place


def test_what_a_viewer_from_a_node_with_another_order_has_already_is_known() -> None:
    here, there = Ring(1 << 20), Ring(1 << 20)
    for ring in (here, there):
        ring.begin("a", 0)
        ring.begin("b", 0)
    for at in range(1, 6):
        there.append("a", rows(at, at), at)
        there.append("b", rows(at, at, "fan"), at)
    here.append("a", rows(1, 6), 6)
    here.append("b", rows(1, 6, "fan"), 6)
    for place in range(there.position + 1):
        marks = there.marks_at(place)
        after = here.place_of(marks)
        assert after is not None
        known = here.known_above(marks, after)
        new = [(row.device, row.seq) for row in here.read(after) if row.position not in known]
        has = [(row.device, row.seq) for row in there.read(0) if row.position <= place]
        assert sorted(new + has) == sorted((device, seq) for device in ("pump", "fan") for seq in range(1, 7))


def test_a_cursor_of_what_is_not_here_has_no_place() -> None:
    ring = Ring(3 * ROW_BYTES)
    ring.begin("a", 10)
    for at in range(11, 16):
        ring.append("a", rows(at, at), at)
    assert ring.first == 3
    assert ring.place_of({"a": 12}) == 2
    assert ring.place_of({"a": 11}) is None  # its row 12 has left the ring
    assert ring.place_of({"a": 15, "gone": 3}) is None
    assert ring.place_of({"a": 99}) == 5  # others have seen more: it comes
    assert ring.marks_at(-1) == {"a": -1}  # a place from which nobody goes on
    ring.begin("b", 4)
    assert ring.place_of({"a": 15}) is None  # what b had before is not here


def test_what_leaves_before_it_is_stored_is_missed_until_it_is() -> None:
    ring = Ring(2 * ROW_BYTES)
    ring.begin("a", 0)
    inflow = ring.inflows["a"]
    for at in range(1, 6):
        ring.append("a", rows(at, at), at)
    assert (inflow.base, inflow.missing_us) == (3, (1_001, 1_003))
    inflow.is_stored(2)
    assert inflow.missing_us == (1_001, 1_003)
    assert (inflow.unstored_us(4), inflow.unstored_us(5)) == ((1_005, 1_005), None)
    inflow.is_stored(3)
    assert inflow.missing_us is None


def test_a_frame_that_two_nodes_journaled_is_here_once_and_one_that_only_the_late_one_has_is_too() -> None:
    ring = Ring(1 << 20)
    ring.begin("a", 0)
    ring.begin("b", 0)
    ring.append("a", rows(1, 3), 3)  # seq 1 to 3
    ring.append("b", rows(1, 4, seq_from=6), 4)  # 6 to 9: 4 and 5 were acked by a
    assert [row.seq for row in ring.append("a", rows(4, 7), 7)] == [4, 5]  # 6 and 7 came again by b
    assert [row.seq for row in ring.read(0)] == [1, 2, 3, 6, 7, 8, 9, 4, 5]


def test_a_viewer_goes_on_with_every_frame_at_a_node_that_had_those_of_two_journals_from_the_other_first() -> None:
    frames = {"a": rows(1, 6), "b": rows(1, 6, seq_from=5)}  # seq 5 and 6 came again by b
    pieces = [("a", 1, 4), ("a", 5, 5), ("a", 6, 6), ("b", 1, 1), ("b", 2, 3), ("b", 4, 6)]
    orders = [order for order in permutations(pieces) if all(is_in_order([each for each in order if each[0] == name]) for name in "ab")]
    rings = [ring_of(order, frames) for order in orders]
    for there, here in product(rings, rings):
        for place in range(there.position + 1):
            marks = there.marks_at(place)
            after = here.place_of(marks)
            assert after is not None
            known = here.known_above(marks, after)
            new = {row.seq for row in here.read(after) if row.position not in known}
            has = {row.seq for row in there.read(0) if row.position <= place}
            assert new | has == set(range(1, 11)), (marks, has, new)
    for ring in rings:
        assert all(ring.place_of(ring.marks_at(place)) == place for place in range(ring.position + 1))


def is_in_order(pieces: list[tuple[str, int, int]]) -> bool:
    return pieces == sorted(pieces)


def ring_of(order: tuple[tuple[str, int, int], ...], frames: dict[str, list[Row]]) -> Ring:
    ring = Ring(1 << 20)
    for name in frames:
        ring.begin(name, 0)
    for name, first, last in order:
        ring.append(name, frames[name][first - 1 : last], last)
    return ring


def test_rows_of_some_devices_are_those_that_a_look_at_all_would_find() -> None:
    ring = Ring(40 * ROW_BYTES)
    ring.begin("a", 0)
    ring.begin("b", 0)
    for at in range(10):
        ring.append("a", rows(7 * at + 1, 7 * at + 7, "pump"), 7 * at + 7)
        ring.append("b", rows(at + 1, at + 1, "fan"), at + 1)
    assert ring.first > 1
    for devices in ({"fan"}, {"pump"}, {"pump", "fan"}, None, {"none"}):
        for after in range(ring.first - 1, ring.position + 1):
            for upto in (after, after + 1, ring.position - 3, ring.position, ring.position + 5):
                found, looked = list[Row](), after
                while looked < min(upto, ring.position):
                    before = looked
                    some, looked = ring.rows_of(devices, looked, upto, max_rows=3, max_looked=5)
                    found += some
                    assert before < looked <= upto
                    assert len(some) <= 6
                everything = [row for row in ring.read(after, 1_000) if row.position <= upto]
                assert found == [row for row in everything if devices is None or row.device in devices]
    assert ring.rows_of({"fan"}, 0, 5)[1] >= ring.first - 1  # what has left is seen by that
