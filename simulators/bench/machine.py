"""What a run was measured on, in one line.

Owns the reading of /proc and of versions; printed above the Markdown table, so that figures never stand without their machine.
"""

import os
import platform
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("trio", "trio-websocket", "duckdb", "numpy", "msgpack")


def machine_line() -> str:
    """Return date, processor, memory, system and versions."""
    cores = len(os.sched_getaffinity(0))
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    machine = f"{processor_of(_lines('/proc/cpuinfo'))}, {cores} cores, {memory_gb:.0f} GB, {platform.system()} {platform.release()}"
    software = f"Python {platform.python_version()}, {libraries}, SQLite {sqlite3.sqlite_version}"
    return f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine}; {software}."


def processor_of(lines: Iterable[str]) -> str:
    """Return the name of the processor out of /proc/cpuinfo."""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "an unknown processor")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
