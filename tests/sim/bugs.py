"""Bugs put in on purpose, each at one named place of the product, so that it is known what the simulation finds.

Owns the wrong code and that it is taken out again; nothing but the simulation's own tests and `--bug` asks for it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import hub.core.ingest
from devices.client.courier import Courier
from devices.wire.limits import MAX_FUTURE_S
from devices.wire.messages import Hello, Unfinished
from devices.wire.session import DeviceSession
from hub.core.buckets import Bucket
from hub.core.records import Row
from hub.journal.journal import Journal
from hub.journal.writer import Writer, Written, written_by
from hub.ports import JournalFull


async def _ack_before_commit(journal: Journal) -> bool:
    """Be Journal._commit: tell that frames are durable, and write them then."""
    batch = journal._pending.take()
    rows = [row._replace(position=journal.position + 1 + at) for at, row in enumerate(map(Row._make, batch.rows()))]
    journal._tell(batch, Written(batch.openings(), rows, batch.marks()))
    with suppress(JournalFull):  # what nobody waits for is not tried again
        await journal._writer.call(partial(written_by, journal._file, batch))
    return True


def _without_marks(session: DeviceSession, hello: Hello, marks: Mapping[int, int]) -> dict[int, int]:
    """Be DeviceSession.open: begin where the device says, whatever is durable already."""
    return _open(session, hello, {entry.epoch: entry.first - 1 for entry in hello.unfinished})


def _counted(courier: Courier) -> int:
    """Be Courier._draw: number epochs from 1, as a device does that remembers none after its memory is gone."""
    return max(courier._spool._shelf.epochs, default=0) + 1


def _trusting(session: DeviceSession, hello: Hello, marks: Mapping[int, int]) -> dict[int, int]:
    """Be DeviceSession.open: take an epoch that was used before for one that goes on."""
    listed = {entry.epoch for entry in hello.unfinished}
    again = () if hello.epoch in listed or hello.epoch not in marks else (Unfinished(hello.epoch, 1, marks[hello.epoch]),)
    return _open(session, replace(hello, unfinished=(*hello.unfinished, *again)), marks)


def _without_greatest(bucket: Bucket, later: Bucket) -> None:
    """Be Bucket.absorb: forget the greatest value but the first."""
    kept = bucket.max
    _absorb(bucket, later)
    bucket.max = kept


_open: Final = DeviceSession.open
_absorb: Final = Bucket.absorb

# name -> (where it is put in, what of it, the wrong code); two places where one guards the other
BUGS: Final[dict[str, tuple[tuple[Any, str, Any], ...]]] = {
    "ack_before_commit": ((Journal, "_commit", _ack_before_commit),),
    "dedupe_off": ((DeviceSession, "open", _without_marks),),
    "broken_file_written": ((Writer, "_unbroken", lambda writer, call: call()),),
    "future_in_wrong_unit": ((hub.core.ingest, "_FUTURE_US", MAX_FUTURE_S * 1_000),),
    "greatest_value_lost": ((Bucket, "absorb", _without_greatest),),
    "epoch_reused": ((Courier, "_draw", _counted), (DeviceSession, "open", _trusting)),
}


@contextmanager
def put_in(name: str) -> Iterator[None]:
    """Have a bug while the block runs; the empty name is none."""
    places = BUGS[name] if name else ()
    right = [getattr(owner, place) for owner, place, _ in places]
    for owner, place, wrong in places:
        setattr(owner, place, wrong)
    try:
        yield
    finally:
        for (owner, place, _), code in zip(places, right, strict=True):
            setattr(owner, place, code)
