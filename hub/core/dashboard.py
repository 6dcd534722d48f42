"""A dashboard as a plain value: what its document may hold, and what is said of one that is wrong, with the place.

Owns the limits of docs/api.md, Dashboards. Knows the grid and no type of tile: what a tile's config means is the page's. No clock, no
I/O; dashboards.py keeps them.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from devices.wire.fields import shown
from hub.core.errors import Refusal

MAX_BYTES: Final = 65_536  # of the document as JSON in UTF-8
MAX_TILES: Final = 100
MAX_VARIABLES: Final = 10
MAX_TITLE: Final = 128  # characters
MAX_VALUE: Final = 1_024  # characters of a variable: a tag expression is no longer
MAX_ROW: Final = 10_000
MAX_ROWS: Final = 100  # of one tile
COLUMNS: Final = 12
KINDS: Final = ("device", "tags")
RANGES: Final = ("5min", "15min", "1h", "6h", "24h", "7d", "30d", "1y")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}", re.ASCII)
_VARIABLE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_TYPE: Final = re.compile(r"[a-z][a-z0-9\-]{0,31}", re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,32}", re.ASCII)
_FIELDS: Final = ("title", "variables", "range", "tiles")
_TILE_FIELDS: Final = ("id", "type", "x", "y", "w", "h", "title", "config")
_VARIABLE_FIELDS: Final = ("name", "kind", "value")


def check_name(name: str) -> str:
    """Return the name of a dashboard, which stands in its address. Raises Refusal."""
    if not _NAME.fullmatch(name):
        rule = "a dashboard's name is 1 to 64 of A-Z a-z 0-9 . _ : - and begins with a letter or digit"
        raise Refusal("bad_name", f"{rule}, not {shown(name)}", "choose another name; the title may be any text", 422)
    return name


def checked(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document, whole. Raises Refusal that names the place, the limit and the value."""
    _only(document, "the dashboard", _FIELDS)
    _text(document, "title", "title", 1, MAX_TITLE)
    if document.get("range") not in RANGES:
        raise _wrong(f"range is one of {', '.join(RANGES)}, not {shown(document.get('range'))}", "correct range")
    _variables(_list(document, "variables", MAX_VARIABLES))
    _tiles(_list(document, "tiles", MAX_TILES))
    try:
        size = len(json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except ValueError as error:
        raise _wrong(f"the dashboard is not what JSON can hold: {error}", "correct that value") from None
    if size > MAX_BYTES:
        raise _wrong(f"the dashboard has {size:,} bytes, which is over the limit of {MAX_BYTES:,}", "make two of it")
    return dict(document)


def _variables(variables: list[Any]) -> None:
    names = set()
    for at, each in enumerate(variables):
        place = f"variables[{at}]"
        variable = _map(each, place)
        _only(variable, place, _VARIABLE_FIELDS)
        name = variable.get("name")
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            raise _wrong(f"{place}.name is 1 to 32 of a-z 0-9 _ and begins with a letter, not {shown(name)}", "correct the name")
        if name in names:
            raise _wrong(f"{place}.name: there is a variable {name} already", "give each its own name")
        names.add(name)
        if variable.get("kind") not in KINDS:
            raise _wrong(f"{place}.kind is one of {', '.join(KINDS)}, not {shown(variable.get('kind'))}", "correct the kind")
        _text(variable, "value", f"{place}.value", 0, MAX_VALUE)


def _tiles(tiles: list[Any]) -> None:
    ids = set()
    for at, each in enumerate(tiles):
        place = f"tiles[{at}]"
        tile = _map(each, place)
        _only(tile, place, _TILE_FIELDS)
        id_, type_ = tile.get("id"), tile.get("type")
        if not isinstance(id_, str) or not _ID.fullmatch(id_):
            raise _wrong(f"{place}.id is 1 to 32 of A-Z a-z 0-9 _ -, not {shown(id_)}", "correct the id")
        if id_ in ids:
            raise _wrong(f"{place}.id: there is a tile {id_} already", "give each its own id")
        ids.add(id_)
        if not isinstance(type_, str) or not _TYPE.fullmatch(type_):
            raise _wrong(f"{place}.type is 1 to 32 of a-z 0-9 -, not {shown(type_)}", "correct the type")
        _whole(tile, "w", place, 1, COLUMNS)
        _whole(tile, "x", place, 0, COLUMNS - tile["w"])
        _whole(tile, "y", place, 0, MAX_ROW)
        _whole(tile, "h", place, 1, MAX_ROWS)
        _text(tile, "title", f"{place}.title", 0, MAX_TITLE)
        _map(tile.get("config"), f"{place}.config")


def _only(value: Mapping[str, Any], place: str, known: tuple[str, ...]) -> None:
    for key in value:
        if key not in known:
            raise _wrong(f"{place} has no field {shown(key)}", f"it takes: {', '.join(known)}")


def _map(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(f"{place} must be an object, not {shown(value)}", f"correct {place}")
    return value


def _list(document: Mapping[str, Any], key: str, limit: int) -> list[Any]:
    value = document.get(key)
    if not isinstance(value, list):
        raise _wrong(f"{key} must be an array, not {shown(value)}", f"correct {key}")
    if len(value) > limit:
        raise _wrong(f"{len(value):,} {key} are over the limit of {limit}", f"give fewer {key}")
    return value


def _text(value: Mapping[str, Any], key: str, place: str, least: int, most: int) -> None:
    text = value.get(key)
    if not isinstance(text, str) or not least <= len(text) <= most:
        said = f"{len(text):,} characters" if isinstance(text, str) else shown(text)
        raise _wrong(f"{place} is a text of {least} to {most:,} characters, not {said}", f"correct {place}")
    if any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in text):
        raise _wrong(f"{place} has a control character", f"correct {place}")


def _whole(tile: Mapping[str, Any], key: str, place: str, least: int, most: int) -> None:
    number = tile.get(key)
    if type(number) is not int or not least <= number <= most:
        raise _wrong(f"{place}.{key} is a whole number from {least} to {most:,}, not {shown(number)}", f"correct {place}.{key}")


def _wrong(said: str, hint: str) -> Refusal:
    return Refusal("bad_dashboard", said, hint, 422)
