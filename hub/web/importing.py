"""An import from the first byte of its body to its last frame in the journal: spooled, checked wholly, then journaled.

Owns the spool folder in the data directory, one import at a time, and that nothing of a file is journaled before all of it is sound. Once
frames go into the journal the import goes on without whoever asked for it; only the end of the hub cuts it off, and the same file again
adds the rest. Knows no HTTP but the pieces of a body. Run by main.py, called by exchange.py.
"""

import hashlib
import shutil
import uuid
from collections.abc import AsyncIterable, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
import trio

from hub.core.errors import Refusal
from hub.core.exchange.checking import Checked, check, stored_frames
from hub.core.exchange.framing import ImportFrame
from hub.core.exchange.known import Comparison, Mask, windows_of, without_known
from hub.core.exchange.options import ImportOptions
from hub.core.registry import Registry
from hub.ports import HistoryStore, Now
from hub.sessions.imports import ImportedEpoch, Imports
from hub.web.exporting import pages_of
from hub.web.jobs import Job

MAX_BYTES: Final = 4 << 30
MAX_DEVICES: Final = 1_000
_ROOM_EVERY_BYTES: Final = 8 << 20
_log: Final = structlog.get_logger(__name__)


class Importer:
    """Imports, one at a time."""

    def __init__(self, imports: Imports, registry: Registry, history: HistoryStore, folder: Path, min_free_bytes: int, now: Now) -> None:
        self._imports = imports
        self._history = history
        self._registry = registry
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._now = now
        self._thread = trio.CapacityLimiter(1)
        self._nursery: trio.Nursery | None = None
        self._is_busy = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carry imports out until cancelled; what a killed hub left in the spool folder is deleted first."""
        shutil.rmtree(self._folder, ignore_errors=True)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

    async def begin(self, pieces: AsyncIterable[bytes], options: ImportOptions, *, may_create: bool, announced_bytes: int = 0) -> Job:
        """Spool a file and begin to check it. Raises Refusal: options, room, or another import is under way."""
        options = options.checked()
        if self._is_busy or self._nursery is None:
            raise Refusal("import_running", "another import is under way, the limit is 1 at a time", "try again when it is done", 409)
        self._check_room(announced_bytes)
        self._is_busy = True
        name = uuid.uuid4().hex
        job = Job(self._folder / f"{name}.file", self._folder / f"{name}.frames", b"", options, may_create)
        try:
            await self._spool(pieces, job)
            self._nursery.start_soon(self._carry_out, job)
        except BaseException:
            self._end(job)
            raise
        return job

    def _check_room(self, more_bytes: int) -> None:
        if more_bytes > MAX_BYTES:
            raise Refusal("too_large", f"a file of {more_bytes:,} bytes is over the limit of {MAX_BYTES:,}", "split it", 413)
        usage = shutil.disk_usage(self._folder.parent)
        spare = usage.free - min(self._min_free_bytes, usage.total // 10)
        if more_bytes >= spare:
            said = f"the disk of the data directory has room for {max(0, spare):,} bytes more"
            raise Refusal("no_room", said, "free some space, or import a part of the file at a time", 507)

    async def _spool(self, pieces: AsyncIterable[bytes], job: Job) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        content = hashlib.sha256(repr(astuple(job.options)).encode())
        looked_at = 0
        async with await trio.open_file(job.file, "wb") as out:
            async for piece in pieces:
                job.size_bytes += len(piece)
                content.update(piece)
                await out.write(piece)
                if job.size_bytes - looked_at > _ROOM_EVERY_BYTES:
                    looked_at = job.size_bytes
                    self._check_size(looked_at)
        job.digest = content.digest()

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > MAX_BYTES:
            raise Refusal("too_large", f"the file is over the limit of {MAX_BYTES:,} bytes", "split it", 413)
        self._check_room(0)

    def _end(self, job: Job) -> None:
        self._is_busy = False
        job.delete_files()
        job.ended.set()

    async def _carry_out(self, job: Job) -> None:
        """Check and journal; what goes wrong is for who waits for the job, and must not end other parts of the hub."""
        try:
            with job.scope:
                checked = await self._checked(job)
                await self._add_devices(checked, may_create=job.may_create)
                job.result = await self._journal(job, checked)
        except Exception as error:
            job.error = error
            _log.warning("import_failed", reason=str(error)[:300])
        finally:
            if not job.result and job.error is None:
                job.error = Refusal("cut_off", "the import was cut off", "import the same file again: it adds what is missing", 503)
            self._end(job)

    async def _checked(self, job: Job) -> Checked:
        def told(readings: int) -> None:
            trio.from_thread.check_cancelled()
            job.readings = readings

        least = min(self._min_free_bytes, shutil.disk_usage(self._folder.parent).total // 10)
        work = partial(check, job.file, job.frames, job.digest, job.options, self._now(), least, told)
        checked = await trio.to_thread.run_sync(work, limiter=self._thread)
        if len(checked.devices) > MAX_DEVICES:
            said = f"the file has readings of {len(checked.devices):,} devices, the limit is {MAX_DEVICES:,}"
            raise Refusal("bad_file", said, "split the file", 422)
        return checked

    async def _add_devices(self, checked: Checked, *, may_create: bool) -> None:
        unknown = [device for device in checked.devices if self._registry.record(device.device) is None]
        if unknown and not may_create:
            more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
            said = f"row {unknown[0].first_row:,}: no device is called {unknown[0].device}{more}"
            hint = "correct the name; to add such devices say --create (over HTTP create=true), or: tributary device add NAME"
            raise Refusal("no_device", said, hint, 404)
        if unknown:
            await self._registry.add_devices([device.device for device in unknown])

    async def _journal(self, job: Job, checked: Checked) -> dict[str, Any]:
        masks = await self._known(job, checked)
        job.phase, job.readings, job.of_readings = "importing", 0, checked.readings
        stored = dict.fromkeys((device.device for device in checked.devices), 0)
        async with AsyncExitStack() as stack:
            epochs: dict[str, ImportedEpoch] = {}
            for device in checked.devices:
                opened = self._imports.opened(device.device, device.epoch, tuple(device.channels))
                epochs[device.device] = await stack.enter_async_context(opened)
            windows = windows_of(stored_frames(job.frames, checked.devices))
            for mask in masks:
                for frame in await trio.to_thread.run_sync(_unknown, windows, mask, limiter=self._thread):
                    before = epochs[frame.device].new
                    await epochs[frame.device].put(frame.seq, frame.body)
                    stored[frame.device] += frame.readings * (epochs[frame.device].new - before)
                job.readings += len(mask)
        _log.info("imported", readings=checked.readings, devices=len(stored), stored=sum(stored.values()))
        return _result(checked, stored)

    async def _known(self, job: Job, checked: Checked) -> list[Mask]:
        """Return, for each window of frames, which readings the history has; before the first frame is journaled."""
        job.phase, job.of_readings = "comparing", checked.readings
        devices = {device.device: device for device in checked.devices}
        stored = frozenset(series for series in await self._history.list_series() if series.device in devices)
        windows, masks, done = windows_of(stored_frames(job.frames, checked.devices)), list[Mask](), 0
        while window := await trio.to_thread.run_sync(next, windows, None, limiter=self._thread):
            comparison = await trio.to_thread.run_sync(Comparison, window, devices, stored, limiter=self._thread)
            series, from_ns, to_ns = comparison.range
            async with aclosing(pages_of(self._history, series, from_ns, to_ns)) as pages:
                async for page in pages:
                    await trio.to_thread.run_sync(comparison.look, page, limiter=self._thread)
            masks.append(comparison.mask)
            done += len(comparison.mask)
            job.readings = done
        return masks


def _unknown(windows: Iterator[list[ImportFrame]], mask: Mask) -> list[ImportFrame]:
    return without_known(next(windows), mask)


def _result(checked: Checked, stored: dict[str, int]) -> dict[str, Any]:
    devices = [
        {
            "device": device.device,
            "readings": device.readings,
            "channels": len(device.channels),
            "from_us": device.first_us,
            "to_us": device.last_us,
            "stored": stored[device.device],
            "state": "imported" if stored[device.device] == device.readings else "completed" if stored[device.device] else "known",
        }
        for device in checked.devices
    ]
    return {
        "format": checked.format,
        "changed": any(stored.values()),
        "readings": checked.readings,
        "stored": sum(stored.values()),
        "without_value": checked.without_value,
        "ignored_columns": list(checked.ignored_columns),
        "devices": devices,
    }
