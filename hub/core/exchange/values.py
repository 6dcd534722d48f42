"""Cells as values of a kind: numbers, true and false, texts, positions, each within the limits of the protocol.

Owns that reading and what is said of a cell that does not fit. Plain code.
"""

import math
import re
from typing import Any, Final

from devices.wire.limits import MAX_TEXT_BYTES
from devices.wire.messages import Kind
from hub.core.exchange.csv_output import unguarded
from hub.core.ingest import INT64_MAX, INT64_MIN

_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}
_BETWEEN: Final = re.compile(r"\s*[ ,;]\s*")


class BadValue(ValueError):
    """A cell is no value of its kind; `hint` says what helps."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class ValueReader:
    """Reads cells of one file. `is_own`: an export of ours, whose texts are guarded; `is_typed`: a text is one whatever it says."""

    def __init__(self, decimal: str, *, is_own: bool = False, is_typed: bool = False) -> None:
        self._decimal = decimal
        self._is_own = is_own
        self._is_typed = is_typed

    def kind_of(self, cell: Any) -> Kind:
        """Return what a cell looks like: a number, true or false, or else a text."""
        if isinstance(cell, bool) or (isinstance(cell, str) and cell in _BOOLEANS):
            return Kind.STATE
        if not isinstance(cell, str) or _NUMBER.fullmatch(cell.replace(self._decimal, ".").strip()):
            return Kind.GAUGE
        return Kind.TEXT

    def read(self, kind: Kind, cell: Any) -> Any:
        """Return a cell's value, a position as [latitude, longitude]. Raises BadValue."""
        if kind in (Kind.GAUGE, Kind.COUNTER):
            return self._number(cell)
        if kind is Kind.POSITION:
            return self._position(cell)
        if kind is Kind.STATE:
            if isinstance(cell, bool):
                return cell
            if isinstance(cell, str) and cell in _BOOLEANS and not self._is_typed:
                return _BOOLEANS[cell]
        return self._text(cell)

    def numbers(self, cells: list[str]) -> list[int | float] | None:
        """Return many numbers at once; None where they have to be read one by one."""
        if self._decimal != "." or not _are_plain("".join(cells)):
            return None
        try:
            numbers = [float(cell) if "." in cell or "e" in cell else int(cell) for cell in cells]
        except ValueError:
            return None
        low, high = min(numbers), max(numbers)
        return numbers if math.isfinite(sum(numbers)) and (low >= INT64_MIN and high <= INT64_MAX) else None

    def _number(self, cell: Any) -> int | float:
        if isinstance(cell, bool) or not isinstance(cell, str | int | float):
            raise BadValue("is no number", "say --kind state or text, or leave the row out")
        number = self._spelt(cell) if isinstance(cell, str) else cell
        if isinstance(number, float):
            if not math.isfinite(number):
                raise BadValue("is no finite number", "leave the row out, or name the text with --skip")
        elif not INT64_MIN <= number <= INT64_MAX:
            raise BadValue("does not fit 64 bits", "write it with a decimal point")
        return number

    def _spelt(self, cell: str) -> int | float:
        text = cell.strip()
        if self._decimal == "," and "." not in text:
            text = text.replace(",", ".")
        if _WHOLE.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
        if "," in text and self._decimal == "." and _NUMBER.fullmatch(text.replace(",", ".")):
            raise BadValue("is no number with a decimal point", "say --decimal comma")
        raise BadValue("is no number", "say --kind text for such a channel, or --skip where it stands for no value")

    def _position(self, cell: Any) -> list[float]:
        parts = list(cell) if isinstance(cell, tuple) else _BETWEEN.split(cell.strip()) if isinstance(cell, str) else []
        if len(parts) != 2:
            raise BadValue("is no position", "write latitude and longitude as 48.1 11.5")
        latitude, longitude = (float(self._number(part)) for part in parts)
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise BadValue("is no place: latitude is -90...90, longitude -180...180", "see whether they are in this order")
        return [latitude, longitude]

    def _text(self, cell: Any) -> str:
        text = cell if isinstance(cell, str) else repr(cell)
        text = unguarded(text) if self._is_own else text
        size = len(text.encode(errors="surrogatepass"))
        if size > MAX_TEXT_BYTES:
            raise BadValue(f"is a text of {size:,} bytes, the limit is {MAX_TEXT_BYTES}", "shorten it")
        return text


def _are_plain(characters: str) -> bool:
    return characters.isascii() and not set(characters) - set("0123456789.eE+-")
