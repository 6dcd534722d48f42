"""A row's command line as a process: its environment, its figures, its end."""

from pathlib import Path

import pytest

from tests.gate.rows import PYTHON, Row
from tests.gate.running import run, started, tail, useful_line

ROW = Row("G1", "anything", "something", "", "", (), (r"^N = (?P<n>\d+)", r"^(figure .*)$"))


def test_a_command_of_the_table_is_run_by_this_interpreter_with_its_settings() -> None:
    words, environment = started("A=1 .venv/bin/python -m simulators.siege")
    assert Path(words[0]).name == "python"
    assert Path(words[0]).exists()
    assert words[1:] == ["-m", "simulators.siege"]
    assert environment["A"] == "1"


def test_what_a_program_says_and_how_it_ends_is_the_outcome(tmp_path: Path) -> None:
    held = run(ROW, "sh -c 'echo N = 3; echo figure 1; echo figure 2'", tmp_path, 30)
    assert (held.verdict, held.n, held.figures) == ("held", "3", ("figure 2",))
    lost = run(ROW, "sh -c 'echo N = 3; echo bad >&2; exit 1'", tmp_path, 30)
    assert (lost.verdict, lost.n, lost.why) == ("FAILED", "3", "ended with 1: bad")
    assert "bad" in tail(lost)


def test_what_a_machine_cannot_do_is_told_and_not_taken_for_done(tmp_path: Path) -> None:
    outcome = run(ROW, "sh -c 'echo NOT RUN, the disk: no tmpfs; echo N = 3'", tmp_path, 30)
    assert (outcome.verdict, outcome.left_out) == ("in part", ("NOT RUN, the disk: no tmpfs",))
    skipped = run(ROW, "sh -c 'echo 3 skipped in 0.1s'", tmp_path, 30)
    assert (skipped.verdict, skipped.left_out) == ("not run", ("3 skipped",))
    assert run(ROW, "sh -c 'echo nothing of use'", tmp_path, 30).why == "did not say how often it tried: nothing of use"


def test_a_program_that_does_not_end_is_ended_with_what_it_has_started(tmp_path: Path) -> None:
    outcome = run(ROW, "sh -c 'sleep 600 & echo N = 3; sleep 600'", tmp_path, 0.3)
    assert (outcome.verdict, outcome.why) == ("FAILED", "no end after 0 s: N = 3")
    assert outcome.seconds < 20


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "cut: 206 -> 237 MB\n   WRONG, cut: its memory did not come back\nN = 9 devices, 3 s\n",
            "WRONG, cut: its memory did not come back",
        ),
        ("| flood | joins within 2 s | never | BROKEN |\n1 of 9 promises are broken\n", "flood | joins within 2 s | never | BROKEN"),
        (
            "FAILED tests/test_a.py::test_b - AssertionError: no\n1 failed, 3 passed in 2.00s\n",
            "FAILED tests/test_a.py::test_b - AssertionError: no",
        ),
        (
            'Traceback (most recent call last):\n  File "a.py", line 1\n    raise HubFailed(log)\nsimulators.HubFailed: it ended:\n'
            '{"level": "info"}\nlast words of the hub\n',
            "simulators.HubFailed: it ended:",
        ),
        (
            "  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: several (1 sub-exception)\n  +-+---- 1 ----\n"
            '    | Traceback (most recent call last):\n    |   File "a.py", line 1, in run\n    |     raise Refused\n'
            "    | trio.TooSlowError\n    +--------\n",
            "trio.TooSlowError",
        ),
        ("program: error: unrecognized arguments: --x\n\n", "program: error: unrecognized arguments: --x"),
        ("", ""),
    ],
)
def test_of_an_output_the_last_line_that_says_what_is_wrong_is_shown(text: str, line: str) -> None:
    assert useful_line(text) == line


def test_a_program_that_ends_by_an_exception_is_a_row_that_says_which(tmp_path: Path) -> None:
    outcome = run(ROW, f"{PYTHON} -c 'raise RuntimeError(\"the disk is gone\")'", tmp_path, 30)
    assert (outcome.verdict, outcome.why) == ("FAILED", "ended with 1: RuntimeError: the disk is gone")
