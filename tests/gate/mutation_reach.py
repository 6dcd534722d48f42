"""Which tests run which line, and how long each takes: a mutant is tried by those that reach it, and no other can notice it.

Owns copies of the tree, runs of pytest in them, and one run of all tests under coverage, each line given to the test that is on. What a
module does when it is imported belongs to no test: it is for every test that runs something of the module, or of one that imports it, as
the test's own file may.
"""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coverage import CoverageData

_PLUGIN: Final = Path(__file__).with_name("mutation_plugin.py")
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", ".*", "images")
_COPIED: Final = ("devices", "hub", "dashboard", "simulators", "tests", "docs")
_SOURCES: Final = ("devices", "hub")
_FIRMWARE: Final = "firmware"  # other programs' tests
# Starting and collecting take seconds on a busy machine, and a test under load several times its own.
_GRACE_S: Final = 30.0
_SLOWER: Final = 5.0
_MEASURING_S: Final = 3_600.0
# Of the plugins that are installed those that these tests need: the others take two thirds of a short run to import.
_PLUGINS: Final = ("pytest_trio.plugin", "_hypothesis_pytestplugin", _PLUGIN.stem)
_HUNG: Final = -signal.SIGALRM


@dataclass(frozen=True, slots=True)
class Ran:
    """The end of a run of pytest: its code (`_HUNG` where it did not end), the tests that failed, the seconds that each took."""

    code: int
    failed: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_hung(self) -> bool:
        """Whether it was ended because it did not end."""
        return self.code == _HUNG

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed (5: nothing was chosen that is there)."""
        return self.code in (0, 5)


@dataclass(frozen=True, slots=True)
class Reach:
    """Who runs what: tests by line (path in the tree, line), and by file what is run of it by whom after it was imported."""

    by_line: dict[tuple[str, int], frozenset[str]]
    by_file: dict[str, frozenset[str]]
    importers: dict[str, frozenset[str]]
    seconds: dict[str, float]

    def tests_of(self, path: str, text: str, line: int) -> list[str]:
        """Return the tests that run the statement on a line of a file, in the order of files, those that take the least time first."""
        lines = _statement(text, line)
        if lines is None:
            found = frozenset[str]().union(*(self.by_file.get(each, ()) for each in (path, *self.importers.get(path, ()))))
        else:
            found = frozenset[str]().union(*(self.by_line.get((path, each), ()) for each in lines))
        cost: dict[str, float] = {}
        for test in found:
            cost[_file(test)] = cost.get(_file(test), 0.0) + self.seconds[test]
        return sorted(found, key=lambda test: (cost[_file(test)], _file(test), self.seconds[test]))


def copy_tree(root: Path, tree: Path) -> Path:
    """Copy what tests need."""
    for name in _COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, tree / name, ignore=_LEFT_OUT)
    shutil.copy(root / "pyproject.toml", tree)
    return tree


def run(tree: Path, tests: Sequence[str], seconds: float) -> Ran:
    """Run tests by their names in a tree until one fails; `seconds`: what they take where all is well."""
    notes = tree.with_name(f"{tree.name}-chosen.json")
    notes.write_text(json.dumps(tests))
    return _pytest(tree, ("-m", "pytest", "-x"), (*dict.fromkeys(map(_file, tests)), "--chosen", str(notes)), _GRACE_S + _SLOWER * seconds)


def measure(trees: Sequence[Path], folders: Sequence[str]) -> Reach:
    """Run all tests once, a part in each tree at the same time. Raises ValueError where a test fails, and fails again by itself."""
    files = sorted(
        path.relative_to(trees[0]) for folder in folders for path in (trees[0] / folder).rglob("test_*.py") if _FIRMWARE not in path.parts
    )
    with ThreadPoolExecutor(len(trees)) as pool:
        parts = pool.map(_measured, trees, [[str(path) for path in files[at :: len(trees)]] for at in range(len(trees))])
        seconds, by_line = dict[str, float](), dict[tuple[str, int], set[str]]()
        for part_seconds, part_lines in parts:
            seconds |= part_seconds
            for place, tests in part_lines.items():
                by_line.setdefault(place, set()).update(tests)
    by_file: dict[str, set[str]] = {}
    for (path, _), tests in by_line.items():
        by_file.setdefault(path, set()).update(tests)
    for test in seconds:  # a test file is run by its own tests
        by_file.setdefault(_file(test), set()).add(test)
    return Reach(
        {place: frozenset(tests & seconds.keys()) for place, tests in by_line.items()},
        {path: frozenset(tests & seconds.keys()) for path, tests in by_file.items()},
        _importers(trees[0]),
        seconds,
    )


def _measured(tree: Path, files: Sequence[str]) -> tuple[dict[str, float], dict[tuple[str, int], set[str]]]:
    rc, data = tree.with_name(f"{tree.name}.coveragerc"), tree.with_name(f"{tree.name}.coverage")
    rc.write_text(f"[run]\nsource = {','.join(name for name in _SOURCES if (tree / name).is_dir())}\ndata_file = {data}\n")
    ran = _pytest(tree, ("-m", "coverage", "run", "--rcfile", str(rc), "-m", "pytest"), files, _MEASURING_S, keeps_bytecode=True)
    if not ran.is_clean and not ran.failed:
        raise ValueError(f"pytest ended with {ran.code} without any mutant: {' '.join(files)}")
    for test in ran.failed:
        if not run(tree, [test], ran.seconds[test]).is_clean:
            raise ValueError(f"a test fails without any mutant: {test}")
        print(f"left out: {test} failed, and then did not", flush=True)
    by_line: dict[tuple[str, int], set[str]] = {}
    lines = CoverageData(str(data))
    lines.read()
    for name in lines.measured_files():
        path = str(Path(name).relative_to(tree))
        for line, tests in lines.contexts_by_lineno(name).items():
            by_line[path, line] = {test for test in tests if test}
    return {test: took for test, took in ran.seconds.items() if test not in ran.failed}, by_line


def _pytest(tree: Path, program: Sequence[str], arguments: Iterable[str], timeout_s: float, *, keeps_bytecode: bool = False) -> Ran:
    plugins = tree.with_name("plugins")
    plugins.mkdir(exist_ok=True)
    shutil.copy(_PLUGIN, plugins)
    notes = tree.with_name(f"{tree.name}-notes.json")
    notes.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{plugins}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    # What is compiled of the tree as it is serves all mutants; nothing may be kept of one.
    environment["PYTHONDONTWRITEBYTECODE"] = "" if keeps_bytecode else "1"
    options = ["-q", "-p", "no:cacheprovider", "--note-to", str(notes), "--basetemp", str(tree.with_name(f"{tree.name}-tmp"))]
    for plugin in _PLUGINS:
        options += ["-p", plugin]
    command = [sys.executable, *program, *options, *arguments]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=tree, env=environment, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = _HUNG
        finally:
            _kill_group(process.pid)  # with the programs that its tests started
    if not notes.exists():
        return Ran(code)
    noted = json.loads(notes.read_text())
    return Ran(code, tuple(noted["failed"]), noted["seconds"])


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _file(test: str) -> str:
    return test.partition("::")[0]


def _statement(text: str, line: int) -> range | None:
    """Return the lines of the smallest statement around a line, of a compound one its head; None: it runs when the module is imported."""
    found: range | None = None
    todo: list[tuple[ast.AST, bool]] = [(ast.parse(text), False)]
    while todo:
        node, is_inside = todo.pop()
        if isinstance(node, ast.stmt) and is_inside and node.lineno <= line <= (node.end_lineno or node.lineno):
            body = getattr(node, "body", None)
            found = range(node.lineno, max(node.lineno, body[0].lineno - 1 if body else node.end_lineno or node.lineno) + 1)
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for each in ast.iter_child_nodes(node):
            start, end = getattr(each, "lineno", line), getattr(each, "end_lineno", line) or line
            if start <= line <= end:
                todo.append((each, is_inside or (is_function and isinstance(each, ast.stmt))))
    return found


def _importers(tree: Path) -> dict[str, frozenset[str]]:
    """Return which files import each file, by its path."""
    found: dict[str, set[str]] = {}
    for path in (path for name in (*_SOURCES, "tests") for path in (tree / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
            for name in names:
                found.setdefault(name.replace(".", "/") + ".py", set()).add(str(path.relative_to(tree)))
    return {path: frozenset(others) for path, others in found.items()}
