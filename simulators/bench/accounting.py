"""What a process cost and what its histograms say, read from outside.

Owns the reading of /proc (Linux) and of Prometheus text; starts nothing. Used by the benchmarks.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_BUCKET = re.compile(r'^(\w+)_bucket\{(?:.*,)?le="([^"]+)".*\} (\S+)$', re.MULTILINE)

Histogram = Mapping[float, float]  # upper bound in seconds -> cumulative count


def cpu_s(pid: int) -> float:
    """Return user + system seconds of a process, all its threads and all its descendants, ended children included."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # proc(5): after the name in brackets come state, ppid, ...; utime, stime, cutime, cstime are fields 14-17.
                fields = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue  # it ended meanwhile
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
            spent[int(entry.name)] = sum(map(int, fields[11:15])) / _TICKS_PER_S
    total, waiting = 0.0, [pid]
    while waiting:
        process = waiting.pop()
        total += spent.get(process, 0.0)
        waiting += parents.get(process, [])
    return total


def histogram_of(metrics: str, name: str) -> Histogram:
    """Return one histogram out of a /metrics answer."""
    return {float(bound): float(count) for found, bound, count in _BUCKET.findall(metrics) if found == name}


def quantile_between(before: Histogram, after: Histogram, share: float) -> float:
    """Return the quantile of what was observed between two readings, interpolated within its bucket, in seconds.

    NaN where nothing was observed; the last finite bound where it lies above all of them.
    """
    counts = [(bound, after[bound] - before.get(bound, 0.0)) for bound in sorted(after)]
    if not counts or counts[-1][1] <= 0:
        return float("nan")
    wanted, low, below = counts[-1][1] * share, 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            return low if bound == float("inf") else low + (bound - low) * (wanted - below) / max(count - below, 1e-12)
        low, below = bound, count
    return low


def gauge_of(metrics: str, name: str) -> float:
    """Return one figure out of a /metrics answer. Raises KeyError."""
    for line in metrics.splitlines():
        if line.startswith(name) and line[len(name) :][:1] in (" ", "{"):
            return float(line.rpartition(" ")[2])
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a process, in bytes."""

    rss: int  # everything in RAM
    pss: int  # of which shared pages count in part
    uss: int  # its own alone


def memory_of(pid: int) -> Memory:
    """Return the memory of one process."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0]) * 1_024
    return Memory(found["Rss"], found["Pss"], found["Private_Clean"] + found["Private_Dirty"])
