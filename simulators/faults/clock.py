"""A device's wall clock that goes wrong: too fast or too slow, or set to another time all at once.

Owns one clock; Device(now=...) and whoever stamps readings read it. The true time comes from below, µs since 1970.
"""

from collections.abc import Callable


class DeviceClock:
    """A clock over a true one. Healed, it shows the true time again, as after a time server has answered: that is a step too."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._offset_us = 0
        self._ppm = 0.0
        self._since_us = 0  # true time from which on it runs fast

    def __call__(self) -> int:
        """Return what it shows."""
        return self.shown_us(self._now())

    def shown_us(self, true_us: int) -> int:
        """Return what it shows at a true time that is not before the last change."""
        return true_us + self._offset_us + round((true_us - self._since_us) * self._ppm / 1e6)

    def step(self, by_s: float) -> None:
        """Set it forward, or back, by so much."""
        self._offset_us += round(by_s * 1e6)

    def skew(self, ppm: float) -> None:
        """Let it run so many millionths fast from now on, or slow; what it is off by now it stays."""
        now_us = self._now()
        self._offset_us, self._since_us, self._ppm = self.shown_us(now_us) - now_us, now_us, ppm

    def heal(self) -> None:
        """Show the true time."""
        self._offset_us, self._ppm = 0, 0.0
