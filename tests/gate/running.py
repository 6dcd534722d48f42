"""Runs a row's command line and reads its figures.

Owns the process, its log and its end; judges by the exit code alone: each program says by it whether what is promised holds. __main__.py
calls it, rows.py says what is run.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.gate.rows import Row

ROOT: Final = Path(__file__).parents[2]
_LEFT_OUT: Final = re.compile(r"^(NOT RUN.*)$|^(?:\d+ .*, )?(\d+ skipped)(?:,| in )", re.MULTILINE)
_TELLING: Final = re.compile(r"\b(?:FAILED|WRONG|BROKEN|ERROR)\b")  # programs' own words for what is wrong
_TRACEBACK: Final = "Traceback (most recent call last)"
_RAISED: Final = re.compile(r"^[\s|]*(?:\w+\.)*[A-Z]\w*(?:: .*)?$")  # the end of a traceback, also of one within a group
_MAX_SAID: Final = 300  # characters of a line, in the table
_TAIL_LINES: Final = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row came to. `n` and `figures` are words of the program's; `left_out` says what it could not do on this machine."""

    row: Row
    command: str
    held: bool
    n: str
    figures: tuple[str, ...]
    left_out: tuple[str, ...]
    seconds: float
    log: Path
    why: str = ""

    @property
    def verdict(self) -> str:
        """Return the outcome as a word."""
        if not self.held:
            return "FAILED"
        return ("in part" if self.n else "not run") if self.left_out else "held"


def started(command: str) -> tuple[Sequence[str], dict[str, str]]:
    """Return arguments and environment of a command line as the table has it; this interpreter and its neighbours stand for .venv/bin."""
    words = shlex.split(command)
    settings = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        settings[name] = value
    if words[0].startswith(".venv/bin/"):
        words[0] = str(Path(sys.executable).parent / words[0].removeprefix(".venv/bin/"))
    return words, {**os.environ, **settings}


def read(row: Row, text: str) -> tuple[str, tuple[str, ...]]:
    """Return N and the figures that an output says, the last of each."""
    n, figures = "", []
    for pattern in row.figures:
        for found in list(re.finditer(pattern, text, re.MULTILINE))[-1:]:
            if "n" in found.groupdict():
                n = found["n"]
            else:
                figures.append(found[1].strip())
    return n, tuple(figures)


def run(row: Row, command: str, directory: Path, timeout_s: float) -> Outcome:
    """Run a command to its end, or until it takes too long; its processes are gone when this returns, whatever happens."""
    words, environment = started(command)
    log = directory / f"{row.goal}-{re.sub(r'[^a-z0-9]+', '-', row.what.lower())[:40].strip('-')}.log"
    began_s, why = time.monotonic(), ""
    with log.open("wb") as file:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = process.wait(timeout_s)
            why = "" if code == 0 else f"ended with {code}"
        except subprocess.TimeoutExpired:
            code, why = 1, f"no end after {timeout_s:,.0f} s"
        finally:
            _end(process)
    text = log.read_text(errors="replace")
    n, figures = read(row, text)
    left_out = tuple(found[1] or found[2] for found in _LEFT_OUT.finditer(text))
    if not why and not n and not left_out:
        why = "did not say how often it tried"
    if why and (line := useful_line(text)) and not any(line in figure for figure in figures):
        why = f"{why}: {line}"
    return Outcome(row, command, not why, n, figures, left_out, time.monotonic() - began_s, log, why)


def useful_line(text: str) -> str:
    """Return the last line of an output that says what is wrong, or else the last one that says anything."""
    telling, last, is_traceback = "", "", False
    for line in text.splitlines():
        is_traceback = is_traceback or _TRACEBACK in line
        if _TELLING.search(line) or (is_traceback and _RAISED.match(line)):
            telling = line
        if re.search(r"\w", line):
            last = line
    return (telling or last).strip(" |")[:_MAX_SAID]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it has started, which is in its session."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def tail(outcome: Outcome) -> str:
    """Return the last lines of a log."""
    return "\n".join(outcome.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
