"""One import under way: what it is about, how far it is, how it ended.

Owns its two files in the spool folder, and who may end it when. importing.py carries it out; exchange.py tells of it.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from hub.core.exchange.options import ImportOptions


@dataclass(slots=True)
class Job:
    """One import under way. `ended` is set at its end; then it has a result or an error."""

    file: Path
    frames: Path
    digest: bytes
    options: ImportOptions
    may_create: bool
    size_bytes: int = 0
    phase: str = "checking"  # then comparing with the history, then importing
    readings: int = 0
    of_readings: int = 0  # 0: not known yet
    result: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    ended: trio.Event = field(default_factory=trio.Event)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    @property
    def progress(self) -> dict[str, Any]:
        """Say how far it is."""
        return {"phase": self.phase, "readings": self.readings, "of_readings": self.of_readings}

    def abandon(self) -> None:
        """Note that nobody waits for it any more: it ends, unless the journal has begun to take it."""
        if self.phase != "importing":
            self.scope.cancel()

    async def outcome(self) -> dict[str, Any]:
        """Return the result when it has ended; cancelled, abandon it. Raises what went wrong."""
        try:
            await self.ended.wait()
        finally:
            self.abandon()
        if self.error is not None:
            raise self.error
        return self.result

    def delete_files(self) -> None:
        """Give back the room that it took."""
        for path in (self.file, self.frames):
            with suppress(OSError):
                path.unlink(missing_ok=True)
