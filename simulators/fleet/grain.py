"""How fine a store keeps what it is given: times and digits, as docs/operating.md says of each.

Owns the grains; a value or time that differs by less than a grain is not different. comparison.py judges by it.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

from simulators.fleet.expected import is_same


@dataclass(frozen=True, slots=True)
class Grain:
    """Times in steps of `step_us`, rounded down; numbers to one part in 10**`digits`, 0: exactly."""

    step_us: int = 1
    digits: int = 0

    def time_us(self, time_us: int) -> int:
        """Return a time as the store has it."""
        return time_us // self.step_us * self.step_us

    def is_same(self, sent: Any, found: Any) -> bool:
        """Tell whether a value came back as the store keeps it."""
        if is_same(sent, found):
            return True
        return bool(self.digits and isinstance(sent, float) and isinstance(found, float | int)) and math.isclose(
            sent, found, rel_tol=10.0**-self.digits
        )


EXACT: Final = Grain()
_GRAINS: Final = {"VictoriaMetrics": Grain(1_000, 11)}


def grain_of(store: str) -> Grain:
    """Return the grain of a store by the name that the hub gives it."""
    return _GRAINS.get(store, EXACT)
