"""The sure way between nodes: asking one by HTTP for what follows on a position.

Owns the question, the connections and what counts as no answer. Must not know what becomes of the frames. Made in main.py for each node
that membership knows.
"""

import ssl
from collections.abc import Callable
from typing import Final

import httpx
import trio

from hub.bus.wire import unpacked
from hub.core.interest import Interest
from hub.ports import Frames, NodeUnavailable

PATH: Final = "/api/v1/node/frames"
ANSWER_S: Final = 3.0  # for the head of an answer, and for each part: how long the whole takes is a matter of the way between
LEAST_BYTES_S: Final = 10_000  # on average; what comes slower is taken for no answer
MAX_ANSWER_BYTES: Final = 64 << 20  # a node says some MB at once; whatever else is at its address may say anything
CONNECTIONS: Final = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=30.0)


class Puller:
    """The HTTP client of this node; `token()` is what nodes show each other."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token
        self._client: httpx.AsyncClient | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep connections until cancelled."""
        # No time limits here: `frames` has its own.
        async with httpx.AsyncClient(
            timeout=None, limits=CONNECTIONS, trust_env=False, verify=ssl.create_default_context()
        ) as self._client:
            task_status.started()
            await trio.sleep_forever()

    async def frames(self, name: str, url: str, after: int | None, interest: Interest) -> Frames:
        """Ask a node. Raises NodeUnavailable."""
        if self._client is None:
            raise NodeUnavailable(f"{name}: this node is only starting")
        headers = {"Authorization": f"Bearer {self._token()}", "Accept-Encoding": "identity"}
        if interest.devices is not None:
            headers["Tributary-Devices"] = interest.text
        params = {} if after is None else {"after": after}
        try:
            with trio.fail_after(ANSWER_S) as scope:
                async with self._client.stream("GET", url + PATH, params=params, headers=headers) as answer:
                    content = await _content(name, answer, scope)
            if answer.status_code != 200:
                raise NodeUnavailable(f"{name} answered {answer.status_code}: {content[:200].decode(errors='replace')}")
            return unpacked(content)
        except trio.TooSlowError:
            raise NodeUnavailable(f"{name} at {url} said nothing for {ANSWER_S:g} s, or too little") from None
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise NodeUnavailable(f"{name} at {url}: {error or type(error).__name__}") from error


async def _content(name: str, answer: httpx.Response, scope: trio.CancelScope) -> bytes:
    """Return the whole of an answer, giving it more time as it comes. Raises NodeUnavailable where it is more than a node says."""
    parts, size_bytes, begun_s = list[bytes](), 0, trio.current_time()
    try:
        async for part in answer.aiter_raw():
            size_bytes += len(part)
            scope.deadline = min(trio.current_time(), begun_s + size_bytes / LEAST_BYTES_S) + ANSWER_S
            if size_bytes > MAX_ANSWER_BYTES:
                parts.clear()
                await answer.aclose()  # the next read fails, which ends all that reads in order
            else:
                parts.append(part)
    except httpx.ReadError:
        if size_bytes > MAX_ANSWER_BYTES:
            said = f"{name} says more than {MAX_ANSWER_BYTES >> 20} MB at once; is another program at its address?"
            raise NodeUnavailable(said) from None
        raise
    return b"".join(parts)


class PulledNode:
    """An OtherNode behind HTTP."""

    def __init__(self, name: str, journal: str, url: str, puller: Puller) -> None:
        self.name, self.journal = name, journal
        self._url, self._puller = url, puller

    async def frames(self, after: int | None, interest: Interest) -> Frames:
        """Return what of some devices follows on a position. Raises NodeUnavailable."""
        return await self._puller.frames(self.name, self._url, after, interest)
