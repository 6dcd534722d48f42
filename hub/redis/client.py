"""One client of a Redis for all parts: its connections, a deadline for each call, and the look-out for one that went away.

A call that fails for a lost connection is made again within its deadline: what is asked must bear that. Once Redis has been away for as
long as a call may take, calls fail at once, and one task alone looks for its return. Run beside everything that stands on it.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Generic, TypeVar

import anyio
import structlog
import trio
from coredis.exceptions import (
    AuthorizationError,
    ClusterDownError,
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
    UnknownCommandError,
)

from hub.ports import StoreUnavailable
from hub.redis.address import Client, Passwords, make_client

_log: Final = structlog.get_logger(__name__)
T = TypeVar("T")
ANSWER_S: Final = 5.0  # for a call with all of its attempts
NO_PASSWORDS: Final = Passwords()
PREFIX: Final = "{tributary}:"  # of every key: the braces put all of them into one slot of a cluster, as scripts need it
_LOOK_S: Final = 0.1  # from one look for a Redis that is away to the next, doubled up to
_MAX_LOOK_S: Final = 2.0
# What Redis answers while a call may succeed in a moment; any other refusal stays, or is for whoever runs it to end (no room, a wrong
# password).
_LATER: Final = (ClusterDownError, ReadOnlyError, TryAgainError)
_LATER_WORDS: Final = ("MASTERDOWN", "BUSY ")
# A client that was left raises RuntimeError, one of whose connections ends at this moment what it is made of.
_ENDING: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, anyio.WouldBlock, ReferenceError)
_LOST: Final = (RedisError, OSError, TimeoutError, RuntimeError, trio.BrokenResourceError, trio.ClosedResourceError, *_ENDING)
# The library tells each attempt to connect with a trace, which we say in a line once.
logging.getLogger("coredis").addHandler(logging.NullHandler())
logging.getLogger("coredis").propagate = False


class Redis:
    """One Redis, cluster of them, or the one that sentinels agree on."""

    def __init__(self, url: str, passwords: Passwords = NO_PASSWORDS, prefix: str = PREFIX) -> None:
        self.url, self.prefix = url, prefix
        self._passwords = passwords
        self._client, _ = make_client(url, passwords)  # which says at once what is wrong with the URL
        self._scripts: dict[str, Any] = {}
        self._tasks: trio.Nursery | None = None
        self._away_since_s: float | None = None
        self._reason = ""
        self.stranger: str | None = None  # why what it holds is not the state that this hub had there; hub.state.redis says so
        self.lives = 0  # how often it came (back): what was asked to wait on it may have missed something then
        self._changed = trio.Event()  # it went away, or came back
        self._looked = trio.Event()  # since the start

    @property
    def away(self) -> str | None:
        """Why it does not answer; None: it does, as far as anybody knows."""
        return None if self._away_since_s is None else self._reason

    def key(self, *parts: str) -> str:
        """Return the name of a key of ours."""
        return self.prefix + ":".join(parts)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the connections until cancelled; started once it was looked for. It need not be there yet: calls fail at once then."""
        self._away_since_s, self._reason, self._looked = float("-inf"), "not asked yet", trio.Event()
        async with trio.open_nursery() as self._tasks:
            self._tasks.start_soon(self._keep)
            try:
                await self._looked.wait()
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._tasks.cancel_scope.cancel()
                self._tasks = None

    async def _keep(self) -> None:
        """Have a client as long as Redis answers, and then a new one: one whose connections failed is not relied on again.

        (In coredis 6.9 each attempt for which sentinels name no primary takes a connection out of its pool for good.)
        """
        pause_s = _LOOK_S
        while True:
            try:
                async with AsyncExitStack() as stack:
                    if await self._begin(stack):
                        pause_s = _LOOK_S
                        while self._away_since_s is None:
                            await self._changed.wait()
            except* _LOST as lost:  # of a connection's own task
                self._went_away(_said(lost.exceptions[0]))
            await trio.sleep(random.uniform(0.5, 1.0) * pause_s)  # by chance, as many nodes look
            pause_s = min(_MAX_LOOK_S, 2 * pause_s)

    async def _begin(self, stack: AsyncExitStack) -> bool:
        """Make a client, which asks a cluster where its keys are, and tell whether Redis can be written."""
        client, sentinel = make_client(self.url, self._passwords)
        try:
            if sentinel is not None:
                await stack.enter_async_context(sentinel)
            await stack.enter_async_context(client)
        except _LOST as error:
            self._went_away(_said(error))
            return False
        self._client = client
        answer = await self._try(lambda client: client.set(self.key("look"), b"1", ex=60))
        if answer.is_lost:
            self._went_away(answer.reason)
        else:
            self._came_back()
        return not answer.is_lost

    def _went_away(self, reason: str) -> None:
        if self._away_since_s is None:
            self._away_since_s = trio.current_time()
            self._tell_changed()
        if reason != self._reason:
            _log.warning("redis_away", url=self.url, reason=reason)
        self._reason = reason
        self._looked.set()

    def _came_back(self) -> None:
        if self._looked.is_set():
            _log.info("redis_answers", url=self.url)
        self._away_since_s, self._reason = None, "it answered"
        self.lives += 1
        self._looked.set()
        self._tell_changed()

    def _tell_changed(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    async def ask(self, make: Callable[[Client], Awaitable[T]]) -> T:
        """Return what is asked for, tried again where the connection is lost. Raises StoreUnavailable after ANSWER_S at most.

        Cancelled, an attempt that is under way goes on to its end.
        """
        with trio.move_on_after(ANSWER_S):
            while self._tasks is not None:
                if self._away_since_s is not None:
                    if trio.current_time() - self._away_since_s > ANSWER_S:
                        break
                    await self._changed.wait()
                    continue
                answer = await self._try(make)
                if not answer.is_lost:
                    return answer.value()
                self._went_away(answer.reason)
        raise StoreUnavailable(f"{self.url}: {self._reason or f'no answer within {ANSWER_S:g} s'}")

    async def _try(self, make: Callable[[Client], Awaitable[T]]) -> "_Answer[T]":
        """Ask once, in a task of our own: the library loses a connection of its pool where a caller is cancelled while it is made."""
        answer = _Answer[T](self.url)
        if self._tasks is None:
            raise StoreUnavailable(f"{self.url}: the hub stops")
        self._tasks.start_soon(answer.take, make, self._client)
        await answer.came.wait()
        return answer

    async def run_script(self, script: str, key: str, args: Sequence[str | bytes | int], *more_keys: str) -> Any:
        """Run a Lua script at the place of its keys and return its answer. It may run twice. Raises StoreUnavailable."""

        def make(client: Client) -> Awaitable[Any]:
            known = self._scripts.get(script)
            if known is None:
                known = self._scripts[script] = client.register_script(script)
            called: Awaitable[Any] = known(keys=[key, *more_keys], args=args, client=client)  # which may be newer than the script
            return called

        return await self.ask(make)

    async def version(self) -> str:
        """Return the version of the server. Raises StoreUnavailable."""
        return str((await self.ask(lambda client: client.info("server")))["redis_version"])

    async def settings(self, *patterns: str) -> dict[str, str] | None:
        """Return settings of its own; None where we may not ask. Raises StoreUnavailable."""

        async def read(client: Client) -> dict[str, str] | None:
            try:
                found = await client.config_get(patterns)
            except (AuthorizationError, UnknownCommandError):  # services that run Redis for others do not let them
                return None
            return {_text(name): _text(value) for name, value in found.items()}

        return await self.ask(read)


class _Answer(Generic[T]):
    """What came of one attempt."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._values: list[T] = []
        self._refused: Exception | None = None
        self.came = trio.Event()
        self.is_lost = False  # nobody knows whether it was done
        self.reason = ""

    async def take(self, make: Callable[[Client], Awaitable[T]], client: Client) -> None:
        """Ask, and keep what comes of it."""
        try:
            with trio.move_on_after(ANSWER_S) as in_time:
                self._values.append(await make(client))
            if in_time.cancelled_caught:
                self.is_lost, self.reason = True, f"no answer within {ANSWER_S:g} s"
        except _LOST as error:
            self.reason = _said(error)
            self.is_lost = not isinstance(error, ResponseError) or isinstance(error, _LATER) or str(error).startswith(_LATER_WORDS)
            self._refused = error
        finally:
            self.came.set()

    def value(self) -> T:
        """Return it. Raises StoreUnavailable where Redis refused."""
        if self._values:
            return self._values[0]
        raise StoreUnavailable(f"{self._url}: {self.reason}") from self._refused


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _said(error: BaseException) -> str:
    """Return the words that say most: those of the system, where the library has wrapped its error in its own."""
    if isinstance(error, MovedError):  # which a client of a cluster deals with by itself
        return "this is one server of a cluster: write redis+cluster://HOST:PORT"
    said, cause = "", error.__cause__
    while cause is not None:
        said, cause = (cause.strerror or said) if isinstance(cause, OSError) else said, cause.__cause__
    return said or str(error) or type(error).__name__
