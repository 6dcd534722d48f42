"""Times, tables and CSV as a person or a spreadsheet gets them."""

import csv
import io
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.tables import show_table, time_text, write_csv


def test_times_are_rfc_3339_in_utc() -> None:
    assert time_text(1_772_352_000_000_001) == "2026-03-01T08:00:00.000001Z"


def test_times_before_1970_are_times_too() -> None:
    assert time_text(-1) == "1969-12-31T23:59:59.999999Z"


def test_times_in_a_zone_carry_its_offset() -> None:
    assert time_text(1_772_352_000_000_000, ZoneInfo("Europe/Berlin")) == "2026-03-01T09:00:00.000000+01:00"


def test_columns_are_as_wide_as_their_longest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("device", "unit"), [("pump-number-1", "Cel"), ("p", "")])
    assert capsys.readouterr().out == "device         unit\npump-number-1  Cel\np\n"


def test_terminal_codes_in_a_text_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("value",), [("\x1b[2Jgone\n",)])
    assert capsys.readouterr().out == "value\n\\x1b[2Jgone\\n\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_run_is_prefixed(capsys: pytest.CaptureFixture[str], text: str) -> None:
    write_csv(("value",), [(text,)])
    assert list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))[1] == ["'" + text]


def test_numbers_stay_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(("a", "b", "c", "d"), [(-1.5, 9007199254740993, True, None)])
    assert capsys.readouterr().out == '"a","b","c","d"\n-1.5,9007199254740993,"true",""\n'


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=3))
def test_any_text_comes_back_out_of_the_csv(texts: list[str]) -> None:
    out = io.StringIO()
    write_csv(texts, [texts], out)
    _, line = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert [cell.removeprefix("'") for cell in line] == [text.removeprefix("'") for text in texts]
