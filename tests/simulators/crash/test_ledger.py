"""The ledger of the crash test: what a killed device leaves behind can be read."""

from pathlib import Path

from simulators.crash.ledger import Ledger, read_ledger


def test_begun_and_returned_are_told_apart(tmp_path: Path) -> None:
    with Ledger(tmp_path / "d") as ledger:
        ledger.begin(1, 1000)
        ledger.returned(1)
        ledger.begin(2, 2000)
    made = read_ledger(tmp_path / "d")
    assert made.time_us == {1: 1000, 2: 2000}
    assert made.certain == {1}
    assert made.last == 2


def test_next_life_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for number in (1, 2):
        with Ledger(tmp_path / "d") as ledger:
            ledger.begin(number, number)
    assert read_ledger(tmp_path / "d").last == 2


def test_torn_last_line_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("b 1 1000\na 1\nb 2 20")
    assert read_ledger(tmp_path / "d").time_us == {1: 1000}


def test_missing_file_is_an_empty_record(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "none").last == 0
