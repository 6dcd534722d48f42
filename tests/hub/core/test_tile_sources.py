"""Which readings tiles show: by vectors that the page's own rules are held to as well (tests/browser/sources.test.mjs)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import dashboard
from hub.core.tile_sources import READING, SILENT, public, sources_in

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "tile_sources.json").read_text())
DOCUMENT: dict[str, Any] = {"title": "Hall", "variables": [], "range": "1h", "tiles": []}


def tile(type_: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"id": "t", "type": type_, "x": 0, "y": 0, "w": 1, "h": 1, "title": "", "config": config}


@pytest.mark.parametrize("vector", VECTORS, ids=[each["what"] for each in VECTORS])
def test_a_tile_shows_what_the_page_shows_in_it(vector: dict[str, Any]) -> None:
    document = DOCUMENT | {"variables": vector["variables"], "tiles": [tile(vector.get("type", "chart"), vector["config"])]}
    found = sources_in(document)
    if vector["shows"] is None:
        assert found == ()
        return
    (source,) = found
    said: dict[str, Any] = {"channels": ["*"] if source.channels is None else sorted(source.channels)}
    said |= {"where": source.where} if source.where else {"devices": ["*"] if source.devices is None else sorted(source.devices)}
    assert said == vector["shows"]


def test_the_presence_of_devices_shows_no_readings() -> None:
    config = {"source": {"devices": ["a"]}, "channels": ["(presence)"]}
    (source,) = sources_in(DOCUMENT | {"tiles": [tile("state", config)]})
    assert (source.devices, source.channels) == (frozenset({"a"}), frozenset())
    by_tags = {"source": {"where": "floor=2"}, "channels": ["(presence)"]}
    assert sources_in(DOCUMENT | {"tiles": [tile("state", by_tags)]}) == ()


def test_every_type_of_tile_that_the_page_has_is_known_or_shows_a_guest_nothing() -> None:
    folder = dashboard.STATIC / "tiles"
    types = {found[1] for path in folder.glob("*.js") if (found := re.search(r'^  name: "([a-z]+)",$', path.read_text(), re.MULTILINE))}
    assert types == READING | SILENT | {"command"}


def test_a_guests_document_has_no_tile_that_sends_commands_or_is_not_known() -> None:
    document = DOCUMENT | {"tiles": [tile(each, {}) for each in ("chart", "command", "text", "newer")]}
    assert [each["type"] for each in public(document)["tiles"]] == ["chart", "text"]
    assert sources_in(DOCUMENT | {"tiles": [tile("command", {"source": {"devices": ["a"]}, "channels": ["b"]})]}) == ()
