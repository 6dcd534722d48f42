"""Each device and each notice has one node that minds it, as long as all nodes know the same."""

import trio
import trio.testing

from hub.core.presence import RETURN_S
from hub.rules.duties import Duties
from tests.support.rule_nodes import Place, Whereabouts

NAMES = [f"pump{number}" for number in range(300)]


def nodes(whereabouts: Whereabouts) -> list[Duties]:
    found = [Duties() for _ in range(3)]
    for name, duties in zip(("a", "b", "c"), found, strict=True):
        duties.join(Place(name, whereabouts))
    return found


async def missed(duties: Duties, expected_s: float = 0.0) -> tuple[set[str], set[str]]:
    return await duties.missing(NAMES, dict.fromkeys(NAMES, expected_s))


async def test_a_hub_that_is_alone_does_everything() -> None:
    alone = Duties()
    assert alone.is_alone
    assert alone.is_here("pump")
    assert alone.draws("pump")
    assert alone.sends("", "n1")
    assert await missed(alone) == (set(NAMES), set())


async def test_a_device_is_missed_by_the_node_that_it_is_or_was_connected_to() -> None:
    a, b, c = nodes(Whereabouts({"a", "b", "c"}, dict.fromkeys(NAMES, "b")))
    assert await missed(b) == (set(NAMES), set())
    assert await missed(a) == await missed(c) == (set(), set(NAMES))


async def test_where_devices_are_is_asked_now_and_then(autojump_clock: trio.testing.MockClock) -> None:
    a, _, _ = nodes(Whereabouts({"a", "b", "c"}, dict.fromkeys(NAMES, "b")))
    assert await missed(a) == (set(), set(NAMES))
    assert await missed(a) == (set(), set())
    await trio.sleep(2.0)
    assert await missed(a) == (set(), set(NAMES))


async def test_of_a_node_that_is_gone_one_other_misses_a_device_when_it_had_the_time_to_come_back() -> None:
    whereabouts = Whereabouts({"a", "b"}, dict.fromkeys(NAMES, "c"), gone_s=RETURN_S + 9.9)
    for duties in nodes(whereabouts)[:2]:
        assert await missed(duties, 10.0) == (set(), set(NAMES))
    whereabouts.gone_s = RETURN_S + 10.0
    found = [(await missed(duties, 10.0))[0] for duties in nodes(whereabouts)[:2]]
    assert found[0] | found[1] == set(NAMES)
    assert not found[0] & found[1]
    assert all(found)


async def test_few_devices_that_no_node_ever_had_change_hands_when_one_is_gone() -> None:
    whereabouts = Whereabouts({"a", "b", "c"})
    before = [(await missed(duties))[0] for duties in nodes(whereabouts)]
    assert sum(map(len, before)) == len(NAMES) == len(set().union(*before))
    whereabouts.alive.discard("c")
    after = [(await missed(duties))[0] for duties in nodes(whereabouts)[:2]]
    assert before[0] <= after[0]
    assert before[1] <= after[1]
    assert sum(map(len, after)) == len(NAMES)


def test_a_notice_is_sent_by_its_maker_and_by_one_other_when_that_is_gone() -> None:
    whereabouts = Whereabouts({"a", "b", "c"})
    a, b, c = nodes(whereabouts)
    assert [each.sends("c", "n1") for each in (a, b, c)] == [False, False, True]
    whereabouts.alive.discard("c")
    assert sum(each.sends("c", "n1") for each in (a, b)) == 1
