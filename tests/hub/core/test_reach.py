"""How a wish for devices is narrowed to those in reach, and that no wish widens it."""

from typing import Any

import pytest

from hub.core.errors import Refusal
from hub.core.reach import MAX_WHERE, check_where, narrowed
from hub.core.tags import parse

LIMIT = "floor=2 or name=pump-1"
FACTS = [{"name": "pump-1"}, {"name": "pump-2", "floor": "2"}, {"name": "valve", "floor": "3"}, {"name": "or"}]


def meant(message: dict[str, Any]) -> list[str]:
    is_meant = parse(str(narrowed(message, LIMIT)["where"]))
    return [facts["name"] for facts in FACTS if is_meant(facts)]


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ({"devices": ["*"]}, ["pump-1", "pump-2"]),
        ({"devices": ["pump-1", "*"]}, ["pump-1", "pump-2"]),
        ({"devices": ["pump-2", "valve"]}, ["pump-2"]),
        ({"devices": ["valve"]}, []),
        ({"devices": ["or"]}, []),
        ({"where": "name=pump-*"}, ["pump-1", "pump-2"]),
        ({"where": "floor=3 or name=valve"}, []),
        ({"where": "not floor=9"}, ["pump-1", "pump-2"]),
    ],
)
def test_what_is_asked_for_is_narrowed_to_what_is_in_reach(message: dict[str, Any], names: list[str]) -> None:
    assert meant({"op": "subscribe", "id": "a", **message}) == names


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"devices": []},
        {"devices": [1]},
        {"devices": "pump-1"},
        {"devices": None, "where": 5},
        {"devices": ["*"], "where": "floor=3"},
        {"devices": ['x" or name="valve']},
        {"devices": ['x") or (floor=3']},
        {"devices": ["*x"]},
        {"where": "floor=3) or (floor=2"},
        {"where": "floor=3) or (not none"},
        {"where": '"'},
        {"where": ""},
        {"where": "(" * 40 + "floor=3" + ")" * 40},
    ],
)
def test_what_would_widen_it_or_says_nothing_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        meant({"op": "subscribe", "id": "a", **message})


def test_a_limit_is_checked_when_it_is_made() -> None:
    assert check_where("  ") == ""
    assert check_where(LIMIT) == LIMIT
    for wrong in ("floor=", "(a", "a" * (MAX_WHERE + 1)):
        with pytest.raises(Refusal) as caught:
            check_where(wrong)
        assert caught.value.status == 422
