"""Tests of hub/core/interest.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.interest import ALL, MAX_TEXT, NOTHING, Interest, interest_in, read_interest


@given(st.frozensets(st.text(st.characters(exclude_categories=())).filter(bool), max_size=5))
def test_an_interest_is_read_as_it_was_said_whatever_names_there_are(devices: frozenset[str]) -> None:
    said = Interest(devices)
    assert said.text.isascii()
    assert not set(said.text) & set(" \r\n")
    assert read_interest(said.text) == said
    assert read_interest(said.text).id == said.id


def test_the_same_devices_have_the_same_id_and_others_another() -> None:
    assert Interest(frozenset(["a", "b"])).id == Interest(frozenset(["b", "a"])).id
    others = [Interest(frozenset(names)) for names in (["a"], ["a,b"], ["a", "b"])]
    assert len({each.id for each in (ALL, NOTHING, *others)}) == 5


@pytest.mark.parametrize("name", ["pump-{:03}", "pümpe-{:03}"])
def test_more_devices_than_can_be_said_are_all(name: str) -> None:
    counts = [count for count in range(1, 700, 7) if interest_in([name.format(at) for at in range(count)]) is not ALL]
    assert 0 < len(counts) < 100
    assert len(interest_in([name.format(at) for at in range(counts[-1])]).text) <= MAX_TEXT


def test_a_node_that_says_no_devices_wants_all_and_one_that_says_none_wants_nothing() -> None:
    assert read_interest(None) is ALL
    assert read_interest("") == NOTHING
    assert ALL.wants("pump")
    assert not NOTHING.wants("pump")
