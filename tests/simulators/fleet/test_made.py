"""What a run made, in a file of its own: read back the same, and frames named by epoch and seq."""

from pathlib import Path

import pytest

from simulators.fleet.difference import Difference
from simulators.fleet.errors import FleetError
from simulators.fleet.lives import Life
from simulators.fleet.made import Made, gathered_numbers
from simulators.fleet.notes import Notes
from simulators.fleet.plans import Make, Unit

UNITS = [Unit("d1", 0, 0.0), Unit("d2", 0, 0.5), Unit("d3", 0, 0.7)]


def made(numbers: dict[str, list[list[int]]]) -> Made:
    makes = [Make([{"name": "air", "kind": "temperature"}], [(10.0, 2.0)], 2.0)]
    return Made("abc", 1, 1_800_000_000_000_000, makes, UNITS, [[Life(0, 20, 20)], [], [Life(3, 5, 4)]], {"d2": [[1, 4]]}, numbers)


def missing(number: int) -> Difference:
    return Difference("missing", "d1", "air", 7, number, 1.5, None)


def test_a_file_of_it_says_the_same(tmp_path: Path) -> None:
    once = made({"d1": [[0, 99, 1]]})
    once.write(tmp_path / "kept.json")
    again = Made.read(tmp_path / "kept.json")
    assert (again.spans_us, again.stretches([0, 2])) == (once.spans_us, {"d1": [[0, 20]], "d3": [[3, 4]]})
    assert again.truth().sensor(1).value("air", once.begin_us) == once.truth().sensor(1).value("air", once.begin_us)
    assert again.subjects() == once.subjects()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"what": "tributary simulate", "format": 9}', '{"what": "tributary simulate", "format": 1}']
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(FleetError, match="does not say what a simulation made"):
        Made.read(tmp_path / "x")


def test_a_frame_has_its_number_from_where_the_numbers_began_to_run_beside_it(tmp_path: Path) -> None:
    with Notes(tmp_path, 0) as notes:
        for number in range(6):
            notes.went_out(0, number, 99, number + 1)
        notes.went_out(1, 0, 55, 1)
        notes.went_out(0, 6, 99, 8)  # a result took seq 7
        notes.went_out(0, 9, 77, 1)  # a new connection
        notes.went_out(0, 7, 99, 9)  # the rest of the old one
    assert len((tmp_path / "numbers-0").read_text().splitlines()) == 4
    run = made(gathered_numbers(tmp_path, 2, UNITS))  # two workers: devices 0 and 2 are in the first
    named = {number: run.named(missing(number)) for number in (0, 5, 6, 8, 9, 12)}
    assert {number: (each.epoch, each.seq) for number, each in named.items()} == {
        0: (99, 1), 5: (99, 6), 6: (99, 8), 8: (99, 10), 9: (77, 1), 12: (77, 4),
    }  # fmt: skip
    assert run.numbers["d3"] == [[0, 55, 1]]


def test_a_difference_is_a_sentence_with_everything_that_is_known() -> None:
    named = made({"d1": [[0, 99, 1]]}).named(missing(4))
    assert named.line().endswith("missing: d1/air at 1970-01-01T00:00:00.000Z (7 µs, frame 4, epoch 99 seq 5): sent 1.5, not found")
    assert Difference.of(named.said()) == named
    earlier = Difference("changed", "d0", "air", 7, 4, 1, 2)
    assert min([named, earlier], key=lambda each: each.order) == earlier
