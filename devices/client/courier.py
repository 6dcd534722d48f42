"""The loop of connections: which epoch, what hello says, when to come back, when not to.

Owns epochs and retries (docs/protocol.md sections 3, 4 and 9); what happens on one link is connection.py's. device.py runs it.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from random import Random
from typing import Final

import trio

from devices.client.connection import LOST, Connection, End
from devices.client.opening import DeviceRefused, Unreachable
from devices.client.statistics import Tally
from devices.commands import Commands
from devices.link import Link
from devices.shadow import Shadow
from devices.spool import Spool, SpooledEpoch
from devices.wire.codec import encode
from devices.wire.limits import MAX_EPOCH, MAX_MESSAGE_BYTES, MAX_UNFINISHED, REUSE_EPOCH_FROM, CloseCode
from devices.wire.messages import Hello, Reject, Unfinished, Welcome

MAX_BACKOFF_S: Final = 60.0
UNNOTICED_S: Final = 2.5  # a device is never shown as silent before twice this
STEADY_S: Final = 5.0  # a connection that lasted so long starts the backoff over
_HINTS: Final[Mapping[int, str]] = {
    CloseCode.BAD_HELLO: "correct what this device says of itself",
    CloseCode.WRONG_DEVICE: "use the token that was made for this device name",
    CloseCode.REVOKED: "make a new token for this device",
    CloseCode.PROTOCOL: "this client breaks the protocol: update it",
}
_log = logging.getLogger("tributary.device")


class Courier:
    """Carries the spool to the hub, one connection after another."""

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Link]],
        spool: Spool,
        commands: Commands,
        shadow: Shadow,
        hello: Hello,
        *,
        rng: Random,
        now: Callable[[], int],
        on_reject: Callable[[Reject], None],
        on_welcome: Callable[[Welcome], None],
    ) -> None:
        self._connect = connect
        self._spool = spool
        self._commands = commands
        self._shadow = shadow
        self.hello = hello  # what stays the same: name, channels, firmware
        self._rng = rng
        self._now = now
        self._on_reject = on_reject
        self._on_welcome = on_welcome
        self._said: int | None = None  # the live epoch of the last hello
        self._stumbled: tuple[int, int] | None = None  # the last frame that the hub could not read
        self._redraws = 0  # epochs the hub knew from somebody else, since the last welcome
        self._was_welcomed = False
        self._connected = trio.CancelScope()  # this connection
        self.tally = Tally()

    async def run(self) -> None:
        """Connect and reconnect until cancelled. Raises DeviceRefused where somebody has to act first."""
        attempt = 0
        while True:
            started = trio.current_time()
            self._was_welcomed = False
            end = End(LOST, "the connection broke")
            try:
                async with self._connect() as link:
                    end = await self._serve(link)
            except Unreachable as error:
                self.tally.last_error = str(error)
                delay_s = self._delay_s(attempt, error.retry_s or 0.0)
            else:
                self.tally.last_error = f"{end.code} {end.reason}".rstrip()
                attempt = 0 if self._was_welcomed and trio.current_time() - started >= STEADY_S else attempt
                delay_s = await self._after(end, attempt)
            _log.log(
                logging.INFO if self._was_welcomed else logging.WARNING,
                "%s: not connected: %s; trying again in %.1f s",
                self.hello.device,
                self.tally.last_error,
                delay_s,
            )
            attempt += 1
            await trio.sleep(delay_s)

    def introduce(self, hello: Hello) -> None:
        """Say another hello at the next connection; at once where the hub would take this device for silent by the one it knows."""
        is_longer = (hello.interval_s or 0.0) > max(self.hello.interval_s or 0.0, UNNOTICED_S)
        self.hello = hello
        if is_longer and self.tally.is_connected:
            self._connected.cancel()

    async def open_epoch(self) -> None:
        """Begin a new epoch, drawn at random so that no two boots share one."""
        await self._spool.open_epoch(self._draw(), self.hello.channels)

    async def _serve(self, link: Link) -> End:
        hello = await self._prepare()
        commands, desired = self._commands.inbox, self._shadow.desired
        connection = Connection(link, self._spool, self.tally, commands=commands, on_reject=self._rejected, on_desired=desired)
        try:
            with trio.CancelScope() as self._connected:
                return await connection.run(hello, self._welcomed)
        finally:
            self._was_welcomed, self.tally.is_connected = self.tally.is_connected, False
        return End(CloseCode.NORMAL, "to say another hello")

    async def _prepare(self) -> Hello:
        """Choose the live epoch, give up what cannot be listed, and say hello for what is left."""
        current = self._spool.current
        if current is None or not self._may_go_on(current):
            await self.open_epoch()
        await self._spool.settle()
        hello = self._compose()
        while len(hello.unfinished) > MAX_UNFINISHED or (len(encode(hello)) > MAX_MESSAGE_BYTES and len(hello.unfinished) > 1):
            oldest = hello.unfinished[0].epoch
            _log.error("%s: epoch %d is given up: more unfinished epochs than a hello can list", self.hello.device, oldest)
            await self._spool.give_up(oldest, "too_many_epochs")
            hello = self._compose()
        self._said = hello.epoch
        return hello

    def _may_go_on(self, current: SpooledEpoch) -> bool:
        if current.last == 0:
            return current.epoch != self._said  # the hub may know it from that hello, and then it must be listed
        return not current.is_finished and len(self._spool.unfinished()) >= REUSE_EPOCH_FROM

    def _compose(self) -> Hello:
        current = self._spool.current
        assert current is not None
        unfinished = tuple(
            Unfinished(e.epoch, e.first, e.last, None if e.channels == self.hello.channels else e.channels)
            for e in self._spool.unfinished()
            if e is not current or e.epoch == self._said
        )
        entries = self._spool.commands.values()
        # What runs still is named too: the hub would take what a device that came back says nothing of for lost one day.
        results = [entry.outcome for entry in entries if self._spool.is_unacked(entry) or not entry.outcome.state.is_final]
        hello = replace(self.hello, epoch=current.epoch, unfinished=unfinished, commands=self._commands.specs, clock_us=self._now())
        hello = replace(hello, shadow=self._shadow.state(self._spool.shadow), fence=self._spool.fence or None)
        # Those that are not acked are numbered frames too; what does not fit here comes in its turn.
        while results and len(encode(replace(hello, results=tuple(results)))) > MAX_MESSAGE_BYTES:
            del results[: max(1, len(results) // 2)]
        return replace(hello, results=tuple(results))

    async def _after(self, end: End, attempt: int) -> float:
        """Do what the end of a connection asks for; return how long to wait. Raises DeviceRefused."""
        if CloseCode.BAD_HELLO <= end.code < 5_000:
            raise DeviceRefused(end.code, end.reason, _HINTS.get(end.code, ""))
        current = self._spool.current
        if end.code == CloseCode.EPOCH_USED and current is not None and current.first == 1:
            await self._spool.renumber(current.epoch, self._draw())
            self._said = None
            self._redraws += 1
            return 0.0 if self._redraws == 1 else self._delay_s(attempt)
        if end.stumbled is not None:
            await self._note_stumble(end.stumbled)
        if end.bye is None or end.bye.retry_s is None:
            return self._delay_s(attempt)
        wished_s = end.bye.retry_s + self._rng.uniform(0, end.bye.jitter_s or 0.0)
        # A hub that lets us in and throws us out again is not asked at its own pace for ever.
        return wished_s if attempt == 0 else max(wished_s, self._delay_s(attempt))

    async def _note_stumble(self, frame: tuple[int, int]) -> None:
        """Declare a frame lost when the hub stumbled over it for the second time."""
        if frame == self._stumbled and await self._spool.replace_by_gap(*frame, "bad_frame"):
            _log.error("%s: the hub cannot read frame %d of epoch %d: declared lost", self.hello.device, frame[1], frame[0])
        self._stumbled = frame

    def _delay_s(self, attempt: int, at_least_s: float = 0.0) -> float:
        # Full jitter: a fleet that lost its hub at once must not come back at once.
        return at_least_s + self._rng.uniform(0, min(MAX_BACKOFF_S, 2.0 ** min(attempt, 6)))

    def _draw(self) -> int:
        known = {epoch.epoch for epoch in self._spool.unfinished()} | {self._said}
        while (epoch := self._rng.randint(1, MAX_EPOCH)) in known:
            pass  # happens where chance is seeded and a start repeats an earlier one
        return epoch

    def _welcomed(self, welcome: Welcome) -> None:
        self.tally.connects += 1
        self._redraws = 0
        self.tally.is_connected = True
        self._shadow.welcomed(welcome.reported)
        self._on_welcome(welcome)

    def _rejected(self, reject: Reject) -> None:
        self.tally.rejected += len(reject.readings) if reject.readings is not None else 1
        self._on_reject(reject)
