"""Cells as values."""

from typing import Any

import pytest

from devices.wire.messages import Kind
from hub.core.exchange.values import BadValue, ValueReader

POINT, COMMA = ValueReader("."), ValueReader(",")


@pytest.mark.parametrize(
    ("cell", "value"),
    [("21", 21), ("-3", -3), ("+3", 3), (" 21.5 ", 21.5), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("-0.0", -0.0), (7, 7), (7.5, 7.5)],
)
def test_numbers_keep_whether_they_are_whole(cell: Any, value: float) -> None:
    found = POINT.read(Kind.GAUGE, cell)
    assert (repr(found), type(found)) == (repr(value), type(value))


@pytest.mark.parametrize("cell", ["", "x", "1_000", "nan", "inf", "1e999", "0x10", "1,5", "٣", "²", str(2**63), True, None, (1, 2)])
def test_what_is_no_number_is_refused_with_what_helps(cell: Any) -> None:
    with pytest.raises(BadValue) as caught:
        POINT.read(Kind.COUNTER, cell)
    assert caught.value.hint


def test_a_comma_is_a_point_only_where_that_is_said() -> None:
    assert COMMA.read(Kind.GAUGE, "21,5") == 21.5
    assert COMMA.read(Kind.GAUGE, "21.5") == 21.5
    with pytest.raises(BadValue, match="decimal point") as caught:
        POINT.read(Kind.GAUGE, "21,5")
    assert "--decimal comma" in caught.value.hint
    with pytest.raises(BadValue):
        COMMA.read(Kind.GAUGE, "1.021,5")


@pytest.mark.parametrize("cells", [["1", "2.5", "-3e2"], ["7"]])
def test_plain_numbers_are_read_together_as_one_by_one(cells: list[str]) -> None:
    assert repr(POINT.numbers(cells)) == repr([POINT.read(Kind.GAUGE, cell) for cell in cells])


@pytest.mark.parametrize("cells", [["1", "x"], ["1,5"], ["1e999"], [str(2**63)], [""], ["1-2"], ["nan"], ["1_0"]])
def test_other_numbers_are_not_read_together(cells: list[str]) -> None:
    assert POINT.numbers(cells) is None


@pytest.mark.parametrize("cell", ["true", "True", "TRUE", "false", "False", "FALSE"])
def test_true_and_false_are_read_as_programs_write_them(cell: str) -> None:
    assert POINT.read(Kind.STATE, cell) is (cell.lower() == "true")


def test_a_state_is_true_false_or_a_text() -> None:
    assert [POINT.read(Kind.STATE, cell) for cell in ("true", "False", "open", True)] == [True, False, "open", True]
    assert ValueReader(".", is_typed=True).read(Kind.STATE, "true") == "true"
    assert ValueReader(".", is_own=True).read(Kind.STATE, "'true") == "true"


def test_positions_are_two_numbers_on_earth() -> None:
    assert POINT.read(Kind.POSITION, "48.1 11.5") == [48.1, 11.5]
    assert POINT.read(Kind.POSITION, "48.1, 11.5") == [48.1, 11.5]
    assert POINT.read(Kind.POSITION, (48.1, 11)) == [48.1, 11.0]
    for cell in ("48.1", "91 0", "0 181", "a b", "", None):
        with pytest.raises(BadValue):
            POINT.read(Kind.POSITION, cell)


def test_a_kind_is_guessed_by_the_first_value() -> None:
    cells = ["21.5", "true", "open", "", 5, 5.0, True, " 7 "]
    assert [POINT.kind_of(cell).value for cell in cells] == ["gauge", "state", "text", "text", "gauge", "gauge", "state", "gauge"]
    assert COMMA.kind_of("21,5") is Kind.GAUGE


def test_a_text_has_its_limit_in_bytes() -> None:
    assert POINT.read(Kind.TEXT, "ü" * 128) == "ü" * 128
    with pytest.raises(BadValue, match="258 bytes"):
        POINT.read(Kind.TEXT, "ü" * 129)
