"""The journal that a backlog is made into is as a hub's own: readable, in order of each device, every frame as a device encodes it."""

from pathlib import Path

import msgpack
import numpy as np
import pytest

from hub.core.records import RowKind
from hub.journal import SQLiteJournalFile
from simulators.backlog.making import frames_that_fit, template, write_journal
from simulators.backlog.numbers import Backlog

BACKLOG = Backlog(devices=3, channels=2, frames=5, begin_us=1_000_000_000, step_us=1_000_000)


def test_each_frame_is_in_the_journal_once_in_order(tmp_path: Path) -> None:
    told: list[int] = []
    write_journal(tmp_path / "journal.db", BACKLOG, told.append)
    file = SQLiteJournalFile(tmp_path / "journal.db")
    state = file.open()
    rows = file.read(0, 1_000, 1 << 20)
    file.close()
    assert told[-1] == len(rows) == state.last == 15
    assert {(mark.device, mark.seq) for mark in state.marks} == {(BACKLOG.name(device), 5) for device in range(3)}
    for device in range(3):
        mine = [row for row in rows if row.device == BACKLOG.name(device)]
        bodies = [msgpack.unpackb(row.body) for row in mine]
        numbers = np.arange(1, 6)
        assert {row.kind for row in mine} == {RowKind.DATA}
        assert [body["s"] for body in bodies] == [row.seq for row in mine] == numbers.tolist()
        assert {body["e"] for body in bodies} == {row.epoch for row in mine}
        assert [body["t"] for body in bodies] == BACKLOG.times_us(device, numbers).tolist()
        for channel in range(2):
            assert [body["v"][channel] for body in bodies] == BACKLOG.values(device, channel, numbers).tolist()


def test_epochs_are_opened_with_the_channels_of_their_frames(tmp_path: Path) -> None:
    write_journal(tmp_path / "journal.db", BACKLOG, lambda frames: None)
    file = SQLiteJournalFile(tmp_path / "journal.db")
    marks = file.open().marks
    file.close()
    assert {tuple(channel.name for channel in mark.channels) for mark in marks} == {("c0", "c1")}


def test_all_frames_fit_where_they_are_few(tmp_path: Path) -> None:
    assert frames_that_fit(10, 10, tmp_path) == 10


@pytest.mark.parametrize("channels", [1, 10])
def test_a_journal_is_never_made_larger_than_a_hub_takes(tmp_path: Path, channels: int) -> None:
    assert frames_that_fit(10**12, channels, tmp_path) * len(template(channels)) < 20_000_000_000
