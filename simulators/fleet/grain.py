"""How fine a store keeps what it is given, times and digits, and how soon it shows it, as docs/operating.md says of each.

Owns the grains; a value or time that differs by less than a grain is not different. comparison.py and store_audit.py judge by it.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

from simulators.fleet.expected import is_same


@dataclass(frozen=True, slots=True)
class Grain:
    """Times in steps of `step_us`, rounded down; numbers to one part in 10**`digits`, 0: exactly; what is new shows within `late_s`."""

    step_us: int = 1
    digits: int = 0
    late_s: float = 0.0

    @property
    def left_out(self) -> str:
        """Say what cannot be compared with what such a store keeps; nothing where it keeps all."""
        if self == EXACT:
            return ""
        times = f"of the readings of a series within {self.step_us / 1e3:g} ms it keeps one"
        return f"compared as far as the store keeps it: times to {self.step_us / 1e3:g} ms, numbers to {self.digits} digits; {times}"

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
_GRAINS: Final = {"VictoriaMetrics": Grain(1_000, 11, late_s=45.0)}  # measured: up to 30 s


def grain_of(store: str) -> Grain:
    """Return the grain of a store by the name that the hub gives it."""
    return _GRAINS.get(store, EXACT)
