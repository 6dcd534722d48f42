"""The devices that an expression means, kept up to date: always what judging every device anew would give."""

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import Refusal
from hub.core.members import Asked, Within

WHERES = ("floor=2", "floor!=2", "pump and not floor=1", "name=a* or pump")
NAMES = st.sampled_from(["a1", "a2", "b1", "b2"])
FACTS = st.fixed_dictionaries({}, optional={"floor": st.sampled_from(["1", "2"]), "pump": st.just("")})
CHANGES = st.lists(st.tuples(NAMES, st.none() | FACTS), max_size=30)


@given(CHANGES, CHANGES)
def test_members_are_those_that_a_fresh_look_finds_and_every_change_is_told(
    before: list[tuple[str, dict[str, str] | None]], after: list[tuple[str, dict[str, str] | None]]
) -> None:
    asked = Asked()
    for name, facts in before:
        asked.put(name, facts | {"name": name}) if facts is not None else asked.remove(name)
    held = [asked.members(where) for where in WHERES]
    told = [set(members.names) for members in held]
    for known, members in zip(told, held, strict=True):
        members.watch(lambda name, known=known: known.symmetric_difference_update({name}))  # type: ignore[misc]
    for name, facts in after:
        asked.put(name, facts | {"name": name}) if facts is not None else asked.remove(name)
        for known, members in zip(told, held, strict=True):
            assert sorted(members.names) == asked.select(members.where) == sorted(known)
            assert len(members) == len(known)
            assert all(members.matches(each) == (each in known) for each in ("a1", "a2", "b1", "b2"))


def test_the_names_are_the_same_object_until_somebody_joins_or_leaves() -> None:
    asked = Asked()
    asked.put("a", {"floor": "2"})
    members = asked.members("floor=2")
    names = members.names
    asked.put("a", {"floor": "2", "presence": "online"})
    assert members.names is names
    asked.put("b", {"floor": "2"})
    assert members.names == {"a", "b"}
    assert names == {"a"}


def test_who_holds_the_same_expression_holds_the_same_and_nothing_is_kept_for_nobody() -> None:
    asked = Asked()
    members = asked.members("floor=2")
    assert asked.members("floor=2") is members
    del members
    gc.collect()
    assert not asked._held


def test_a_watch_that_ended_hears_nothing_more() -> None:
    asked, heard = Asked(), list[str]()
    members = asked.members("floor=2")
    unwatch = members.watch(heard.append)
    asked.put("a", {"floor": "2"})
    unwatch()
    unwatch()
    asked.put("b", {"floor": "2"})
    assert heard == ["a"]


def test_an_expression_that_cannot_be_read_is_refused_and_not_kept() -> None:
    asked = Asked()
    with pytest.raises(Refusal, match="needs a value after character 6"):
        asked.members("floor=")
    assert not asked._held


def test_who_wants_devices_by_name_hears_of_no_others() -> None:
    asked, heard = Asked(), list[str]()
    named = Within(frozenset({"a", "b"}), [asked.members("name=*")])
    unwatch = Within(None, [named]).watch(heard.append)
    for name in ("a", "c"):
        asked.put(name, {"name": name})
    asked.remove("c")
    asked.remove("a")
    assert heard == ["a", "a"]
    unwatch()
    asked.put("b", {"name": "b"})
    assert heard == ["a", "a"]
