"""Chance that does not keep a test waiting: how a device spreads its tries is tested in one place and waited for in no other.

Owns the two kinds that a device of a test is given as `rng`.
"""

from random import Random


class Hasty(Random):
    """A device comes back at once."""

    def uniform(self, a: float, b: float) -> float:
        """Return the least."""
        return a


class Eager(Random):
    """A device comes back within 0.2 s, also where a hub is away for a while: real chance may have it wait for a minute."""

    def uniform(self, a: float, b: float) -> float:
        """Return about the least."""
        return a + min(b - a, 0.2)
