"""What a program may give as the values and times of a pack, as arrays of machine numbers.

Owns the conversion and its errors; needs no numpy, an array of it is taken as any other buffer of floats. packs.py makes frames of them.
"""

import math
import sys
from array import array
from collections.abc import Iterable
from typing import Any, Final, Literal

from devices.wire.pack import FLOAT_BYTES

FloatFormat = Literal["f4", "f8"]
_CODES: Final = {"f4": "f", "f8": "d"}
_FORMATS: Final[dict[str, FloatFormat]] = {"f": "f4", "<f": "f4", "d": "f8", "<d": "f8"}  # of buffers that are taken as they are
_RAW: Final = frozenset({"B", "b", "c"})
_MAX_OFFSET_US: Final = 2**31 - 1


def floats_of(name: str, values: Iterable[Any], wanted: FloatFormat | None) -> tuple["array[float]", FloatFormat]:
    """Return values as an array, and the format they go out in: the wanted one, else that of a buffer of floats, else f8.

    bytes, bytearray and a memoryview of bytes hold little-endian floats of the wanted format. `name` is the channel's, for errors. Raises
    ValueError, TypeError.
    """
    if wanted not in (None, "f4", "f8"):
        raise ValueError(f"format must be 'f4' (float32) or 'f8' (float64), not {wanted!r}")
    view = _view(values)
    if view is not None and view.ndim != 1:
        raise ValueError(f"values must have one dimension, not {view.ndim}; call send_pack once for each channel")
    if view is not None and isinstance(values, bytes | bytearray | memoryview) and view.format in _RAW:
        floats, found = _from_raw(view, wanted)
    else:
        floats, found = _from_numbers(name, values, view, wanted)
    _check_finite(name, floats, found)
    return floats, found


def offsets_of(offsets_us: Iterable[Any], count: int) -> "array[int]":
    """Return the times of `count` values as an array of int32. Raises ValueError, TypeError."""
    try:
        offsets = array("i", offsets_us)
    except OverflowError:
        raise ValueError(f"offsets_us must lie within {_MAX_OFFSET_US:,} µs (35 minutes) of start_us; send several packs") from None
    except TypeError as error:
        raise TypeError(f"offsets_us must be ints, microseconds after start_us: {error}") from None
    if len(offsets) != count:
        raise ValueError(f"{len(offsets)} offsets_us for {count} values; give one for each")
    return offsets


def little_endian(numbers: "array[Any]") -> bytes:
    """Return the bytes of an array as the wire has them."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _view(values: Any) -> memoryview | None:
    try:
        return memoryview(values)
    except TypeError:
        return None


def _from_raw(view: memoryview, wanted: FloatFormat | None) -> tuple["array[float]", FloatFormat]:
    if wanted is None:
        raise ValueError("give format='f4' or 'f8' with raw bytes: they hold little-endian floats")
    if len(view) % FLOAT_BYTES[wanted]:
        raise ValueError(f"{len(view)} bytes are no whole number of {wanted} values, {FLOAT_BYTES[wanted]} bytes each")
    return _from_buffer(view, wanted, is_little=True), wanted


def _from_numbers(name: str, values: Any, view: memoryview | None, wanted: FloatFormat | None) -> tuple["array[float]", FloatFormat]:
    own = _FORMATS.get(view.format) if view is not None else None
    found = wanted or own or "f8"
    if view is not None and own == found:
        return _from_buffer(view, found, is_little=view.format.startswith("<")), found
    try:
        return array(_CODES[found], values), found
    except TypeError as error:
        raise TypeError(f"values of channel {name!r} must be numbers: {error}") from None


def _from_buffer(view: memoryview, format: FloatFormat, *, is_little: bool) -> "array[float]":
    floats: array[float] = array(_CODES[format])
    floats.frombytes(view.tobytes())
    if is_little and sys.byteorder == "big":
        floats.byteswap()
    return floats


def _check_finite(name: str, floats: "array[float]", format: FloatFormat) -> None:
    if math.isfinite(sum(floats)):  # cheap, but a sum may overflow where every value is good
        return
    for at, value in enumerate(floats):
        if not math.isfinite(value):
            largest = "; float32 ends at 3.4e38, format='f8' holds more" if format == "f4" else ""
            raise ValueError(
                f"value {at} of {len(floats)} for channel {name!r} is {value}, no reading; leave it out, with offsets_us{largest}"
            )
