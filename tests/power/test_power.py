"""Power cuts and kills in short: the model of a disk by itself, and some images of each program; `make power-test` has thousands."""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.power import life
from tests.power.__main__ import SUBJECTS, complaints_of, images_of, played
from tests.power.images import KILLED, Disk
from tests.power.oplog import Op, recorded
from tests.power.rot import fate_of, flips_of, killed

MAY_TRACE = shutil.which("strace") is not None and subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"]).returncode == 0
traced = pytest.mark.skipif(not MAY_TRACE, reason="strace is missing, or may not trace here")
PAGE = b"x" * 1_024


def disk_after(*ops: Op) -> Disk:
    disk = Disk()
    for op in ops:
        disk.apply(op)
    return disk


def drawn(disk: Disk, kind: str) -> set[tuple[tuple[str, bytes], ...]]:
    return {tuple(sorted(disk.files(kind, random.Random(seed)).items())) for seed in range(60)}


def test_what_was_not_synced_may_be_there_in_part() -> None:
    begun = [Op("create", "a"), Op("write", "a", 0, PAGE)]
    named = disk_after(*begun, Op("sync", ".", covers=2))
    assert drawn(named, "all") == {(("a", PAGE),)}
    assert drawn(named, "none") == {(("a", b""),)}
    parts = {files[0][1] for files in drawn(named, "torn")}
    assert {PAGE, b"", PAGE[:512], bytes(512) + PAGE[512:], bytes(1_024)} <= parts
    assert drawn(disk_after(*begun), "torn") > {(), (("a", b""),)}


def test_a_sync_keeps_what_had_ended_when_it_began() -> None:
    disk = disk_after(
        Op("create", "a"), Op("sync", ".", covers=1), Op("write", "a", 0, b"12"), Op("write", "a", 2, b"34"), Op("sync", "a", covers=3)
    )
    assert drawn(disk, "none") == {(("a", b"12"),)}
    assert drawn(disk, "torn") == {(("a", b"12"),), (("a", b"1234"),), (("a", b"12\0\0"),)}


def test_names_come_in_their_order_and_folders_move_what_is_in_them() -> None:
    disk = disk_after(
        Op("mkdir", "f"),
        Op("create", "f/a"),
        Op("link", "f/a", to="f/b"),
        Op("rename", "f", to="g"),
        Op("unlink", "g/a"),
        Op("note", "told"),
    )
    assert {tuple(name for name, _ in files) for files in drawn(disk, "torn")} == {(), ("f/a",), ("f/a", "f/b"), ("g/a", "g/b"), ("g/b",)}


@traced
def test_every_way_to_change_a_file_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    program = f"""
import os, shutil, pathlib
os.chdir({str(folder)!r})
pathlib.Path("a").write_bytes(b"one"); open("a", "ab").write(b"two"); shutil.copyfile("a", "b"); os.truncate(os.open("b", os.O_RDWR), 2)
f = os.open("b", os.O_RDWR); os.pwrite(f, b"Z", 4); os.fsync(f); here = os.open(".", os.O_RDONLY); where = os.getcwd()
os.rename(where + "/b", where + "/c"); os.link("c", "d", src_dir_fd=here, dst_dir_fd=here)
os.mkdir("e", dir_fd=here); os.unlink(where + "/a")
f = os.open("told", os.O_WRONLY | os.O_CREAT); os.write(f, b"said\\n")
"""
    disk = disk_after(*recorded([sys.executable, "-c", program], folder))
    assert disk.files("all", random.Random(1)) == {"c": b"on\0\0Z", "d": b"on\0\0Z"} | {"told": b""}
    assert disk.told == ["said"]


@traced
@pytest.mark.parametrize(("subject", "scale", "count"), [("journal", 0.2, 40), ("state", 0.2, 40), ("spool", 0.2, 40), ("life", 0.2, 8)])
def test_nothing_promised_is_lost_by_a_power_cut_or_a_kill(subject: str, scale: float, count: int) -> None:
    assert subject in SUBJECTS
    ops = played(subject, scale)
    for kinds in [(), KILLED][subject == "life" :]:
        images = images_of(ops, count, 1, *([kinds] if kinds else []))
        assert [found for found in complaints_of(subject, ops, images) if found[1]] == []


@traced
def test_changed_bits_are_never_served_and_what_is_missing_is_said(tmp_path: Path) -> None:
    origins = {subject: killed(subject, tmp_path / subject, 0.1) for subject in ("unstored", "stopped")}
    fates = [fate_of(origins, flip) for subject in origins for flip in flips_of(subject, origins[subject][0], 4, 2)]
    assert {fate.word for fate in fates} <= {"unnoticed", "told", "refused", "untellable"}, fates
    assert "told" in {fate.word for fate in fates}


async def test_new_readings_are_stored_though_the_journal_has_lost_what_the_store_has(tmp_path: Path) -> None:
    data, before = tmp_path / "data", tmp_path / "before.db"
    begins_us = [time.time_ns() // 1_000_000 * 1_000 - ago * 60_000_000 for ago in (3, 2, 1)]
    token = ""
    for number, begin_us in enumerate(begins_us):
        if number == 1:
            shutil.copy(data / "journal.db", before)
        elif number == 2:
            shutil.copy(before, data / "journal.db")
        told: list[Mapping[str, Any]] = []
        async with life.hub_on(data, keep_raw_days=0) as client:
            token = token or await client.add_device("pump")
            await life.send(client.url, "pump", token, begin_us, 3, told.append)
            due = life.times_of([each["acked"] for each in told])
            assert {time_us for time_us, _ in await life.found_of(client, "pump", due)} >= due
