"""How the history store fares, as a person asks: does it take what comes, how far behind is it, how long can that go on.

Owns the states ok, behind and down, their lines in the log, and the time left until the journal has no room; decides nothing. It is told
by the follower runner (a Watch) and looks at the journal once a second; hub/system.py shows it.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Protocol

import structlog

from hub.ports import FollowerCursor, Now

_log: Final = structlog.get_logger(__name__)
HISTORY: Final = "history"  # the follower whose lag is shown
BEHIND_S: Final = 10.0  # so old the oldest frame is that the store lacks: beyond what gathering a batch and a checkpoint take
_WINDOW_S: Final = 60.0  # over which growth is measured
_REMIND_S: Final = 600.0  # between two lines of the log about one outage
_MAX_SEEN: Final = 4_096  # looks that are remembered while the store is behind: beyond it every second one
_PLAIN_LAG: Final = 1_000  # frames: what is below a second's worth is none to a person


class JournalFigures(Protocol):
    """What of the journal is looked at."""

    position: int

    @property
    def first(self) -> int:
        """The lowest position that is still there."""

    def cursor(self, follower: str) -> FollowerCursor:
        """Return how far a follower is."""

    def statistics(self) -> Mapping[str, float]:
        """Return `size_bytes` and `left_bytes` among others."""


class StoreHealth:
    """The state of one store."""

    def __init__(self, name: str, journal: JournalFigures, now: Now) -> None:
        self.name = name
        self.state = "ok"
        self.since_us = 0  # when the state began
        self.reason = ""  # of being down: the last failure
        self.growth_bytes_s = 0.0  # of the journal
        self.left_s: float | None = None  # until the journal holds, at this rate; None where it does not grow for want of the store
        self._journal = journal
        self._now = now
        self._has_failed = False
        self._seen: deque[tuple[float, int]] = deque()  # (monotonic s, position): looks that the store has not caught up with
        self._rooms: deque[tuple[float, float]] = deque()  # (monotonic s, bytes left)
        self._remind_s = float("-inf")

    def failed(self, reason: str) -> None:
        """Take the word that the writer failed and tries again."""
        self._has_failed = True
        self.reason = " ".join(reason.split())[:500]

    def went_on(self) -> None:
        """Take the word that the store took something."""
        self._has_failed = False
        self.reason = ""

    @property
    def lag_frames(self) -> int:
        """How many frames the store lacks."""
        return max(0, self._journal.position - self._journal.cursor(HISTORY).applied)

    @property
    def lag_bytes(self) -> int:
        """About how many bytes of the journal they are."""
        rows = self._journal.position - self._journal.first + 1
        return int(self._journal.statistics()["size_bytes"] * self.lag_frames / rows) if rows > 0 else 0

    def look(self, now_s: float) -> None:
        """Look at the journal; called about once a second."""
        position, applied = self._journal.position, self._journal.cursor(HISTORY).applied
        while self._seen and self._seen[0][1] <= applied:
            self._seen.popleft()
        if position > applied and (not self._seen or self._seen[-1][1] < position):
            self._seen.append((now_s, position))
            if len(self._seen) > _MAX_SEEN:
                self._seen = deque(list(self._seen)[::2])
        self._measure(now_s)
        is_behind = bool(self._seen) and now_s - self._seen[0][0] > BEHIND_S
        self._enter("down" if self._has_failed else "behind" if is_behind else "ok", now_s)

    def _measure(self, now_s: float) -> None:
        left_bytes = self._journal.statistics()["left_bytes"]
        self._rooms.append((now_s, left_bytes))
        while now_s - self._rooms[0][0] > _WINDOW_S:
            self._rooms.popleft()
        began_s, before_bytes = self._rooms[0]
        self.growth_bytes_s = (before_bytes - left_bytes) / (now_s - began_s) if now_s > began_s else 0.0

    def _enter(self, state: str, now_s: float) -> None:
        before, self.state = self.state, state
        grows = self.state != "ok" and self.growth_bytes_s > 0
        self.left_s = self._rooms[-1][1] / self.growth_bytes_s if grows else None
        if before != state:
            ended_us, self.since_us = self.since_us, self._now()
            if state == "ok":
                _log.info("store_over", store=self.name, was=before, for_s=round((self.since_us - ended_us) / 1e6))
                return
            self._remind_s = float("-inf") if before == "ok" else self._remind_s
        if state != "ok" and now_s >= self._remind_s:
            self._remind_s = now_s + _REMIND_S
            hint = "devices go on; what comes is kept in the journal and stored once it is back"
            _log.warning(f"store_{state}", store=self.name, reason=self.reason, **self._figures(), hint=hint)

    def _figures(self) -> dict[str, float]:
        left = {} if self.left_s is None else {"left_s": rounded(self.left_s)}
        return {"lag_frames": self.lag_frames, "lag_bytes": self.lag_bytes, **left}

    def item(self) -> dict[str, Any]:
        """Return `store` of the `system` entity (docs/protocol.md section 11)."""
        lag = self.lag_frames
        item: dict[str, Any] = {"name": self.name, "state": self.state, "lag_frames": lag if lag > _PLAIN_LAG or self.state != "ok" else 0}
        left_s = None if self.left_s is None else rounded(self.left_s)
        return {**item, "left_s": left_s, "reason": self.reason, "since_us": self.since_us}

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics; `left_seconds` is infinite where the journal does not fill."""
        lag = {"lag_rows": self.lag_frames, "lag_bytes": self.lag_bytes, "journal_growth_bytes_per_second": self.growth_bytes_s}
        states = {"is_down": float(self.state == "down"), "is_behind": float(self.state == "behind")}
        return {**lag, **states, "left_seconds": float("inf") if self.left_s is None else self.left_s}


def rounded(seconds: float) -> float:
    """Return a time to two figures: what is estimated need not change with each look."""
    return float(f"{seconds:.2g}")
