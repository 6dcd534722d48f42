"""`python -m tests.gate.mutation --mutants 300`: change the source a little, and see whether a test notices.

Owns the sample, drawn by a seed from all places of devices/wire, hub/journal and hub/core, and the runs: each mutant in a copy of the tree,
first by the tests of the files that bear its file's name, then, where those pass, by all others that run its line (mutation_reach.py).
Prints who survives, as it does; exits with 1 where less than 80 % were noticed.
"""

import argparse
import os
import random
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
from tests.gate.mutation_reach import Reach, copy_tree, measure, run

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("devices/wire", "hub/journal", "hub/core")
BUILT_ON_THEM: Final = (
    *("tests/devices", "tests/hub/core", "tests/hub/journal", "tests/hub/sessions", "tests/hub/history"),
    *("tests/hub/rules", "tests/hub/state", "tests/hub/nodes", "tests/hub/bus"),
)
PROMISED: Final = 0.80
_PROGRESS_EVERY: Final = 25
# In the order of the report; only the last two count as not noticed.
_WORDS: Final = ("noticed", "elsewhere", "hung", "survived", "unreached")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant, in a word.

    Noticed by its file's own tests, by others (`elsewhere`), by one that did not end (`hung`), or by none: as all that run its line
    passed (`survived`), or no test does (`unreached`).
    """

    mutant: Mutant
    word: str

    @property
    def is_noticed(self) -> bool:
        """Whether any test told."""
        return self.word not in ("survived", "unreached")


def sample(root: Path, packages: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """Draw mutants of all packages alike, in any order."""
    files = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
    texts = {path: path.read_text() for path in files}
    places = [(path, number) for path in files for number in range(count_of(texts[path]))]
    drawn = random.Random(seed).sample(range(len(places)), min(count, len(places)))
    return [mutant(str(path.relative_to(root)), texts[path], number) for path, number in (places[at] for at in drawn)]


def own_tests(root: Path, path: str) -> list[str]:
    """Return the test files that bear a source file's name: test_x.py and test_x_*.py in the same folder of tests."""
    folder, stem = Path("tests") / Path(path).parent, Path(path).stem
    return sorted(str(folder / each.name) for each in (root / folder).glob(f"test_{stem}*.py"))


def fate_of(tree: Path, changed: Mutant, reach: Reach) -> Fate:
    """Put a mutant into a copy of the tree, run the tests that reach it, and take it out again."""
    path = tree / changed.path
    before, kept = path.read_text(), path.stat()
    tests = reach.tests_of(changed.path, before, changed.line)
    own = set(own_tests(tree, changed.path))
    path.write_text(changed.text)
    try:
        first = [test for test in tests if test.partition("::")[0] in own]
        for word, some in (("noticed", first), ("elsewhere", [test for test in tests if test not in set(first)])):
            if (found := _noticed(tree, some, reach, word)) is not None:
                return Fate(changed, found)
        return Fate(changed, "survived" if tests else "unreached")
    finally:
        path.write_text(before)
        os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))  # so that what was compiled of it is good again


def _noticed(tree: Path, tests: list[str], reach: Reach, word: str) -> str | None:
    """Return the word where one of these tests fails, or does not end. One that does not fail a second time is not believed."""
    while tests:
        ran = run(tree, tests, sum(reach.seconds[test] for test in tests))
        if ran.is_clean:
            return None
        if ran.is_hung:
            return "hung"
        if word == "noticed" or not ran.failed or not run(tree, list(ran.failed), sum(reach.seconds[test] for test in ran.failed)).is_clean:
            return word
        tests = [test for test in tests if test not in ran.failed]
    return None


def fates(root: Path, changed: Sequence[Mutant], folders: Sequence[str], jobs: int, directory: Path) -> list[Fate]:
    """Try all mutants, so many at a time, each job in a copy of its own. Raises ValueError where a test fails without any."""
    began_s = time.monotonic()
    copies = [copy_tree(root, directory / str(job)) for job in range(jobs)]
    reach = measure(copies, folders)
    print(f"{len(reach.seconds):,} tests measured in {time.monotonic() - began_s:,.0f} s", flush=True)
    trees: SimpleQueue[Path] = SimpleQueue()
    for tree in copies:
        trees.put(tree)
    found: list[Fate] = []

    def one(each: Mutant) -> None:
        tree = trees.get()
        try:
            fate = fate_of(tree, each, reach)
        finally:
            trees.put(tree)
        found.append(fate)
        if not fate.is_noticed:
            print(f"{fate.word}: {each.path}:{each.line}: {each.before}  ->  {each.after}", flush=True)
        if not len(found) % _PROGRESS_EVERY:
            print(f"{len(found)} of {len(changed)} after {time.monotonic() - began_s:,.0f} s: {_score(found):.1%}", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, changed))
    return found


def _score(found: Sequence[Fate]) -> float:
    return sum(fate.is_noticed for fate in found) / len(found)


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
        if of_it := [fate for fate in found if fate.mutant.path.startswith(package)]:
            print(f"{package}: {_score(of_it):.1%} of {len(of_it)}")
    words = [fate.word for fate in found]
    print(f"N = {len(words)} mutants, seed {given.seed}, {time.monotonic() - began_s:,.0f} s")
    noticed, elsewhere, hung, survived, unreached = (words.count(word) for word in _WORDS)
    by = f"{noticed} by the tests of their file, {elsewhere} by others, {hung} by tests that did not end"
    print(f"score {_score(found):.1%}: {by}; {survived} survived, {unreached} are run by no test")
    return int(_score(found) < PROMISED)


if __name__ == "__main__":
    sys.exit(main())
