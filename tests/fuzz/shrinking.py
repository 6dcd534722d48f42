"""A failing exchange made small: steps and bytes are taken away as long as it still fails.

Owns the search alone, which asks at most so often; what failing means is the caller's.
"""

from collections.abc import Awaitable, Callable, Iterator

from tests.fuzz.exchange import Exchange

Fails = Callable[[Exchange], Awaitable[bool]]


async def shrunk(exchange: Exchange, fails: Fails, most: int = 300) -> Exchange:
    """Return a smaller exchange that fails as well, or the same."""
    tries = 0
    has_shrunk = True
    while has_shrunk and tries < most:
        has_shrunk = False
        for smaller in _smaller(exchange):
            tries += 1
            if tries > most:
                break
            if await fails(smaller):
                exchange, has_shrunk = smaller, True
                break
    return exchange


def _smaller(exchange: Exchange) -> Iterator[Exchange]:
    """Yield exchanges that say less, the much smaller ones first."""
    steps = exchange.steps
    for at in range(len(steps)):
        yield exchange.with_steps(steps[:at] + steps[at + 1 :])
    if len(steps) > 1 and not exchange.is_framed:
        yield exchange.with_steps((b"".join(steps),))
    for at, step in sorted(enumerate(steps), key=lambda pair: -len(pair[1])):
        size = len(step) // 2
        while size:
            for begin in range(0, len(step), size):
                yield exchange.with_steps((*steps[:at], step[:begin] + step[begin + size :], *steps[at + 1 :]))
            size //= 2 if size > 16 else size  # single bytes only where few are left
        if len(step) <= 64:
            for begin in range(len(step)):
                yield exchange.with_steps((*steps[:at], step[:begin] + step[begin + 1 :], *steps[at + 1 :]))
