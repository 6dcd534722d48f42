"""Lists that come in pages: `limit` is the most entries of one, `next` of an answer the `after` of the next, null at the end.

Owns going from page to page. Used by http.py, whose `listed` every part of the client has.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

Page = dict[str, Any]
MAX_PAGE = 1_000  # the hub's limit for one


async def entries(ask: Callable[[Page], Awaitable[Page]], name: str, **params: Any) -> AsyncGenerator[dict[str, Any]]:
    """Yield the entries that stand under a name in each page; `ask` asks for one. Parameters that are None are left out."""
    wanted = {key: value for key, value in params.items() if value is not None}
    while True:
        page = await ask(wanted)
        for entry in page[name]:
            yield entry
        if page["next"] is None:
            return
        wanted["after"] = page["next"]


async def newest(found: AsyncGenerator[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return the first entries of a list, and ask for no page beyond them."""
    taken: list[dict[str, Any]] = []
    async with aclosing(found):
        async for entry in found:
            taken.append(entry)
            if len(taken) >= most:
                break
    return taken
