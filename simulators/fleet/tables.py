"""Tables of a scenario file into records, strictly: what is unknown, missing or out of range is refused by its place.

Owns the reading of fields by their declarations (`option`), and of durations; the records are scenario.py's. Knows no hub.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from simulators.fleet.errors import FleetError

R = TypeVar("R")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|min|s|m|h|d)")


def option(key: str, default: Any = MISSING, *, low: float = 0.0, high: float = math.inf, one_of: tuple[str, ...] = ()) -> Any:
    """Declare a field: its key in a file, its default where it has one, the range of a number, or the words it may be.

    A field whose name ends in `_s` is a duration, in the file a number of seconds or a text such as "1m30s".
    """
    metadata = {"key": key, "low": low, "high": high, "one_of": one_of}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def seconds_of(said: object, place: str) -> float:
    """Return a duration in seconds. Raises FleetError."""
    if isinstance(said, int | float) and not isinstance(said, bool):
        return float(said)
    text = said.replace(" ", "") if isinstance(said, str) else ""
    digits = text.removeprefix("-")
    parts = _DURATION.findall(digits)
    if parts and "".join(number + unit for number, unit in parts) == digits:
        return sum(float(number) * _UNITS[unit] for number, unit in parts) * (-1 if digits != text else 1)
    try:
        return float(text)
    except ValueError:
        raise FleetError(f"{place} is no duration: {_short(said)}", 'write "30s", "5m", "1h30m", or seconds', is_usage=True) from None


def read_table(kind: type[R], table: object, place: str, beside: tuple[str, ...] = ()) -> R:
    """Make a record of its plain fields; keys `beside` them, and fields without a declaration, are the caller's. Raises FleetError."""
    if not isinstance(table, Mapping):
        raise FleetError(f"{place} is no table: {_short(table)}", "write it as in docs/simulators.md", is_usage=True)
    declared = {each.metadata["key"]: each for each in fields(kind) if "key" in each.metadata}  # type: ignore[arg-type]
    check_keys(table, (*declared, *beside), place)
    values = {}
    for key, each in declared.items():
        if key in table:
            values[each.name] = _value(each, table[key], f"{place}.{key}")
        elif each.default is MISSING:
            raise FleetError(f"{place} has no {key!r}", f"say {key} = ...", is_usage=True)
    return kind(**values)


def check_option(kind: type, name: str, said: object, place: str) -> None:
    """Refuse a number that the field `name` of a record may not be; `place` is what a person typed. Raises FleetError."""
    checked_number(next(each for each in fields(kind) if each.name == name), said, place)


def check_keys(table: Mapping[str, object], known: tuple[str, ...], place: str) -> None:
    """Refuse a table with a key that is not known. Raises FleetError."""
    for key in table:
        if key not in known:
            close = get_close_matches(key, known, 1)
            meant = f" (did you mean {close[0]!r}?)" if close else ""
            raise FleetError(f"{place} has an unknown field {key!r}{meant}", f"it takes {', '.join(sorted(known))}", is_usage=True)


def _value(each: "Field[Any]", said: object, place: str) -> Any:
    rule = each.metadata
    if rule["one_of"]:
        if said not in rule["one_of"]:
            raise FleetError(f"{place} is {_short(said)}", f"it is one of {', '.join(rule['one_of'])}", is_usage=True)
        return said
    if each.type in ("str", str):
        if not isinstance(said, str) or not 0 < len(said) <= 200:
            raise FleetError(f"{place} is no text: {_short(said)}", "write 1 to 200 characters in quotes", is_usage=True)
        return said
    return checked_number(each, seconds_of(said, place) if each.name.endswith("_s") else said, place)


def checked_number(each: "Field[Any]", said: object, place: str) -> Any:
    """Return a number that is what a field declares. Raises FleetError."""
    low, high = each.metadata["low"], each.metadata["high"]
    is_whole = each.type in ("int", int)
    fits = isinstance(said, int if is_whole else int | float) and not isinstance(said, bool)
    if not fits or not math.isfinite(said) or not low <= said <= high:  # type: ignore[arg-type]
        kind, unit = ("a whole number" if is_whole else "a number"), (" s" if each.name.endswith("_s") else "")
        allowed = (
            f"{kind} from {_number(low)} to {_number(high)}{unit}" if math.isfinite(high) else f"{kind} of at least {_number(low)}{unit}"
        )
        raise FleetError(f"{place} is {_short(said)}", f"it is {allowed}", is_usage=True)
    return said if is_whole else float(said)  # type: ignore[arg-type]


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:,.10g}"


def _short(said: object) -> str:
    text = repr(said)
    return text if len(text) <= 60 else text[:57] + "..."
