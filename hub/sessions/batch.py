"""The readings of one committed batch on their way into the mailboxes that want them.

Owns which mailbox gets what of it; decoded, and put into the lines that all share, once. Plain code; live.py puts it into the mailboxes of
groups first, as theirs are most viewers, and into those of viewers alone once the groups have been served.
"""

from collections.abc import Callable

from hub.core.fanout import Fanout
from hub.core.lines import Lines
from hub.core.readings import points_in
from hub.core.records import Columns, Series
from hub.sessions.updates import Updates


class Batch:
    """Readings up to a position of the journal; the oldest came at `arrived_us`."""

    def __init__(self, columns: Columns, arrived_us: int, position: int, fanout: Fanout[Updates], lines: Lines) -> None:
        self.position = position
        self._arrived_us = arrived_us
        self._fanout = fanout
        columns = fanout.watched(columns)
        raw: set[Series] = set()
        for series in columns.series:
            for updates in fanout.targets(series):
                updates.adopt(series)
                if updates.mailbox.is_raw:
                    raw.add(series)
        self._touched = list(lines.absorb(columns))
        self._points = points_in(columns, raw) if raw else {}

    def put(self, is_meant: Callable[[Updates], bool] = lambda updates: True) -> dict[Updates, None]:
        """Put them into the mailboxes that are meant, each but once; return which have something, in order."""
        woken: dict[Updates, None] = {}
        for touched in self._touched:
            for updates in self._fanout.targets(touched.series):
                if updates.rung_us == touched.rung_us and not updates.mailbox.is_raw and is_meant(updates):
                    updates.mailbox.touch(touched, self._arrived_us, self.position)
                    woken[updates] = None
        for series, points in self._points.items():
            for updates in self._fanout.targets(series):
                if updates.mailbox.is_raw and is_meant(updates):
                    updates.mailbox.add_points(series, points, self._arrived_us)
                    woken[updates] = None
        return woken
