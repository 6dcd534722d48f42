"""One orphan's journal gone through to its end: the history writer, the ledger and the rules go on from where its own node left them.

Owns that the parts write as the node that is gone: their cursors are its own, and what they change is told to this node as to all others,
at the end that the journal is gone through, for viewers. No frame is added. Called by adopting.py, which holds the lock.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from hub.config import Settings
from hub.control import Control
from hub.core.commands import CommandDesk
from hub.core.drained import KIND, Drained
from hub.core.records import Columns
from hub.core.results import LedgerFollower
from hub.core.shadows import Shadows
from hub.followers import Follower, Pace, run_follower, run_restarted
from hub.history import HistorySide
from hub.journal import Journal, SQLiteJournalFile
from hub.layers import Run, layer
from hub.nodes.membership import Membership
from hub.nodes.places import NodePlaces
from hub.nodes.taking_in import TakingIn
from hub.orphans.finding import Orphan
from hub.part_settings import journal_settings
from hub.ports import Conflict, HistoryStore, Now, StateStore
from hub.rules import RuleDesk, RulesFollower
from hub.rules.duties import Duties
from hub.states import make_state_of, open_state

if TYPE_CHECKING:
    from hub.redis import Redis

_FOLLOWERS: Final = ("history", "ledger", "rules")
_PACE: Final = Pace(safe_every_s=2.0)
_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Beside:
    """What of this node goes on beside a draining."""

    settings: Settings
    redis: "Redis"
    cluster: Membership
    control: Control
    make_store: Callable[[Callable[[], str]], HistoryStore]  # for one who writes from the journal of that id
    stored: Callable[[Columns], None]  # called with readings that the store has taken
    now: Now


async def drain(orphan: Orphan, beside: Beside, left: Callable[[int], None]) -> None:
    """Return when history, ledger and rules have all of it for good; `left(rows)` is called with what is to be done yet.

    Cancelled, it stays as far as it is. Raises JournalBroken, OSError, in groups.
    """
    settings, now = beside.settings, beside.now
    bounds = replace(journal_settings(settings), resume_window_s=0.0)
    journal = Journal(SQLiteJournalFile(orphan.journal), bounds, now)
    state = make_state_of(beside.redis, orphan.node)
    store = beside.make_store(lambda: journal.id)
    side = HistorySide(journal, store, orphan.folder, now, settings.ack_after)
    side.writer.on_stored(beside.stored)
    brought = set[str]()  # devices
    side.writer.on_stored(lambda columns: brought.update([each.device for each in columns.series]))
    await open_state(state, beside.redis)
    try:
        async with layer(journal.run):
            await side.start(is_remote=True)
            async with _followed(orphan, beside, journal, state, side):
                while rows := journal.position - min(journal.cursor(name).safe for name in _FOLLOWERS):
                    left(rows)
                    await trio.sleep(_LOOK_S)
            await _tell(state, Drained.now(journal.id, journal.position, now(), brought))
    finally:
        with trio.CancelScope(shield=True):
            await store.aclose()
            await state.aclose()


async def _tell(state: StateStore, drained: Drained) -> None:
    """Have all nodes know; what they need to know no more is forgotten."""
    with suppress(Conflict):  # it was told before a crash
        await state.change([drained.document()])
    over = [each for each in await state.documents(KIND) if Drained.of(each).is_over(drained.at_us)]
    with suppress(Conflict):  # another node is doing the same
        await state.change(deletes=over)


@asynccontextmanager
async def _followed(orphan: Orphan, beside: Beside, journal: Journal, state: StateStore, side: HistorySide) -> AsyncIterator[None]:
    """Run the three followers, and what keeps them from writing over what other nodes change."""
    control, now = beside.control, beside.now
    desk = CommandDesk(state, control.registry, control.entities, now)
    shadows = Shadows(state, control.registry, control.entities, now)
    duties = Duties()
    duties.join(NodePlaces(orphan.node, control.leases, beside.cluster, lambda device: False, now))
    rules = RuleDesk(state, control.entities, now, beside.settings.notify_for_s, control.registry.members, duties)
    await desk.load()
    await shadows.load()
    ledger = LedgerFollower(desk, shadows, state, lambda: journal.id, lambda: journal.position, now)
    followers: tuple[Follower, ...] = (ledger, RulesFollower(rules, journal))
    follow: list[Run] = [partial(run_follower, journal, follower, _PACE) for follower in followers]
    write = partial(run_follower, journal, side.writer, _PACE, side)
    taking_in = partial(run_restarted, "changes", TakingIn(state, (desk, shadows, rules)).run)
    async with layer(taking_in, write, *follow):
        yield
