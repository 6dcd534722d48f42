"""`python -m tests.power.rot --flips N`: a bit or a page of a hub's files changes, or their end is missing, and a hub is started on them.

Owns the flips and the verdict: whatever is served is what was made; a reading that is no longer there is told by a note, by its device's
losses, or by a hub that does not start and says why. Prints what became of the flips in each file; exits with 1 where one was served as
another value or went without a word. `make rot-test` runs it.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import trio

from devices.sqlite_log import look_at_log
from hub.client import HubClient
from hub.journal import SQLiteJournalFile
from tests.power import life
from tests.power.__main__ import played
from tests.power.images import Disk

_MEMORY: Final = Path("/dev/shm")
_SHOWN: Final = 8
_SUBJECTS: Final = ("life", "unstored", "stopped")  # stopped: as unstored, and the journal's log is in its file
_CUT, _PAGE = -1, -2  # in place of a bit
_PAGE_BYTES: Final = 4_096
_NOTES_S: Final = 5.0
_LOG_HEAD_BYTES, _LOG_FRAME_BYTES = 32, 4_096 + 24
_KEPT: Final = ("lock", "hub.json", "reserve", "format", "last-backup", "admin.token")  # hold nothing of readings, or are made anew


class Flip(NamedTuple):
    """What changes: a bit of a file, the page that it is in, or everything from `at` on."""

    subject: str  # of which directory
    name: str
    at: int
    bit: int


class Fate(NamedTuple):
    """What became of it: unnoticed (nothing missing), told, refused, untellable; and of the faults wrong and silent.

    Untellable: a log that ends early, or whose last commit is broken, is what a power cut leaves of a commit that nobody was promised.
    """

    flip: Flip
    word: str
    said: str = ""


def flips_of(subject: str, folder: Path, count: int, seed: int) -> list[Flip]:
    """Draw what changes: the kinds of files alike, a tenth of them cut. Where nothing is stored it is in the journal alone, and a third of
    it are pages.
    """
    dice = random.Random(seed)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size and path.name not in _KEPT]
    by_kind: dict[str, list[Path]] = {}
    for path in files if subject == "life" else [path for path in files if path.name.startswith("journal.db")]:
        by_kind.setdefault(_kind(path.name), []).append(path)
    flips = []
    for number in range(count):
        path = dice.choice(by_kind[sorted(by_kind)[number % len(by_kind)]])
        at = dice.randrange(path.stat().st_size)
        is_page = subject != "life" and dice.random() < 0.33
        bit = _CUT if dice.random() < 0.1 else _PAGE if is_page else dice.randrange(8)
        flips.append(Flip(subject, str(path.relative_to(folder)), at - at % _PAGE_BYTES if bit == _PAGE else at, bit))
    return flips


def fate_of(origins: Mapping[str, tuple[Path, Mapping[str, Sequence[int]]]], flip: Flip) -> Fate:
    """Flip, start a hub and compare."""
    origin, acked = origins[flip.subject]
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        data = Path(folder) / "data"
        shutil.copytree(origin, data)
        with (data / flip.name).open("r+b") as file:
            if flip.bit == _CUT:
                file.truncate(flip.at)
            elif flip.bit == _PAGE:
                file.seek(flip.at)
                file.write(random.Random(flip.at).randbytes(_PAGE_BYTES))
            else:
                file.seek(flip.at)
                (byte,) = file.read(1)
                file.seek(flip.at)
                file.write(bytes([byte ^ 1 << flip.bit]))
        try:
            word, said = trio.run(_compared, data, acked)
            return Fate(flip, "untellable" if word == "silent" and _is_at_the_end(origin, flip) else word, said)
        except BaseExceptionGroup as group:
            return Fate(flip, "refused", _first(group))
        except trio.TooSlowError:
            return Fate(flip, "silent", "the hub answers nothing")


async def _compared(data: Path, acked: Mapping[str, Sequence[int]]) -> tuple[str, str]:
    missing, wrong = 0, []
    with trio.fail_after(60):
        async with life.hub_on(data) as client:
            while await _lag(client):  # noqa: ASYNC110
                await trio.sleep(0.05)  # asked as anybody would: there is nothing to be woken by
            for name, starts in acked.items():
                due = life.times_of(starts)
                found = await life.found_of(client, name, due, wait_s=0.0)
                times = [time_us for time_us, _ in found]
                wrong += [f"{name} has {value} at {at_us}" for at_us, value in found if value != life.value_at(at_us)]
                wrong += [f"{name} has {at_us} twice" for at_us, number in Counter(times).items() if number > 1]
                missing += len(due - set(times))
            said = await _said(client, list(acked)) if missing else ""
    if wrong:
        return "wrong", "; ".join(wrong[:3])
    return (("told" if said else "silent"), f"{missing} missing; {said}") if missing else ("unnoticed", "")


async def _lag(client: HubClient) -> float:
    """Return how many frames the history is behind; 1 while it is not known."""
    lags = [line.split()[-1] for line in (await client.metrics()).splitlines() if line.startswith("tributary_followers_history_lag_rows ")]
    return float(lags[0]) if lags else 1.0


async def _said(client: HubClient, names: Sequence[str]) -> str:
    """Return what the hub says of damage: what devices have lost, and its notes, which come within a second or two."""
    losses: list[Any] = [each for name in names for kind in (await client.losses(name)).values() for each in kind]
    notes: Sequence[str] = ()
    async with client.live("websocket") as viewer:
        with trio.move_on_after(_NOTES_S):
            while not notes:
                message = await viewer.receive()
                notes = message["notes"] if message["op"] == "system" else ()
    return "; ".join([*notes, *map(str, losses)])


def _is_at_the_end(origin: Path, flip: Flip) -> bool:
    """Tell whether a flip is a cut of a log, or lies in the last commit of one."""
    if not flip.name.endswith("-wal"):
        return False
    ends = look_at_log(origin / flip.name.removesuffix("-wal")).ends
    return flip.bit == _CUT or len(ends) < 2 or flip.at >= _LOG_HEAD_BYTES + ends[-2] * _LOG_FRAME_BYTES


def _first(group: BaseExceptionGroup[Any]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _kind(name: str) -> str:
    return f"*.{name.rpartition('.')[2]}" if name.endswith(".parquet") else name


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.power.rot", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flips", type=int, default=1_000, help="how many (default 1,000)")
    parser.add_argument("--seed", type=int, default=1, help="draw others (default 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    arguments = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        origins = {subject: killed(subject, Path(folder) / subject) for subject in _SUBJECTS}
        count = arguments.flips // len(origins)
        flips = [flip for subject, (origin, _) in origins.items() for flip in flips_of(subject, origin, count, arguments.seed)]
        with ProcessPoolExecutor(arguments.jobs) as pool:
            fates = list(pool.map(partial(fate_of, origins), flips, chunksize=4))
    return _verdict(fates, time.monotonic() - began_s)


def killed(subject: str, folder: Path, scale: float = 1.0) -> tuple[Path, dict[str, list[int]]]:
    """Return the directory of a hub that was killed after its last ack in a life, and what it had acked of each device."""
    ops = played("unstored" if subject == "stopped" else subject, scale)
    end = next((number for number, op in enumerate(ops) if b'"life": 2' in op.data), len(ops))
    place = max(number for number, op in enumerate(ops[:end]) if b'"acked"' in op.data) + 1
    disk = Disk()
    for op in ops[:place]:
        disk.apply(op)
    folder.mkdir()
    disk.write("all", random.Random(1), folder)
    if subject == "stopped":
        with closing(SQLiteJournalFile(folder / "data" / "journal.db")) as journal:
            journal.open()
    return folder / "data", life.acked_of(disk.promises())


def _verdict(fates: Sequence[Fate], took_s: float) -> int:
    words = ("unnoticed", "told", "refused", "untellable", "silent", "wrong")
    counts = Counter((f"{fate.flip.subject}: {_kind(Path(fate.flip.name).name)}", fate.word) for fate in fates)
    for kind in sorted({kind for kind, _ in counts}):
        print(f"{kind}: " + ", ".join(f"{counts[kind, word]} {word}" for word in words if counts[kind, word]))
    bad = [fate for fate in fates if fate.word in ("silent", "wrong")]
    for fate in bad[:_SHOWN]:
        print(f"  {fate.flip}: {fate.word}: {fate.said[:300]}")
    for word, said in {(fate.word, fate.said[:160]) for fate in fates if fate.word == "refused"}:
        print(f"  {word}: {said}")
    print(f"{'FAILED' if bad else 'PASSED'}: N = {len(fates)} flips, {len(bad)} of them served as another value or silent, {took_s:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
