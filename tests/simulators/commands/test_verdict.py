"""The command test's verdict finds each way in which a command may not have gone as promised."""

from pathlib import Path

import pytest

from simulators.commands.verdict import Told, differences, number_of, runs_of


@pytest.mark.parametrize(
    ("state", "ran", "earlier", "cancel", "said"),
    [
        ("done", 1, "", "", ""),
        ("failed", 0, "failed", "too_late", ""),
        ("cancelled", 1, "", "cancelled", ""),
        ("done", 2, "", "", "was run 2 times"),
        ("done", 0, "", "", "is done and was run 0 times"),
        ("expired", 1, "", "", "is expired and was run 1 times"),
        ("sent", 0, "", "", "has not ended: sent"),
        ("done", 1, "failed", "", "ended as done and failed"),
        ("done", 1, "", "cancelled", "answered cancelled, and it is done"),
        ("cancelled", 0, "", "too_late", "answered too_late, and it is cancelled"),
    ],
)
def test_what_is_not_as_promised_is_said(state: str, ran: int, earlier: str, cancel: str, said: str) -> None:
    told = Told(1, {earlier} if earlier else set(), cancel)
    found = differences([told], {1: {"state": state}}, {1: ran})
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_a_command_that_is_gone_is_said_and_runs_are_counted_over_all_devices(tmp_path: Path) -> None:
    assert differences([Told(1)], {}, {}) == ["command 1 is not in the ledger"]
    (tmp_path / "a").write_text("1\n2\n")
    (tmp_path / "b").write_text("2\n")
    assert runs_of([tmp_path / "a", tmp_path / "b", tmp_path / "none"], 10) == {1: 1, 2: 2}


def test_what_all_devices_run_is_counted_for_each_of_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n10\n")
    (tmp_path / "b").write_text("10\n10\n")
    assert runs_of([tmp_path / "a", tmp_path / "b"], 10) == {1: 1, number_of(10, 0): 1, number_of(10, 1): 2}
