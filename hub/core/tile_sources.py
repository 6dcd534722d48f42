"""Which readings the tiles of a dashboard show: of each the devices and channels, with the variables at their saved values.

Owns this reading of a tile's config, which is otherwise the page's: dashboard/static/parts/board_rules.js (`resolved`) and
tiles/rules.js (`sourceOf`) have the same rules, and tests/vectors/tile_sources.json holds both to them. Plain code. Called by shares.py.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.core.errors import Refusal
from hub.core.tags import parse

READING: Final = frozenset({"chart", "number", "gauge", "state", "table", "map"})  # types of tiles that show readings
SILENT: Final = frozenset({"text"})  # and that show something else, which is theirs
PRESENCE: Final = "(presence)"  # in the place of a channel: how the device is
_VARIABLE: Final = re.compile(r"\$([a-z][a-z0-9_]*)", re.ASCII)
_EVERYTHING: Final = "name=*"
_Variables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """What one tile shows. Devices by name (None: all) or by a tag expression; channels None: all, none: only how the devices are."""

    devices: frozenset[str] | None
    where: str
    channels: frozenset[str] | None


def sources_in(document: Mapping[str, Any]) -> tuple[Source, ...]:
    """Return what the tiles of a document show. A tile that shows nothing, or is of a type that is not known here, is left out."""
    variables = {each["name"]: each for each in document["variables"]}
    found = (_source(tile["type"], tile["config"], variables) for tile in document["tiles"] if tile["type"] in READING)
    return tuple(dict.fromkeys(source for source in found if source is not None))


def public(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document without the tiles that a guest may not use: what a command is and whom it is for is nobody's business."""
    return {**document, "tiles": [tile for tile in document["tiles"] if tile["type"] in READING | SILENT]}


def _source(type_: str, config: Mapping[str, Any], variables: _Variables) -> Source | None:
    source = config.get("source")
    if not isinstance(source, Mapping) or _lacks_device(source, config.get("device"), variables):
        return None
    channels = _texts(config.get("channels"), variables)
    where, devices = source.get("where"), _texts(source.get("devices"), variables)
    if not channels:
        return None
    named = None if "*" in devices else frozenset(devices)
    if type_ == "state" and channels[0] == PRESENCE:
        return Source(named, "", frozenset()) if devices and not _is_text(where) else None
    of = None if "*" in channels else frozenset(channels)
    if _is_text(where) and (expression := _expression(str(where), variables)).strip():
        return Source(frozenset(), expression, of) if _can_be_read(expression) else None
    return Source(named, "", of) if devices else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _can_be_read(expression: str) -> bool:
    try:
        parse(expression)
    except Refusal:
        return False
    return True


def _texts(value: object, variables: _Variables) -> list[str]:
    """Return the texts of a list, with values for variables and without empty ones."""
    if not isinstance(value, list):
        return []
    filled = [_filled_in(each, variables) for each in value if isinstance(each, str)]
    return [each for each in filled if each]


def _filled_in(text: str, variables: _Variables) -> str:
    return _VARIABLE.sub(lambda found: str(variables[found[1]]["value"]) if found[1] in variables else found[0], text)


def _expression(text: str, variables: _Variables) -> str:
    def value_of(found: re.Match[str]) -> str:
        variable = variables.get(found[1])
        if variable is None:
            return found[0]
        if variable["kind"] == "device":
            return f'"{variable["value"]}"'
        value = variable["value"].strip() or _EVERYTHING
        return value if text.strip() == found[0] else f"({value})"

    return _VARIABLE.sub(value_of, text)


def _lacks_device(source: object, device: object, variables: _Variables) -> bool:
    """Tell whether a device is still to be chosen: the page shows nothing then."""
    text = json.dumps(source) + json.dumps(device)
    used = {found[1] for found in _VARIABLE.finditer(text)}
    return any(each["kind"] == "device" and not each["value"] and each["name"] in used for each in variables.values())
