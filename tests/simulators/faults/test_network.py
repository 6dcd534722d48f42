"""Faults of a network add up, come from the seed, and are all gone once it heals."""

import math

import trio
import trio.testing

from simulators.faults import Network


async def test_delay_and_jitter_say_when_something_is_due(autojump_clock: trio.testing.MockClock) -> None:
    network = Network(seed=3)
    assert network.due() == trio.current_time()
    network.delay(2.0, 1.0)
    waits = [network.due() - trio.current_time() for _ in range(200)]
    assert 2.0 <= min(waits) < 2.1
    assert 2.9 < max(waits) <= 3.0


def test_the_same_seed_meets_the_same_jitter() -> None:
    assert [Network(seed=3).rng.random() for _ in range(2)] == [Network(seed=3).rng.random() for _ in range(2)]
    assert Network(seed=3).rng.random() != Network(seed=4).rng.random()


async def test_nothing_passes_a_stall_until_it_heals(autojump_clock: trio.testing.MockClock) -> None:
    network, passed = Network(), list[float]()

    async def pass_at(due_s: float) -> None:
        await network.passes(due_s)
        passed.append(trio.current_time())

    begin_s = trio.current_time()
    network.stall()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pass_at, begin_s)
        nursery.start_soon(pass_at, begin_s + 20)
        await trio.sleep(10)
        assert passed == []
        network.heal()
    assert [at - begin_s for at in passed] == [10.0, 20.0]


def test_healing_takes_every_fault_back() -> None:
    network = Network()
    network.refuse()
    network.half_open()
    network.delay(1.0, 1.0)
    network.throttle(10)
    network.stall()
    network.heal()
    assert [network.is_refusing, network.is_silent, network.is_stalled] == [False] * 3
    assert (network.delay_s, network.jitter_s, network.bytes_per_s) == (0.0, 0.0, math.inf)
