"""`python -m tests.power --images N`: programs write, the power goes at each step, and what the disk then may hold is opened again.

Owns the command line, the choice of images and the verdict. Exits with 1 where an image is not as it must be, and prints the command
that makes it again. `make power-test` runs it.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tests.power.images import KILLED, KINDS, Disk
from tests.power.oplog import Op, recorded

_WEIGHTS: Final = {
    "journal": 11,
    "state": 6,
    "spool": 6,
    "life": 1,
    "unstored": 1,
}  # an image of a whole hub takes a second, the others some ms
SUBJECTS: Final = tuple(_WEIGHTS)
_SHOWN: Final = 5
_MEMORY: Final = Path("/dev/shm")
Image = tuple[int, str, int]  # after so many operations, which kind, seed


def images_of(ops: Sequence[Op], count: int, seed: int, kinds: Sequence[str] = KINDS) -> list[Image]:
    """Return so many images, spread evenly over what changes something; of what a kill leaves one a place at most."""
    places = [number for number, op in enumerate(ops, 1) if op.kind != "note"]
    dice, count = random.Random(seed), min(count, len(places)) if kinds == KILLED else count
    places = [places[at * len(places) // count] for at in range(count)]
    return [(place, kinds[number % len(kinds)], dice.randrange(2**32)) for number, place in enumerate(places)]


def complaints_of(subject: str, ops: Sequence[Op], images: Sequence[Image]) -> Iterator[tuple[Image, list[str]]]:
    """Make and check images, which are in order, each in a folder of its own."""
    check, disk, done = import_module(f"tests.power.{subject}").check, Disk(), 0
    for image in images:
        place, kind, seed = image
        for op in ops[done:place]:
            disk.apply(op)
        done = place
        with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
            disk.write(kind, random.Random(seed), Path(folder))
            yield image, check(Path(folder), disk.promises())


def _share(subject: str, ops: Sequence[Op], images: Sequence[Image]) -> list[tuple[Image, list[str]]]:
    return list(complaints_of(subject, ops, images))


def played(subject: str, scale: float = 1.0) -> list[Op]:
    """Run a subject's program, which may do less than all, and return what it did."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        data = Path(folder) / "data"
        data.mkdir()
        return recorded([sys.executable, "-m", "tests.power.play", subject, str(data), str(scale)], data)


def judge(subject: str, count: int, seed: int, jobs: int, kinds: Sequence[str]) -> tuple[int, int]:
    """Play a subject, check images, print the verdict; return how many images there were, and how many are wrong."""
    began_s = time.monotonic()
    ops = played(subject)
    images = images_of(ops, count, seed, kinds)
    shares = [images[at * len(images) // (4 * jobs) : (at + 1) * len(images) // (4 * jobs)] for at in range(4 * jobs)]
    with ProcessPoolExecutor(jobs) as pool:
        found = [each for share in pool.map(partial(_share, subject, ops), shares) for each in share]
    wrong = [(image, complaints) for image, complaints in found if complaints]
    counts = Counter(op.kind for op in ops)
    did = ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts))
    print(f"{subject}: {len(found)} images of {len(ops)} operations ({did}), {len(wrong)} wrong, {time.monotonic() - began_s:.0f} s")
    for (place, kind, drawn), complaints in wrong[:_SHOWN]:
        near: Any = ops[place - 1]
        print(f"  after {near.kind} {near.path} (operation {place}, {kind}, seed {drawn}): {'; '.join(complaints[:3])}")
    return len(found), len(wrong)


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.power", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000, help="of all subjects together (default 10,000)")
    parser.add_argument("--seed", type=int, default=1, help="draw other images (default 1)")
    parser.add_argument("--subject", choices=SUBJECTS, action="append", help="only this one")
    parser.add_argument("--kills", action="store_true", help="only what a killed program leaves, at each step once at most")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    arguments = parser.parse_args()
    subjects: Sequence[str] = arguments.subject or SUBJECTS
    whole = sum(_WEIGHTS[subject] for subject in subjects)
    kinds = KILLED if arguments.kills else KINDS
    found = [judge(each, arguments.images * _WEIGHTS[each] // whole, arguments.seed, arguments.jobs, kinds) for each in subjects]
    images, wrong = (sum(each) for each in zip(*found, strict=True))
    print(f"{'FAILED' if wrong else 'PASSED'}: N = {images} images, {wrong} of them wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
