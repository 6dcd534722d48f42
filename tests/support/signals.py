"""Signals to try: one of a kind, and the times of some days to look at it."""

from collections.abc import Mapping, Sequence

import numpy as np

from simulators.sensors import KINDS, Signal, plan_of
from simulators.sensors.noise import DAY_US, Times

BEGIN_US = 20_700 * DAY_US  # a midnight in 2026
SOURCES = {kind: signal.SOURCE for kind, signal in KINDS.items() if signal.SOURCE}


def times(days: float, step_s: float) -> Times:
    """Return times from BEGIN_US on."""
    return BEGIN_US + np.arange(int(days * 86_400 / step_s), dtype=np.int64) * int(step_s * 1_000_000)


def signal(kind: str, *, seed: int = 1, device: str = "d", faults: Sequence[Mapping[str, object]] = (), **parameters: float) -> Signal:
    """Return the signal of a channel of this kind, as a plan makes it; what it is derived from has parameters of its own by default."""
    before = [{"name": "source", "kind": SOURCES[kind]}] if kind in SOURCES else []
    tables = [*before, {"name": "it", "kind": kind, "faults": faults, **parameters}]
    return plan_of(tables).sensor(seed, device).signals["it"]
