"""Chance without memory: numbers drawn from a key and a time, and the waves that signals are made of.

Owns the arithmetic that makes a signal a pure function. Everything here is made of integer hashes, tables, + - * / and floor, which give
the same bits alone and in a column of any length; the sine of a library does not promise that. Used by every signal, opens nothing.
"""

import math
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]  # microseconds since 1970
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

SECOND_US: Final = 1_000_000
HOUR_US: Final = 3_600 * SECOND_US
DAY_US: Final = 24 * HOUR_US
_POINTS: Final = 4_096
# Rounded far above a double's last bit: where two C libraries differ in it the tables are the same all the same.
_SINE: Final = np.rint(np.array([math.sin(2 * math.pi * at / _POINTS) for at in range(_POINTS + 1)]) * 2**40) / 2**40
_GOLDEN, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def key_of(seed: int, *words: str) -> np.uint64:
    """Return the key of what the words name, as device, channel and part of a signal."""
    text = "\0".join((str(seed), *words)).encode()
    return np.uint64(int.from_bytes(blake2b(text, digest_size=8).digest(), "little"))


def hashed(key: np.uint64, numbers: npt.NDArray[np.int64]) -> Hashes:
    """Return 64 bits of chance for each number (splitmix64, Steele and others 2014)."""
    mixed = numbers.astype(np.uint64) * _GOLDEN + key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def uniform(key: np.uint64, numbers: npt.NDArray[np.int64]) -> Floats:
    """Return a value of 0 to below 1 for each number."""
    return (hashed(key, numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def drawn(key: np.uint64, number: int = 0) -> float:
    """Return the one value of 0 to below 1 that belongs to a number."""
    return float(uniform(key, np.array([number]))[0])


def bell(key: np.uint64, numbers: npt.NDArray[np.int64]) -> Floats:
    """Return a value for each number, bell-shaped about 0 with deviation 1, never beyond 3.5 (four uniform values added up)."""
    bits = hashed(key, numbers)
    total = np.zeros(len(bits))
    for shift in (0, 16, 32, 48):
        total += ((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64)
    return (total - 2.0 * 65_535) * (math.sqrt(3) / 65_536)


def weather(key: np.uint64, times_us: Times, period_us: int, *, is_smooth: bool = True) -> Floats:
    """Return a line that wanders within -1...1, from one drawn value to the next every `period_us`.

    Straight pieces where not smooth: their slope is at most 2 in a period, which is what keeps a counter rising.
    """
    step = times_us // period_us
    part = (times_us - step * period_us) / period_us
    before, after = uniform(key, step) * 2.0 - 1.0, uniform(key, step + 1) * 2.0 - 1.0
    if is_smooth:
        part = part * part * (3.0 - 2.0 * part)
    return before + (after - before) * part


def wave(turns: Floats) -> Floats:
    """Return the sine of so many whole turns, off by at most 3e-7."""
    place = (turns - np.floor(turns)) * _POINTS
    index = place.astype(np.int64)
    index = np.minimum(index, _POINTS - 1)
    sine: Floats = _SINE[index] + (_SINE[index + 1] - _SINE[index]) * (place - index)
    return sine


def of_day(times_us: Times) -> Floats:
    """Return the part of the day (UTC) that has gone, 0 to below 1."""
    return (times_us % DAY_US) / DAY_US


def between(places: Floats, xs: Floats, ys: Floats) -> Floats:
    """Return the line through the points (xs, ys) at each place; flat beyond its ends."""
    held = np.minimum(np.maximum(places, xs[0]), xs[-1])
    index = np.minimum(np.searchsorted(xs, held, side="right") - 1, len(xs) - 2)
    line: Floats = ys[index] + (ys[index + 1] - ys[index]) * ((held - xs[index]) / (xs[index + 1] - xs[index]))
    return line


def rounded(values: Floats, digits: int) -> Floats:
    """Return values with so many decimals, as a sensor of that resolution gives them."""
    scale = 10.0**digits
    return np.rint(values * scale) / scale + 0.0  # + 0.0: a sensor shows no negative zero
