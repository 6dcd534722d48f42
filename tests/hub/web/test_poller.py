"""Many sockets in one turn: everyone gets one, nobody keeps the others waiting, and nothing that was read already is left lying."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter

import pytest
import trio

from hub.web.poller import GATHER_S, MAX_TURN_S, Poller, rest_s
from tests.support.waiting import until


@contextmanager
def pairs(count: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    made = [socket.socketpair() for _ in range(count)]
    try:
        yield made
    finally:
        for pair in made:
            for end in pair:
                end.close()


@pytest.fixture
async def poller(nursery: trio.Nursery) -> Poller:
    made = Poller()
    await nursery.start(made.run)
    return made


async def test_everyone_who_has_something_is_called_and_nobody_else(poller: Poller) -> None:
    called: list[int] = []
    with pairs(200) as made:

        def take(number: int) -> None:
            made[number][0].recv(10)
            called.append(number)

        for number, (ours, _) in enumerate(made):
            poller.watch(ours.fileno(), partial(take, number))
        for number in range(0, 200, 2):
            made[number][1].send(b"x")
        await until(lambda: len(called) >= 100)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert sorted(called) == list(range(0, 200, 2))
        for ours, _ in made:
            poller.forget(ours.fileno())


async def test_one_that_always_has_more_keeps_neither_others_nor_the_event_loop_waiting(poller: Poller) -> None:
    with pairs(2) as ((greedy, _), (modest, other)):
        heard = trio.Event()

        def again() -> None:
            began = perf_counter()
            while perf_counter() - began < MAX_TURN_S / 4:
                pass
            poller.again(greedy.fileno())

        def take() -> None:
            modest.recv(10)
            heard.set()

        poller.watch(greedy.fileno(), again)
        poller.watch(modest.fileno(), take)
        poller.again(greedy.fileno())
        for _ in range(5):
            await trio.lowlevel.checkpoint()
        other.send(b"x")
        with trio.fail_after(30):
            await heard.wait()
        poller.forget(greedy.fileno())
        poller.forget(modest.fileno())


async def test_a_call_may_make_others_be_forgotten(poller: Poller) -> None:
    called: list[int] = []
    with pairs(3) as made:
        numbers = [ours.fileno() for ours, _ in made]

        def forget_all(number: int) -> None:
            called.append(number)
            for each in numbers:
                poller.forget(each)

        for number in numbers:
            poller.watch(number, partial(forget_all, number))
        for _, other in made:
            other.send(b"x")
        await until(lambda: bool(called))
        await trio.testing.wait_all_tasks_blocked(0.01)
    assert len(called) == 1


async def test_nothing_is_read_while_it_is_held(poller: Poller) -> None:
    called: list[bytes] = []
    with pairs(1) as ((ours, other),):
        poller.watch(ours.fileno(), lambda: called.append(ours.recv(10)))
        poller.hold(is_held=True)
        other.send(b"x")
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert called == []
        poller.hold(is_held=False)
        await until(lambda: called == [b"x"])
        poller.forget(ours.fileno())


def test_the_rest_grows_with_what_a_turn_found_and_has_a_bound() -> None:
    rests_s = [rest_s(sockets) for sockets in (1, 6, 10, 14, 64, 10_000)]
    assert rests_s == pytest.approx([GATHER_S, GATHER_S, 0.003, 2 * GATHER_S, 2 * GATHER_S, 2 * GATHER_S])
