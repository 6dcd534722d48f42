"""Lines of readings for figures and reports.

Owns their making; checks nothing. Used by tests/dashboard.
"""

from typing import Any

import numpy as np

from dashboard.figures import Line

MINUTE = 60_000_000
T = 1_700_000_000_000_000 // MINUTE * MINUTE


def line(at: list[int], mean: list[float], *, kind: str = "gauge", spread: float = 1.0, channel: str = "temp", **other: Any) -> Line:
    values = np.array(mean, np.float64)
    times = np.array([T + number * MINUTE for number in at], np.int64)
    parts = {"unit": "Cel", "last": mean, "last_us": times + MINUTE - 1} | other
    return Line(
        channel=channel, kind=kind, width_us=MINUTE, t_us=times, mean=values, low=values - spread, high=values + spread,
        count=np.ones(len(mean), np.int64), **parts,
    )  # fmt: skip
