"""Pings for sessions that send none themselves: whoever answers none for two periods is taken for dead.

Owns the timing only. Used by upgrade.py round viewer sessions; device sessions have their own, which ends in a bye.
"""

from collections.abc import Awaitable, Callable

import trio

from devices.link import LinkClosed, ServerLink
from devices.wire.limits import MISSED_HEARTBEATS, CloseCode


async def with_heartbeat(link: ServerLink, serve: Callable[[ServerLink], Awaitable[None]], period_s: float) -> None:
    """Serve the link; two periods without an answer close it with 4001, which the session hears as LinkClosed."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_beat, link, period_s)
        await serve(link)
        nursery.cancel_scope.cancel()


async def _beat(link: ServerLink, period_s: float) -> None:
    try:
        while True:
            await trio.sleep(period_s)
            with trio.move_on_after(period_s * (MISSED_HEARTBEATS - 1)) as answer:
                await link.ping()
            if answer.cancelled_caught:
                await link.aclose(CloseCode.HEARTBEAT_LOST, f"{MISSED_HEARTBEATS} pings were not answered")
                return
    except LinkClosed:
        return  # the session sees it, too
