"""`python -m tests.gate.mutation --mutants 300`: change the source a little, and see whether a test notices.

Owns the sample, drawn by a seed from all places of devices/wire, hub/journal and hub/core, and the runs: each mutant in a copy of the tree,
first by the tests that bear the file's name, then, where those pass, by all tests beside them and of what is built on them. Prints who
survived; exits with 1 where less than 80 % were noticed.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.gate.mutants import Mutant, count_of, mutant

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("devices/wire", "hub/journal", "hub/core")
BUILT_ON_THEM: Final = ("tests/devices", "tests/hub/core", "tests/hub/journal", "tests/hub/sessions", "tests/hub/history")
PROMISED: Final = 0.80
_TIMEOUT_S: Final = 240.0
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", ".*", "images")
_COPIED: Final = ("devices", "hub", "dashboard", "simulators", "tests", "docs")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant: noticed by its file's own tests, by others (`elsewhere`), or by none."""

    mutant: Mutant
    word: str


def sample(root: Path, packages: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """Draw mutants of all packages alike, in the order of files."""
    files = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
    texts = {path: path.read_text() for path in files}
    places = [(path, number) for path in files for number in range(count_of(texts[path]))]
    drawn = sorted(random.Random(seed).sample(range(len(places)), min(count, len(places))))
    return [mutant(str(path.relative_to(root)), texts[path], number) for path, number in (places[at] for at in drawn)]


def own_tests(root: Path, path: str) -> list[str]:
    """Return the test files that bear a source file's name: test_x.py and test_x_*.py in the same folder of tests."""
    folder, stem = Path("tests") / Path(path).parent, Path(path).stem
    return sorted(str(folder / each.name) for each in (root / folder).glob(f"test_{stem}*.py"))


def is_noticed(tree: Path, tests: Sequence[str]) -> bool:
    """Tell whether one of these tests fails, or does not end."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    try:
        ran = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return True
    return ran.returncode != 0


def fate_of(tree: Path, changed: Mutant, wider: Sequence[str]) -> Fate:
    """Put a mutant into a copy of the tree, run the tests, and take it out again."""
    path = tree / changed.path
    before = path.read_text()
    path.write_text(changed.text)
    try:
        own = own_tests(tree, changed.path)
        if own and is_noticed(tree, own):
            return Fate(changed, "noticed")
        return Fate(changed, "elsewhere" if is_noticed(tree, wider) else "survived")
    finally:
        path.write_text(before)


def fates(root: Path, changed: Sequence[Mutant], wider: Sequence[str], jobs: int, directory: Path) -> list[Fate]:
    """Try all mutants, so many at a time, each job in a copy of its own. Raises ValueError where a test fails without any."""
    trees: SimpleQueue[Path] = SimpleQueue()
    for job in range(jobs):
        tree = directory / str(job)
        for name in _COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, tree / name, ignore=_LEFT_OUT)
        shutil.copy(root / "pyproject.toml", tree)
        trees.put(tree)
    if is_noticed(directory / "0", wider):
        raise ValueError("a test fails without any mutant: " + " ".join(wider))

    def one(each: Mutant) -> Fate:
        tree = trees.get()
        try:
            fate = fate_of(tree, each, wider)
        finally:
            trees.put(tree)
        if fate.word == "survived":
            print(f"survived: {each.path}:{each.line}: {each.before}  ->  {each.after}", flush=True)
        return fate

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, changed))


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate.mutation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mutants", type=int, default=300, help="how many (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="draw others (default 1)")
    parser.add_argument("--package", action="append", choices=PACKAGES, help="only this one, again and again")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time (default: one a core)")
    given = parser.parse_args()
    began_s = time.monotonic()
    changed = sample(ROOT, given.package or PACKAGES, given.mutants, given.seed)
    with tempfile.TemporaryDirectory(prefix="tributary-mutants-") as directory:
        found = fates(ROOT, changed, BUILT_ON_THEM, given.jobs, Path(directory))
    for package in PACKAGES:
        if of_it := [fate.word for fate in found if fate.mutant.path.startswith(package)]:
            print(f"{package}: {1 - of_it.count('survived') / len(of_it):.1%} of {len(of_it)}")
    words = [fate.word for fate in found]
    score = 1 - words.count("survived") / len(words)
    print(f"N = {len(words)} mutants, seed {given.seed}, {time.monotonic() - began_s:,.0f} s")
    by = f"{words.count('noticed')} by the tests of their file, {words.count('elsewhere')} by others"
    print(f"score {score:.1%}: {by}, {words.count('survived')} survived")
    return int(score < PROMISED)


if __name__ == "__main__":
    sys.exit(main())
