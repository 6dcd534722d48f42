"""The public face of the client: what a program on a device uses.

Owns arguments, their checks and the lives of the parts; handlers.py is its base, readings.py makes frames, devices.spool keeps them,
courier.py brings them to the hub, devices.commands runs what the hub asks for, devices.shadow applies what it desires.
"""

import logging
import math
import os
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from random import Random, SystemRandom
from types import TracebackType
from typing import Any, Final, Literal, Self

import trio

from devices.client.courier import Courier
from devices.client.handlers import Handlers
from devices.client.hello import check_hello
from devices.client.opening import DeviceRefused, device_url
from devices.client.statistics import Statistics, Tally, statistics_of
from devices.client.ways import Way, Ways
from devices.floats import FloatFormat
from devices.link import Link
from devices.packs import Packs
from devices.readings import Readings
from devices.spool import Draft, Spool, open_spool
from devices.spool.records import FrameKind
from devices.wire.limits import MAX_LOG_BYTES
from devices.wire.messages import Channel, Hello, Log, Reject, Value, Welcome

_LEVELS: Final = ("debug", "info", "warning", "error")
_log = logging.getLogger("tributary.device")


def _wall_clock_us() -> int:
    return time.time_ns() // 1_000


class Device(Handlers):
    """A device: `async with Device(...) as device`, then send readings; they are kept until the hub has stored them.

    `url` is the hub's address (http, https, ws or wss). `interval_s` is how often it means to send; `sleep_s` how long it may be away
    between two connections, asleep, without being missed. `spool_dir` None keeps unacked frames in memory, where they are lost
    with the process; with a folder they survive a killed process (sync="kill") or a power cut (sync="power"). A full
    spool (`spool_max_bytes`) drops its oldest frames and declares the gap. `tls` says which certificates are trusted (default: the
    system's, or $SSL_CERT_FILE). `way` "auto" goes by HTTP requests where no WebSocket gets through. `connect`,
    `rng` and `now` replace the network, chance and the wall clock (µs) in simulations.

    Entering raises SpoolInUse and ValueError. When the hub refuses this device for good, the block is cancelled and leaving it
    raises DeviceRefused. Leaving does not wait for acks: `await device.drained()` before it where that matters.
    """

    def __init__(
        self,
        url: str,
        name: str,
        token: str,
        *,
        channels: Sequence[Channel],
        spool_dir: str | os.PathLike[str] | None = None,
        interval_s: float | None = 1.0,
        sleep_s: float | None = None,
        firmware: str = "",
        sync: Literal["kill", "power"] = "kill",
        spool_max_bytes: int = 64 * 1024 * 1024,
        on_reject: Callable[[Reject], None] | None = None,
        tls: ssl.SSLContext | None = None,
        way: Way = "auto",
        connect: Callable[[], AbstractAsyncContextManager[Link]] | None = None,
        rng: Random | None = None,
        now: Callable[[], int] = _wall_clock_us,
    ) -> None:
        super().__init__(now)
        self.name = name
        self._url = url if connect is not None else device_url(url)
        self._connect = connect or Ways(self._url, token, tls, way).open
        self._hello = Hello(name, 1, tuple(channels), firmware=firmware, interval_s=interval_s, sleep_s=sleep_s)
        self._readings = Readings(channels)
        self._packs = Packs(self._readings)
        self._spool_dir = spool_dir
        self._sync: Literal["kill", "power"] = sync
        self._spool_max_bytes = spool_max_bytes
        self._on_reject = on_reject
        self._rng = rng or SystemRandom()
        self._now = now
        self._spooled = 0
        self._spool: Spool | None = None
        self._courier: Courier | None = None
        self._nurseries: AbstractAsyncContextManager[trio.Nursery] | None = None
        self._nursery: trio.Nursery | None = None

    async def __aenter__(self) -> Self:
        check_hello(replace(self._hello, commands=self._commands.specs))
        folder, sync, size = self._spool_dir, self._sync, self._spool_max_bytes
        if folder is None:
            self._spool = open_spool(None, max_bytes=size)
        else:
            self._spool = await trio.to_thread.run_sync(lambda: open_spool(folder, sync=sync, max_bytes=size))
        spool = self._spool
        try:
            self._courier = Courier(
                self._connect,
                spool,
                self._commands,
                self._shadow,
                self._hello,
                rng=self._rng,
                now=self._now,
                on_reject=self._rejected,
                on_welcome=self._welcomed,
            )
            await self._courier.open_epoch()
            if spool.lost is not None:
                await self.log("error", spool.lost)
            await self._commands.report_interrupted(spool)
            self._nurseries = trio.open_nursery()
            self._nursery = await self._nurseries.__aenter__()
        except BaseException:
            spool.close()
            raise
        self._nursery.start_soon(self._commands.run, spool)
        self._nursery.start_soon(self._shadow.run, spool)
        self._nursery.start_soon(self._courier.run)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool | None:
        assert self._nurseries is not None
        assert self._nursery is not None
        self._nursery.cancel_scope.cancel()
        refused: BaseException | None = None
        try:
            return await self._nurseries.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            if error is not None and group.exceptions == (error,):
                return False  # the block's own error leaves it as it is
            refusals, _ = group.split(DeviceRefused)
            if refusals is None:
                raise
            refused = refusals.exceptions[0]
            _, others = group.split((DeviceRefused, trio.Cancelled))
            if others is not None:
                raise
        finally:
            self._existing_spool().close()
        raise refused

    async def send(self, values: Mapping[str, Value], time_us: int | None = None) -> None:
        """Keep one frame of readings, all of one time (default: now), and send it when the hub takes it.

        Returns when the frame is in the spool. Cancelled, it is kept whole or not at all. Raises ValueError, TypeError for a channel or
        value that does not fit; sqlite3.OperationalError where the disk takes no more. Nothing is kept then.
        """
        await self.send_many([(self._now() if time_us is None else time_us, values)])

    async def send_many(self, rows: Iterable[tuple[int, Mapping[str, Value]]]) -> None:
        """Keep readings of many times, given as (time_us, values), in as few frames as the limits allow; otherwise as `send`."""
        await self._keep(self._readings.drafts(rows))

    async def send_pack(
        self,
        channel: str,
        values: Iterable[Any],
        *,
        step_ns: int | None = None,
        offsets_us: Iterable[Any] | None = None,
        start_us: int | None = None,
        format: FloatFormat | None = None,
    ) -> None:
        """Keep many values of one gauge or counter: `step_ns` apart, the first at `start_us`, or each at `start_us` + its offset.

        Without `start_us` the last value is of now. An array or buffer of float32 goes out as "f4", all else as "f8" where `format` does
        not say; raw bytes hold little-endian floats of `format`. What one frame has no room for is cut into several. Otherwise as `send`.
        """
        await self._keep(self._packs.drafts(channel, values, step_ns, offsets_us, start_us, self._now(), format))

    async def log(self, level: str, text: str) -> None:
        """Send a line for the device's log at the hub; text over 4,096 bytes is cut. Raises ValueError for an unknown level."""
        if level not in _LEVELS:
            raise ValueError(f"level must be one of {', '.join(_LEVELS)}, not {level!r}")
        time_us = self._now()
        short = text.encode()[:MAX_LOG_BYTES].decode(errors="ignore")
        await self._keep([Draft(FrameKind.LOG, lambda epoch, seq: Log(epoch, seq, level, time_us, short))])

    async def progress(self, fraction: float) -> None:
        """Tell how far a command is, 0...1; call it in the command's function. Raises LookupError anywhere else."""
        await self._commands.report_progress(self._existing_spool(), fraction)

    async def report(self, state: Mapping[str, Any]) -> None:
        """Merge into what this device reports of itself in its shadow, None removing a key, and tell the hub where that changes anything.

        Returns when it is on the spool, on disk; it is told until the hub has it. Raises ValueError where it is no document.
        """
        await self._shadow.report(self._existing_spool(), state)

    async def drained(self, timeout_s: float = math.inf) -> None:
        """Return when the hub has acked every frame. Raises trio.TooSlowError; what is left stays on the spool."""
        with trio.fail_after(timeout_s):
            await self._existing_spool().wait_empty()

    @property
    def interval_s(self) -> float | None:
        """How often this device means to report: by it the hub judges whether it is silent. A much longer one is told at once."""
        return self._hello.interval_s

    @interval_s.setter
    def interval_s(self, interval_s: float | None) -> None:
        self._hello = replace(self._hello, interval_s=interval_s)
        if self._courier is not None:
            self._courier.introduce(self._hello)

    def statistics(self) -> Statistics:
        """Return the counts of now."""
        spool, courier = self._existing_spool(), self._courier
        tally = courier.tally if courier is not None else Tally()
        return statistics_of(self._spooled, spool, tally)

    async def _keep(self, drafts: Sequence[Draft]) -> None:
        await self._existing_spool().append(drafts)
        self._spooled += len(drafts)

    def _existing_spool(self) -> Spool:
        if self._spool is None:
            raise RuntimeError("the device is not entered: use `async with Device(...) as device`")
        return self._spool

    def _welcomed(self, welcome: Welcome) -> None:
        self._readings.keep_within(welcome.limits)
        _log.info("%s: welcomed by %s", self.name, welcome.hub)

    def _rejected(self, reject: Reject) -> None:
        if self._on_reject is not None:
            self._on_reject(reject)
        else:
            which = f"{len(reject.readings)} readings" if reject.readings is not None else "a frame"
            _log.warning("%s: the hub rejected %s: %s %s", self.name, which, reject.code, reject.reason)
