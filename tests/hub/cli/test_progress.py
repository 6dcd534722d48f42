"""A bar is for people, and only for what takes longer than a second."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from hub.cli import progress
from hub.cli.progress import progress_bar


class Terminal:
    """A terminal that a test looks at."""

    def __init__(self) -> None:
        self._ours, theirs = os.openpty()
        self.file = os.fdopen(theirs, "w")

    def seen(self) -> str:
        """Return all that a person has seen; nobody writes any more."""
        self.file.close()
        found = b""
        with suppress(OSError):  # EIO: the other end is closed
            while part := os.read(self._ours, 100_000):
                found += part
        return found.decode()

    def close(self) -> None:
        """Close both ends."""
        self.file.close()
        os.close(self._ours)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


@contextmanager
def before(terminal: Terminal) -> Iterator[None]:
    """Write on the terminal while the block runs; pytest's own stderr comes back before a test begins."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", terminal.file)
        patched.setenv("TERM", "xterm")
        yield


@pytest.mark.parametrize("unit", ["bytes", "readings"])
def test_what_takes_long_is_shown_and_leaves_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    monkeypatch.setattr(progress, "_AFTER_S", 0.0)
    with before(terminal), progress_bar(unit) as shown:
        shown("journal", 5, 10)
        shown("check", 7, 0)
    assert "journal" in (seen := terminal.seen())
    assert seen.endswith("\x1b[2K")  # the line is wiped out


def test_what_is_quick_is_not(terminal: Terminal) -> None:
    with before(terminal), progress_bar("bytes") as shown:
        shown("journal", 5, 10)
    assert terminal.seen() == ""


def test_a_program_sees_none(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", seen)
    monkeypatch.setattr(progress, "_AFTER_S", 0.0)
    with progress_bar("bytes") as shown:
        shown("journal", 5, 10)
    assert seen.getvalue() == ""
