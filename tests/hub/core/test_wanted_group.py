"""A group command as it is asked for: one id for each device under a key, and a key that stands for one set of words."""

from dataclasses import replace

import pytest

from hub.core.errors import Refusal
from hub.core.group import Group
from hub.core.wanted import Wanted
from hub.core.wanted_group import WantedGroup

EACH = Wanted("turn", {"by": 5, "how": "slow"}, 60.0, "ann", "k1")
ASKED = WantedGroup(EACH, where="floor=2")


def group_of(wanted: WantedGroup) -> Group:
    return Group("g", "turn", "ann", wanted.fingerprint(), wanted.where, 2, 0, 9, 1, 2)


def test_a_key_stands_for_one_group_of_whoever_sends_it_and_for_no_single_command() -> None:
    assert ASKED.new_id() == replace(ASKED, where="floor=3").new_id()
    assert ASKED.new_id() != replace(ASKED, each=replace(EACH, by="bob")).new_id()
    assert ASKED.new_id() != EACH.new_id()
    drawn = replace(ASKED, each=replace(EACH, key=None))
    assert drawn.new_id() != drawn.new_id()


def test_each_device_has_one_id_in_a_group() -> None:
    ids = {ASKED.command_id(group, device) for group in ("g1", "g2") for device in ("pump", "fan") for _ in range(2)}
    assert len(ids) == 4


def test_the_same_words_are_the_same_in_any_order() -> None:
    named = replace(ASKED, where=None, devices=("a", "b"))
    same = replace(named, devices=("b", "a", "b"), each=replace(EACH, args={"how": "slow", "by": 5}, ttl_s=60))
    same.check_same(group_of(named))


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, where="floor=3"),
        replace(ASKED, where=None, devices=("floor=2",)),
        replace(ASKED, is_all_or_nothing=True),
        replace(ASKED, each=replace(EACH, name="stop")),
        replace(ASKED, each=replace(EACH, args={"by": 6, "how": "slow"})),
        replace(ASKED, each=replace(EACH, ttl_s=61.0)),
    ],
)
def test_other_words_are_refused_under_the_key(other: WantedGroup) -> None:
    with pytest.raises(Refusal, match="stands for another group command") as refused:
        other.check_same(group_of(ASKED))
    assert (refused.value.code, refused.value.status) == ("key_used", 409)
