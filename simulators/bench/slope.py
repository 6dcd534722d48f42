"""The line through measurements by least squares, and how sure its slope is. Pure. Used by soaking.py."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Final

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Slope:
    """How much is gained per unit of time, and the bounds between which that lies with a confidence of 95 %."""

    value: float
    low: float
    high: float


def slope_of(times: Sequence[float], values: Sequence[float]) -> Slope:
    """Return the slope of the line through three measurements or more; it takes their errors for independent of each other."""
    middle, mean, free = fmean(times), fmean(values), len(times) - 2
    if free < 1:
        raise ValueError(f"a slope with its confidence needs three measurements, not {len(times)}")
    width = sum((time - middle) ** 2 for time in times)
    slope = sum((time - middle) * (value - mean) for time, value in zip(times, values, strict=True)) / width
    rest = sum((value - mean - slope * (time - middle)) ** 2 for time, value in zip(times, values, strict=True))
    error = _student(free) * math.sqrt(rest / free / width)
    return Slope(slope, slope - error, slope + error)


def _student(free: int) -> float:
    """Return the quantile of Student's distribution, by the expansion of Abramowitz and Stegun, 26.7.5; good to 1 % from five on."""
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / free + second / free**2 + third / free**3
