"""Fields of a scenario: durations as people write them, and one line that names the place for everything else."""

from dataclasses import dataclass

import pytest

from simulators.fleet.errors import FleetError
from simulators.fleet.tables import option, read_table, seconds_of


@dataclass(frozen=True)
class Thing:
    """A record as scenario.py has them."""

    name: str = option("name")
    count: int = option("count", 1, low=1, high=10)
    for_s: float = option("for", 1.0, low=0.5, high=3_600)
    kind: str = option("kind", "a", one_of=("a", "b"))


@pytest.mark.parametrize(("said", "seconds"), [("30s", 30), ("5m", 300), ("1h30m", 5_400), ("250ms", 0.25), (7, 7), (0.5, 0.5), ("12", 12)])
def test_a_duration_is_written_in_several_ways(said: object, seconds: float) -> None:
    assert seconds_of(said, "here") == seconds


@pytest.mark.parametrize("said", ["", "5 apples", "s5", True, None, "5m5"])
def test_what_is_no_duration_is_refused(said: object) -> None:
    with pytest.raises(FleetError, match="here is no duration"):
        seconds_of(said, "here")


def test_a_table_becomes_a_record() -> None:
    assert read_table(Thing, {"name": "x", "count": 3, "for": "2m"}, "here") == Thing("x", 3, 120.0, "a")


@pytest.mark.parametrize(
    ("table", "said", "hint"),
    [
        ({"name": "x", "cuont": 3}, "here has an unknown field 'cuont' (did you mean 'count'?)", "it takes count, for, kind, name"),
        ({}, "here has no 'name'", "say name = ..."),
        ({"name": "x", "count": 11}, "here.count is 11", "it is a whole number from 1 to 10"),
        ({"name": "x", "count": 1.5}, "here.count is 1.5", "it is a whole number from 1 to 10"),
        ({"name": "x", "count": True}, "here.count is True", "it is a whole number from 1 to 10"),
        ({"name": "x", "for": "0.1s"}, "here.for is 0.1", "it is a number from 0.5 to 3,600 s"),
        ({"name": "x", "for": float("nan")}, "here.for is nan", "it is a number from 0.5 to 3,600 s"),
        ({"name": "x", "kind": "c"}, "here.kind is 'c'", "it is one of a, b"),
        ({"name": 7}, "here.name is no text: 7", "write 1 to 200 characters in quotes"),
        ("x", "here is no table: 'x'", "write it as in docs/simulators.md"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(table: object, said: str, hint: str) -> None:
    with pytest.raises(FleetError) as caught:
        read_table(Thing, table, "here")
    assert (caught.value.message, caught.value.hint, caught.value.is_usage) == (said, hint, True)
