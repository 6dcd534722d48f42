"""The ledger of the crash test: what a killed device leaves behind can be read."""

from pathlib import Path

from simulators.crash.ledger import Ledger, MadePack, read_ledger


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


def test_packs_are_told_apart_from_what_went_out_alone(tmp_path: Path) -> None:
    with Ledger(tmp_path / "d") as ledger:
        ledger.begin(1, 1_000)
        ledger.begin_pack(MadePack(1, 3, 5_000, 10))
        ledger.pack_returned(1)
        ledger.begin_pack(MadePack(4, 2, 6_000, 10))
    made = read_ledger(tmp_path / "d")
    assert (made.last, made.last_us, made.end_us, made.last_packed) == (1, 1_000, 6_020, 5)
    unpacked = made.unpacked()
    assert unpacked.time_us == {1: 5_000, 2: 5_010, 3: 5_020, 4: 6_000, 5: 6_010}
    assert unpacked.certain == {1, 2, 3}
