"""A row's command line as a process: its environment, its figures, its end."""

from pathlib import Path

from tests.gate.rows import Row
from tests.gate.running import run, started, tail

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
    assert (lost.verdict, lost.n, lost.why) == ("NOT HELD", "3", "ended with 1")
    assert "bad" in tail(lost)


def test_what_a_machine_cannot_do_is_told_and_not_taken_for_done(tmp_path: Path) -> None:
    outcome = run(ROW, "sh -c 'echo NOT RUN, the disk: no tmpfs; echo N = 3'", tmp_path, 30)
    assert (outcome.verdict, outcome.left_out) == ("in part", ("NOT RUN, the disk: no tmpfs",))
    assert run(ROW, "sh -c 'echo nothing of use'", tmp_path, 30).why == "said no figure"


def test_a_program_that_does_not_end_is_ended_with_what_it_has_started(tmp_path: Path) -> None:
    outcome = run(ROW, "sh -c 'sleep 600 & echo N = 3; sleep 600'", tmp_path, 0.3)
    assert (outcome.verdict, outcome.why) == ("NOT HELD", "no end after 0 s")
    assert outcome.seconds < 20
