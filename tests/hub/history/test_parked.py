"""Parked readings: one line each, nothing twice, nothing dropped."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import hub.history.parked
from hub.history.parked import Parked, ParkedReading
from hub.ports import StoreFull


def reading(position: int, value: Any = 1.0, journal: str = "j") -> ParkedReading:
    return ParkedReading("pump", "temp", "Cel", "gauge", 1_000 + position, 7, value, "no such number", journal, position)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_holds_everything_that_is_known_of_a_reading(tmp_path: Path) -> None:
    Parked(tmp_path).add([reading(3, "Grüße \ud800")])
    (line,) = lines(tmp_path / "parked.jsonl")
    assert line == {
        "device": "pump",
        "channel": "temp",
        "unit": "Cel",
        "kind": "gauge",
        "time_us": 1_003,
        "n": 7,
        "value": "Grüße \ud800",
        "reason": "no such number",
        "journal": "j",
        "position": 3,
    }
    assert (tmp_path / "parked.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_same_readings_again_add_no_line_also_after_a_restart(tmp_path: Path) -> None:
    parked = Parked(tmp_path)
    assert len(parked.add([reading(1), reading(2), reading(2, 5.0)])) == 3
    assert parked.add([reading(1), reading(2, 5.0), reading(2)]) == []
    again = Parked(tmp_path)
    again.open()
    assert (again.count, again.last_reason) == (3, "no such number")
    assert again.add([reading(1), reading(2), reading(2, 5.0), reading(3)]) == [reading(3)]
    assert [line["position"] for line in lines(tmp_path / "parked.jsonl")] == [1, 2, 2, 3]


def test_a_new_journal_counts_anew(tmp_path: Path) -> None:
    Parked(tmp_path).add([reading(9)])
    assert Parked(tmp_path).add([reading(1, journal="k")]) == [reading(1, journal="k")]


def test_a_line_that_a_crash_cut_short_is_written_whole(tmp_path: Path) -> None:
    Parked(tmp_path).add([reading(1), reading(2)])
    path = tmp_path / "parked.jsonl"
    os.truncate(path, path.stat().st_size - 10)
    parked = Parked(tmp_path)
    assert parked.add([reading(1), reading(2)]) == [reading(2)]
    assert [line["position"] for line in lines(path)] == [1, 2]
    assert parked.count == 2


def test_full_files_are_set_aside_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.history.parked, "MAX_FILE_BYTES", 100)
    monkeypatch.setattr(hub.history.parked, "MAX_FILES", 3)
    parked = Parked(tmp_path)
    for position in (1, 2, 3):
        parked.add([reading(position)])
    names = ("parked.1.jsonl", "parked.2.jsonl", "parked.jsonl")
    assert [lines(tmp_path / name)[0]["position"] for name in names] == [1, 2, 3]
    with pytest.raises(StoreFull, match="move them away"):
        parked.add([reading(4)])
    again = Parked(tmp_path)
    again.open()
    assert again.count == 3
    assert again.add([reading(3)]) == []
    (tmp_path / "parked.1.jsonl").unlink()
    assert again.add([reading(4)]) == [reading(4)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parked.2.jsonl", "parked.3.jsonl", "parked.jsonl"]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parked = Parked(tmp_path)
    parked.add([reading(1)])

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreFull, match="No space left"):
            parked.add([reading(2)])
    assert parked.count == 1
    assert parked.add([reading(2)]) == [reading(2)]
    assert [line["position"] for line in lines(tmp_path / "parked.jsonl")] == [1, 2]


def test_what_somebody_else_wrote_there_is_counted_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "parked.jsonl").write_text("hello\n")
    parked = Parked(tmp_path)
    assert parked.add([reading(1)]) == [reading(1)]
    assert parked.count == 2
    assert (tmp_path / "parked.jsonl").read_text().startswith("hello\n")


def test_the_note_ends_when_somebody_has_moved_the_files_away(tmp_path: Path) -> None:
    parked = Parked(tmp_path)
    assert parked.note is None
    parked.add([reading(1), reading(2)])
    assert parked.note == f"2 readings could not be stored; see {tmp_path / 'parked.jsonl'}, the last because: no such number"
    (tmp_path / "parked.jsonl").unlink()
    assert parked.note is None
    assert parked.add([reading(2), reading(3)]) == [reading(3)]
    assert parked.count == 1


def test_without_a_folder_there_is_a_count_and_no_file(tmp_path: Path) -> None:
    parked = Parked(None)
    assert len(parked.add([reading(1)])) == 1
    assert parked.note == "1 reading could not be stored; see the log, the last because: no such number"
