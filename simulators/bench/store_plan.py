"""The sizes of `tributary bench store`.

Owns the numbers and their limits; measures nothing. Used by store.py and the parts of the benchmark.
"""

from dataclasses import dataclass
from typing import Final, Self

from simulators.bench.errors import check
from simulators.bench.readings import CHANNELS

HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class StorePlan:
    """The sizes. The usual ones take about 5 minutes. Raises BenchError."""

    devices: int = 1_000  # of CHANNELS series each
    inserted: int = 24_000_000  # readings into DuckDB in a run,
    sent: int = 4_000_000  # into a server
    insert_pairs: int = 3
    length_s: int = HOUR_S  # of what is asked for, a reading a second of each series: 36 million
    days: int = 30  # of rollups, a reading each 10 minutes of each series
    ask_s: float = 10.0
    pairs: int = 7  # with queries and without
    window_s: float = 5.0
    frames_per_s: float = 2_000.0  # of ingest meanwhile
    clients: int = 2

    def __post_init__(self) -> None:
        check("--pairs", self.pairs, 1, 20)
        check("--devices", self.devices, 2, 5_000)

    @property
    def series(self) -> int:
        """How many series there are."""
        return self.devices * CHANNELS

    @classmethod
    def small(cls, pairs: int = 1) -> Self:
        """Return a plan of a few seconds, whose figures mean little."""
        return cls(
            devices=20,
            inserted=200_000,
            sent=50_000,
            insert_pairs=1,
            length_s=600,
            days=2,
            ask_s=0.5,
            pairs=pairs,
            window_s=1.0,
            frames_per_s=200.0,
        )
