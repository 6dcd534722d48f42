"""The table of the gate: every goal is in it, and everything that it names is there."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from tests.gate.rows import ROWS, Row
from tests.gate.running import read

ROOT = Path(__file__).parents[2]
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def named(row: Row) -> str:
    return f"{row.goal} {row.what[:40]}"


def test_every_goal_has_a_row() -> None:
    assert {row.goal for row in ROWS} == {f"G{number}" for number in range(1, 17)}


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_each_row_has_a_short_form_in_make_test_and_one_that_is_run(row: Row) -> None:
    assert row.short
    assert [place for place in row.short if not (ROOT / place).exists()] == []
    assert row.gate or row.release


@pytest.mark.parametrize("row", [row for row in ROWS if row.gate], ids=named)
def test_what_the_gate_runs_exists(row: Row) -> None:
    words = [word for word in shlex.split(row.gate) if "=" not in word]
    assert words[0] in (".venv/bin/python", ".venv/bin/tributary")
    if words[1] == "-m":
        assert importlib.util.find_spec(words[2]) is not None
    assert [word for word in words if word.startswith("tests/") and not (ROOT / word).exists()] == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.release], ids=named)
def test_what_a_release_runs_is_a_target_of_make(row: Row) -> None:
    words = shlex.split(row.release)
    assert words[0] == "make"
    assert words[1] in TARGETS


def test_what_is_set_for_tests_is_no_setting_that_a_hub_of_theirs_refuses() -> None:
    lines = [*(ROOT / "Makefile").read_text().splitlines(), *(row.gate for row in ROWS)]
    assert {name for line in lines for name in re.findall(r"\b(TRIBUTARY_\w+)=", line) if not name.startswith("TRIBUTARY_TEST_")} == set()


def test_each_row_says_how_its_figures_are_read() -> None:
    assert [named(row) for row in ROWS if not any("?P<n>" in pattern for pattern in row.figures) and row.goal != "G16"] == []


@pytest.mark.parametrize(
    ("goal", "text", "n", "figures"),
    [
        (
            "G1",
            "kill: kill 50, the hub listened again after 0.80 s\n"
            "kill: listened again after 0.81 s (p50), 1.20 s (p99), 1.20 s at most\n"
            "N = 50 faults, seed 7, 300 s: "
            "9 readings made: 9 stored once, 0 in declared gaps, 0 rejected, 0 never promised, 0 differences\n",
            "50",
            (
                "9 readings made: 9 stored once, 0 in declared gaps, 0 rejected, 0 never promised, 0 differences",
                "listened again after 0.81 s (p50), 1.20 s (p99), 1.20 s at most",
            ),
        ),
        ("G2", "life: 2 images\nPASSED: N = 200 images, 0 of them wrong\n", "200", ("0 of them wrong",)),
        ("G4", "....\n1204 passed, 2 skipped in 30.1s\n", "1204", ()),
        (
            "G6",
            "seeds 1 to 400 of 24 families\nH1: 400 cases in 9 s, 0 broken, +0.1 MB; \n"
            "healthy device: 9 frames, 9 acked, the slowest after 0.1 s\n"
            "memory: the hub grew by +1.0 MB; with good clients alone: 200.0 MB, 45 tasks; at the end: 201.0 MB\n0 broken\n",
            "400 of 24 families",
            (
                "0 broken",
                "healthy device: 9 frames, 9 acked, the slowest after 0.1 s",
                "memory: the hub grew by +1.0 MB; with good clients alone: 200.0 MB, 45 tasks; at the end: 201.0 MB",
            ),
        ),
        ("G10", "500 commands and those to all, seed 3, 60 s: 0 differences\nPASSED\n", "500", ("0 differences",)),
    ],
)
def test_figures_are_read_from_what_programs_print(goal: str, text: str, n: str, figures: tuple[str, ...]) -> None:
    row = next(row for row in ROWS if row.goal == goal)
    assert read(row, text) == (n, figures)
