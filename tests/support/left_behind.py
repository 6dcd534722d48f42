"""A journal whose node is gone: a device's readings and log lines, of which nobody has gone through any.

Owns the writing of its file, by the hub's own journal; the readings are 1.0, 2.0, ... a millisecond apart.
"""

from pathlib import Path

import trio

from devices.wire.codec import encode
from devices.wire.messages import Data, Log
from hub.core.records import Row, RowKind
from hub.journal import Entry, Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from tests.support.owner import Session

EPOCH = 77


async def leave_behind(folder: Path, node: str, device: str, readings: int, lines: int, began_us: int) -> str:
    """Make a directory as a node leaves it that is killed; return the id of its journal."""
    await trio.Path(folder).mkdir(parents=True)
    await trio.Path(folder / "node").write_text(f"{node}\n")
    journal, session = Journal(SQLiteJournalFile(folder / "journal.db"), JournalSettings(), lambda: began_us), Session(device)
    async with layer(journal.run):
        await journal.open_epochs(session, [session.opening(EPOCH)])
        for seq in range(1, readings + 1):
            body = encode(Data(EPOCH, seq, began_us + seq * 1_000, [0], [0], [float(seq)]))
            journal.submit(Entry(session, Row(0, device, EPOCH, seq, RowKind.DATA, began_us, body, None), ((EPOCH, seq),)))
        for seq in range(readings + 1, readings + lines + 1):
            body = encode(Log(EPOCH, seq, "info", None, f"line {seq}"))
            journal.submit(Entry(session, Row(0, device, EPOCH, seq, RowKind.LOG, began_us, body, None), ((EPOCH, seq),)))
        with trio.fail_after(30):
            await session.is_told(EPOCH, readings + lines)
    return journal.id
