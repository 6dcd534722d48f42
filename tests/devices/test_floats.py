"""What a program gives as values of a pack becomes the bytes of the wire, or an error that says what to do."""

import math
import struct
from array import array
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from devices.floats import FloatFormat, floats_of, little_endian, offsets_of

F4, F8 = struct.pack("<3f", 1.5, -2, 0.25), struct.pack("<3d", 1.5, -2, 0.25)


@pytest.mark.parametrize(
    ("values", "format", "found", "body"),
    [
        ([1.5, -2, 0.25], None, "f8", F8),
        ((1.5, Fraction(-2), 0.25), "f4", "f4", F4),
        ((value for value in (1.5, -2.0, 0.25)), None, "f8", F8),
        (array("f", [1.5, -2, 0.25]), None, "f4", F4),
        (array("d", [1.5, -2, 0.25]), None, "f8", F8),
        (array("d", [1.5, -2, 0.25]), "f4", "f4", F4),
        (memoryview(array("f", [1.5, -2, 0.25])), None, "f4", F4),
        (memoryview(array("f", [1.5, 9, -2, 9, 0.25]))[::2], None, "f4", F4),
        (F4, "f4", "f4", F4),
        (bytearray(F8), "f8", "f8", F8),
        (memoryview(F8), "f8", "f8", F8),
        (np.array([1.5, -2, 0.25]), None, "f8", F8),
        (np.array([1.5, -2, 0.25], np.float32), None, "f4", F4),
        (np.array([1.5, -2, 0.25], np.float16), "f4", "f4", F4),
        (np.array([1.5, -2, 0.25], ">f4"), "f4", "f4", F4),
        (np.array([[1.5, 9], [-2, 9], [0.25, 9]], np.float32)[:, 0], None, "f4", F4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_floats_in_any_form_are_the_same_bytes(values: Any, format: FloatFormat | None, found: str, body: bytes) -> None:
    floats, kind = floats_of("x", values, format)
    assert (kind, little_endian(floats)) == (found, body)


def test_whole_numbers_of_a_buffer_are_numbers_and_not_bytes_of_floats() -> None:
    for values in (np.arange(8, dtype=np.uint8), array("h", range(8)), array("B", range(8)), range(8)):
        assert floats_of("x", values, None) == (array("d", range(8)), "f8")


@pytest.mark.parametrize(
    ("values", "format", "kind", "part"),
    [
        ([1.0, math.nan], None, ValueError, "value 1 of 2 for channel 'x' is nan, no reading; leave it out"),
        (
            [1e39],
            "f4",
            ValueError,
            "value 0 of 1 for channel 'x' is inf, no reading; leave it out, with offsets_us; float32 ends at 3.4e38",
        ),
        (array("f", [0, math.inf]), None, ValueError, "value 1 of 2"),
        (np.array([1, math.nan], np.float32), None, ValueError, "value 1 of 2"),
        (F4, None, ValueError, "give format='f4' or 'f8' with raw bytes"),
        (F4[:-1], "f4", ValueError, "11 bytes are no whole number of f4 values, 4 bytes each"),
        ([1.0], "f2", ValueError, "format must be 'f4'"),
        (np.zeros((2, 2)), None, ValueError, "one dimension, not 2"),
        (["hot"], None, TypeError, "values of channel 'x' must be numbers"),
        ("hot", None, TypeError, "must be numbers"),
        (5.0, None, TypeError, "must be numbers"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_are_no_floats_is_told_with_what_to_do(values: Any, format: Any, kind: type[Exception], part: str) -> None:
    with pytest.raises(kind) as caught:
        floats_of("x", values, format)
    assert part in str(caught.value)


def test_large_values_whose_sum_overflows_are_good() -> None:
    assert floats_of("x", [1e308, 1e308], None)[0].tolist() == [1e308, 1e308]


@pytest.mark.parametrize(
    "offsets", [[0, -5, 7], (0, -5, 7), np.array([0, -5, 7]), array("q", [0, -5, 7])], ids=lambda value: type(value).__name__
)
def test_offsets_in_any_form_are_the_same_bytes(offsets: Any) -> None:
    assert little_endian(offsets_of(offsets, 3)) == struct.pack("<3i", 0, -5, 7)


@pytest.mark.parametrize(
    ("offsets", "kind", "part"),
    [
        ([0, 2**31], ValueError, "within 2,147,483,647 µs (35 minutes) of start_us; send several packs"),
        ([0], ValueError, "1 offsets_us for 2 values; give one for each"),
        ([0, 0.5], TypeError, "offsets_us must be ints"),
        (np.array([0, 0.5]), TypeError, "offsets_us must be ints"),
        (5, TypeError, "offsets_us must be ints"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_are_no_offsets_is_told_with_what_to_do(offsets: Any, kind: type[Exception], part: str) -> None:
    with pytest.raises(kind) as caught:
        offsets_of(offsets, 2)
    assert part in str(caught.value)
