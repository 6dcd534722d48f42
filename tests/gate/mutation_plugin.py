"""What pytest does beside its own for tests/gate/mutation.py, which copies this file where its runs find it.

Owns three options: to note which test runs which line and how long it takes, to run chosen tests only, and to say which one failed. Needs
nothing of the tree, as the tree is what is changed.
"""

import json
import resource
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

# A change may make a test eat memory without end: it fails before the machine does.
_MAX_MEMORY_BYTES: Final = 4 << 30


class Noting:
    """Tells coverage which test is on, and keeps the time that each one took, and those that failed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Give what runs meanwhile, in any task or thread, to the test."""
        import coverage

        measured = coverage.Coverage.current()
        if measured is not None:
            measured.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            if measured is not None:
                measured.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what setup, the test itself and teardown took."""
        if report.failed:
            self._failed.add(report.nodeid)
        if not report.skipped:
            self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        """Write it down."""
        self._path.write_text(json.dumps({"seconds": self._seconds, "failed": sorted(self._failed)}))


class Choosing:
    """Lets only tests run that are in a list."""

    def __init__(self, path: Path) -> None:
        self._chosen = set(json.loads(path.read_text()))

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Take the others out."""
        left_out = [item for item in items if item.nodeid not in self._chosen]
        items[:] = [item for item in items if item.nodeid in self._chosen]
        config.hook.pytest_deselected(items=left_out)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add both options."""
    parser.addoption(
        "--note-to", type=Path, default=None, help="a file for seconds and failures of tests; under coverage: which lines they run"
    )
    parser.addoption("--chosen", type=Path, default=None, help="a file that lists the tests to run")


def pytest_configure(config: pytest.Config) -> None:
    """Do what was asked for."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MAX_MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    if (to := config.getoption("--note-to")) is not None:
        config.pluginmanager.register(Noting(to))
    if (chosen := config.getoption("--chosen")) is not None:
        config.pluginmanager.register(Choosing(chosen))
