"""The sending half of a WebSocket under a client that takes few bytes at a time: plain calls and waiting sends, from several tasks.

Whatever was taken comes whole, once, in the order it was taken; what was refused never comes; after the Close nothing does.
"""

import os
from collections.abc import Sequence
from typing import Final

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from hub.web.outgoing import Outgoing
from hub.web.poller import Poller
from hub.web.settings import DoorSettings
from tests.support.rfc6455 import Ear, Forbidden
from tests.support.rfc6455_echo import serve_client
from tests.support.rfc6455_poller import hasty_poller, socket_streams
from tests.support.rfc6455_talk import Act, SlowClient, Talker, listen_slowly

EXAMPLES: Final = int(os.environ.get("TRIBUTARY_TEST_DIFFERENTIAL_EXAMPLES") or 60)
QUICK: Final = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW: Final = settings(QUICK, max_examples=EXAMPLES // 2)
# On real sockets a client that gets no turn for a second would lose what we said last to the end of our patience: not what is tested here.
SETTINGS: Final = DoorSettings(close_timeout_s=60.0, linger_s=60.0)
SMALL_BUFFER_BYTES: Final = 2_304  # the kernel doubles it: half a long message fits

acts = st.sampled_from([Act.TRY] * 6 + [Act.SEND] * 4 + [Act.PING, Act.REST, Act.REST, Act.REST])
message_sizes = st.one_of(st.sampled_from([0, 1, 121, 122, 125, 126, 1_000, 8_000]), st.integers(0, 3_000))
lanes = st.lists(st.lists(st.tuples(acts, message_sizes), max_size=12), min_size=1, max_size=3)
takes = st.lists(st.one_of(st.integers(1, 40), st.integers(100, 3_000)), min_size=1, max_size=5)
Lanes = Sequence[Sequence[tuple[Act, int]]]


def cut_short(draw: st.DrawFn, all_lanes: list[list[tuple[Act, int]]]) -> Lanes:
    """Let a task close somewhere on its way, at times."""
    if draw(st.booleans()):
        lane = draw(st.sampled_from(all_lanes))
        lane.insert(draw(st.integers(0, len(lane))), (Act.CLOSE, 0))
    return all_lanes


@st.composite
def talks(draw: st.DrawFn) -> Lanes:
    """What the tasks of a session do."""
    return cut_short(draw, draw(lanes))


async def talk_in_memory(talker: Talker, sizes: Sequence[int]) -> Ear:
    client = SlowClient(sizes)
    await serve_client(client, talker, SETTINGS)
    client.answerer.ear.end()
    return client.answerer.ear


async def talk_on_sockets(talker: Talker, sizes: Sequence[int]) -> Ear:
    ours, theirs = socket_streams(send_buffer_bytes=SMALL_BUFFER_BYTES)
    poller = Poller()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(poller.run)
            async with trio.open_nursery() as serving:
                serving.start_soon(serve_client, ours, talker, SETTINGS, poller)
                ear = await listen_slowly(theirs, sizes)
            nursery.cancel_scope.cancel()
    finally:
        poller.close()
        await trio.aclose_forcefully(ours)
    return ear


@QUICK
@given(talks(), takes)
def test_what_is_taken_comes_whole_and_in_order_whoever_sends_it(lanes: Lanes, sizes: list[int]) -> None:
    note(f"{lanes} {sizes}")
    talker = Talker(lanes)
    ear = trio.run(talk_in_memory, talker, sizes, clock=trio.testing.MockClock(autojump_threshold=0))
    note(f"{[(said.message[:4], said.is_taken) for said in talker.said]}")
    talker.check(ear)


@FEW
@given(talks(), takes)
def test_what_is_taken_comes_whole_and_in_order_through_a_small_socket(lanes: Lanes, sizes: list[int]) -> None:
    note(f"{lanes} {sizes}")
    talker = Talker(lanes)
    with hasty_poller():
        ear = trio.run(talk_on_sockets, talker, sizes)
    note(f"{[(said.message[:4], said.is_taken) for said in talker.said]}")
    talker.check(ear)


def test_a_write_that_loses_its_end_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def send_less(outgoing: Outgoing) -> None:
        outgoing._half = (outgoing._half or b"")[:-1]
        await usual(outgoing)

    usual = Outgoing._send_half
    monkeypatch.setattr(Outgoing, "_send_half", send_less)
    talker = Talker([[(Act.TRY, 8_000), (Act.SEND, 0)] * 4])
    with pytest.RaisesGroup(Forbidden, flatten_subgroups=True, allow_unwrapped=True):
        talker.check(trio.run(talk_on_sockets, talker, [100]))


def test_a_waiting_send_is_not_overtaken_by_plain_calls_for_ever() -> None:
    for _ in range(20):
        talker = Talker([[(Act.TRY, 0), (Act.REST, 0)] * 60, [(Act.SEND, 0)] * 5])
        talker.check(trio.run(talk_in_memory, talker, [3], clock=trio.testing.MockClock(autojump_threshold=0)))
        assert [said.is_taken for said in talker.said].count(True) > 10
