"""A hub that is alone gives every lease, each with a higher fence, whatever its clock does."""

from devices.wire.limits import MAX_FENCE
from hub.nodes.local import LocalLeases


async def test_a_fence_rises_by_the_clock_and_over_what_the_device_knows() -> None:
    now_us = 1_000
    leases = LocalLeases(lambda: now_us)
    assert (await leases.take("pump", 0)).fence == 1_000
    now_us = 900  # the clock went back
    assert (await leases.take("pump", 1_000)).fence == 1_001
    assert (await leases.take("tank", 0)).fence == 900
    assert (await leases.take("pump", MAX_FENCE)).fence == MAX_FENCE
