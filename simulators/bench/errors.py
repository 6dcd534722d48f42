"""Why a benchmark could not be run, said in one line with what to do.

Owns BenchError and the checks of a plan's numbers; the command line prints it. Raised by every benchmark.
"""

import math


class BenchError(Exception):
    """The benchmark cannot begin, or could not go on; `hint` says what to do. `is_usage`: a number that was asked for is wrong."""

    def __init__(self, message: str, hint: str, *, is_usage: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.is_usage = is_usage


def check(option: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside of [low, high], and one that is none. Raises BenchError."""
    if not math.isfinite(value) or not low <= value <= high:
        raise BenchError(f"{option} {value:g} is outside of {low:g} to {high:g}", f"give {option} a number in that range", is_usage=True)
