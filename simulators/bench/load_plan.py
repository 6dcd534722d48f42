"""The load of paced devices, and how long it is measured: what the plans of several benchmarks have in common.

Owns its limits. Each benchmark has a plan of its own with its own defaults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.bench.errors import check


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Devices that send frames at fixed times. Raises BenchError."""

    devices: int = 1_000
    frames_per_s: float = 2_500.0
    seconds: float = 12.0
    pairs: int = 3
    readings: int = 10  # a frame
    warm_up_s: float = 3.0
    seed: int = 1

    def __post_init__(self) -> None:
        check("--devices", self.devices, 1, 20_000)
        check("--rate", self.frames_per_s, 1, 200_000)
        check("--seconds", self.seconds, 0.5, 120)
        check("--pairs", self.pairs, 1, 20)

    def load(self, devices: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
        """Return the plan of the program that sends, for devices by name and token."""
        return {"devices": devices, "rate": self.frames_per_s, "readings": self.readings, "seed": self.seed}
