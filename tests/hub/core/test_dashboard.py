"""What a dashboard's document may hold: every limit, and that a refusal names the place, the limit and the value."""

import copy
from typing import Any

import pytest

from hub.core.dashboard import MAX_BYTES, MAX_TILES, check_name, checked
from hub.core.errors import Refusal


def tile(**more: Any) -> dict[str, Any]:
    return {"id": "a", "type": "number", "x": 0, "y": 0, "w": 3, "h": 2, "title": "Temperature", "config": {}} | more


def document(**more: Any) -> dict[str, Any]:
    base = {"title": "Hall", "variables": [{"name": "area", "kind": "tags", "value": "floor=2"}], "range": "1h", "tiles": [tile()]}
    return base | more


def refused(wrong: dict[str, Any]) -> str:
    with pytest.raises(Refusal) as caught:
        checked(wrong)
    assert (caught.value.code, caught.value.status) == ("bad_dashboard", 422)
    assert caught.value.hint
    return caught.value.message


def test_a_right_document_is_returned_as_it_came() -> None:
    full = document(tiles=[tile(id=f"t{at}", y=at, config={"source": {"devices": ["$it"]}, "text": "a\nb 🌡"}) for at in range(MAX_TILES)])
    assert checked(copy.deepcopy(full)) == full
    assert checked(document(variables=[], tiles=[])) == document(variables=[], tiles=[])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (document(tiles=[tile(), tile(id="b", w=14)]), "tiles[1].w is a whole number from 1 to 12, not 14"),
        (document(tiles=[tile(x=10)]), "tiles[0].x is a whole number from 0 to 9, not 10"),
        (document(tiles=[tile(y=-1)]), "tiles[0].y is a whole number from 0 to 10,000, not -1"),
        (document(tiles=[tile(h=2.0)]), "tiles[0].h is a whole number from 1 to 100, not 2.0"),
        (document(tiles=[tile(h=True)]), "tiles[0].h is a whole number"),
        (document(tiles=[tile(), tile()]), "tiles[1].id: there is a tile a already"),
        (document(tiles=[tile(id="a b")]), "tiles[0].id is 1 to 32 of"),
        (document(tiles=[tile(type="../x")]), "tiles[0].type is 1 to 32 of"),
        (document(tiles=[tile(config=[])]), "tiles[0].config must be an object"),
        (document(tiles=[tile(title="x" * 129)]), "tiles[0].title is a text of 0 to 128 characters, not 129 characters"),
        (document(tiles=[tile(colour="red")]), "tiles[0] has no field 'colour'"),
        (document(tiles=["a"]), "tiles[0] must be an object, not 'a'"),
        (document(tiles=[tile(id=str(at)) for at in range(MAX_TILES + 1)]), "101 tiles are over the limit of 100"),
        (document(tiles={}), "tiles must be an array"),
        (document(variables=[{"name": "A", "kind": "tags", "value": ""}]), "variables[0].name is 1 to 32 of"),
        (document(variables=[{"name": "a", "kind": "site", "value": ""}]), "variables[0].kind is one of device, tags, not 'site'"),
        (document(variables=[{"name": "a", "kind": "tags", "value": 3}]), "variables[0].value is a text of 0 to 1,024 characters, not 3"),
        (document(variables=[{"name": "a", "kind": "tags", "value": ""}] * 2), "variables[1].name: there is a variable a already"),
        (document(range="2h"), "range is one of 5min, 15min, 1h, 6h, 24h, 7d, 30d, 1y, not '2h'"),
        (document(title=""), "title is a text of 1 to 128 characters, not 0 characters"),
        (document(title="a\nb"), "title has a control character"),
        (document(owner="ann"), "the dashboard has no field 'owner'"),
        (document(tiles=[tile(config={"text": "x" * MAX_BYTES})]), "which is over the limit of 65,536"),
        (document(tiles=[tile(config={"limit": float("nan")})]), "not what JSON can hold"),
        (document(title="\ud800"), "not what JSON can hold"),
        ({}, "title is a text of 1 to 128 characters"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(wrong: dict[str, Any], said: str) -> None:
    assert said in refused(wrong)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "a@1", "ä", "x" * 65])
def test_a_name_that_cannot_stand_in_an_address_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="1 to 64 of"):
        check_name(name)
    assert check_name("hall-2.a:b_C") == "hall-2.a:b_C"
