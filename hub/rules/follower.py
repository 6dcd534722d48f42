"""The rules' follower of the journal: frames to the desk, the desk's cursor back.

Owns how far the rules are, and cuts what it reads into short turns of about one time of arrival. hub.followers.run_follower runs it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import trio

from hub.core.readings import readable_columns
from hub.core.records import WITH_READINGS, Cursor, Row
from hub.journal import Journal
from hub.rules.book import FOLLOWER
from hub.rules.desk import RuleDesk

_TURN_ROWS: Final = 1_000  # judged in one turn of the event loop: some 3 ms
_ONE_ARRIVAL_US: Final = 1_000_000  # rows that came within so long are judged together: so exact is `late_s`


class RulesFollower:
    """The follower of the journal that the rules see readings by."""

    name = FOLLOWER

    def __init__(self, desk: RuleDesk, journal: Journal) -> None:
        self._desk = desk
        self._journal = journal

    async def start(self) -> int:
        """Return the position after which to begin; on a hub that never had rules, the end of what the journal has lost."""
        cursor = await self._desk.start(self._journal.id)
        if cursor is None:
            return self._journal.first - 1
        return cursor.position if cursor.journal == self._journal.id else 0

    async def apply(self, rows: Sequence[Row]) -> None:
        """Have the rows judged; what is raised is kept before it returns, what is not waits for make_safe."""
        for turn in _turns(rows):
            wanted = [row for row in turn if row.kind in WITH_READINGS and self._desk.wants(row.device, row.position, row.arrived_us)]
            columns = readable_columns(wanted, self._journal.channels) if wanted else None
            cursor = Cursor(self._journal.id, turn[-1].position)
            await self._desk.judge(columns, turn[0].arrived_us, cursor, is_behind=self._journal.position - cursor.position > _TURN_ROWS)
            await trio.lowlevel.checkpoint()

    async def make_safe(self) -> int:
        """Keep where the rules are, and return it."""
        return await self._desk.make_safe()


def _turns(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    begin = 0
    for at, row in enumerate(rows):
        if at - begin >= _TURN_ROWS or abs(row.arrived_us - rows[begin].arrived_us) > _ONE_ARRIVAL_US:
            yield rows[begin:at]
            begin = at
    if begin < len(rows):
        yield rows[begin:]
