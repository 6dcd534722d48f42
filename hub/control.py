"""The control plane of one hub, put together: who may connect, what they are told, what is watched.

Owns which parts stand over the state store and how they know of each other; each part owns its own work. Beside the stream: nothing
here is on a frame's way to its ack. Made by main.py.
"""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from hub.auth import Account, Auth, AuthTakingIn, Principal
from hub.config import Settings
from hub.core.ageing import Keep
from hub.core.commands import CommandDesk
from hub.core.dashboard_facts import KIND as DASHBOARD
from hub.core.dashboards import Dashboards
from hub.core.entities import Entities
from hub.core.presence import RETURN_S
from hub.core.provisioning import KIND as PROVISIONING
from hub.core.provisioning import Provisioning
from hub.core.reach import Reach, Reaches
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.core.results import LedgerFollower
from hub.core.shadows import Shadows
from hub.core.share import KIND as SHARE
from hub.core.shares import Shares
from hub.datadir import DataDir
from hub.followers import run_follower, run_restarted
from hub.journal import Journal
from hub.layers import Run
from hub.nodes.local import LocalLeases
from hub.nodes.membership import Membership
from hub.nodes.places import NodePlaces
from hub.nodes.presence import SharedPresence
from hub.nodes.taking_in import Part, TakingIn, Whole
from hub.part_settings import series_bound
from hub.ports import Leases, Now, StateStore, StoreUnavailable
from hub.rules import MailServer, Notifying, RulesSide
from hub.rules.follower import RulesFollower
from hub.sessions.presence import PresenceWatch

if TYPE_CHECKING:
    from hub.redis import Redis

_COMING_S: Final = 5.0  # from the first attempt in the time granted to its welcome


class Control:
    """The parts over the state store."""

    def __init__(
        self, settings: Settings, data: DataDir, state: StateStore, journal: Journal, now: Now, leases: Leases | None = None
    ) -> None:
        self._settings, self._state, self._journal, self._now = settings, state, journal, now
        self.entities = Entities(first_version=now(), clock=now)
        return_s, node = max(RETURN_S, settings.restart_jitter_s + _COMING_S), settings.node if settings.state == "redis" else "hub"
        self._presence: SharedPresence | None = None  # of a hub that has nodes beside it
        self.registry = Registry(state, self.entities, now, return_s, node, series_bound(settings))
        self.desk = CommandDesk(state, self.registry, self.entities, now, Keep(settings.keep_commands_days, settings.keep_commands))
        self.leases = leases or LocalLeases(now)
        self.shadows = Shadows(state, self.registry, self.entities, now)
        self.rules = RulesSide(state, self.entities, journal, now, notifying(settings), self.registry.members)
        self.auth = Auth(state, data.admin_token, self.registry.device_of, now)
        self.account = Account(self.auth, state, now)
        self.dashboards = Dashboards(state, self.entities, now)
        self.shares = Shares(state, self.auth.audit, self.dashboards, self.auth.users, self.auth.tokens, now)
        self.auth.let_guests_in(self.shares)
        self.reaches = Reaches(self.registry.members, self.shares.sources)
        self.provisioning = Provisioning(state, self.registry, self.auth.audit, now)
        self.remembering: list[Part] = []  # parts of others, with a memory of the state store

    @property
    def for_devices(self) -> tuple[Registry, CommandDesk, Shadows, Leases]:
        """What device sessions use of it."""
        return self.registry, self.desk, self.shadows, self.leases

    async def start(self) -> None:
        """Load what is kept; the state store is open. Raises StoreUnavailable."""
        await self.auth.start()
        if self._presence is not None:
            await self._presence.load()
        await self.registry.load()
        await self.provisioning.load()
        await self.desk.load()
        await self.shadows.load()
        await self.dashboards.load()
        await self.shares.load()
        await self.rules.desk.start()

    async def carry_cursors(self) -> None:
        """Have followers whose cursor is in the state go on where the journal was saved from a damaged one: its positions are the same."""
        journal = self._journal
        for name in (LedgerFollower.name, RulesFollower.name) if journal.before else ():
            with suppress(StoreUnavailable):  # a Redis that is away: then they go through all rows again
                cursor = await self._state.cursor_of(name)
                if cursor is not None and cursor.journal == journal.before:
                    await self._state.change(cursor=(name, Cursor(journal.id, min(cursor.position, journal.position))))

    def join(self, membership: Membership, redis: "Redis") -> None:
        """Be a node beside others; called before anything starts."""
        self._presence = SharedPresence(redis, self._settings.node, self.registry, membership, self._now)
        membership.on_token(self.auth.share_cookies)
        membership.on_changed(lambda _: self.rules.outbox.wake())  # what a node that is gone was to send is sent by another
        self.rules.join(NodePlaces(self._settings.node, self.leases, membership, self.registry.is_connected, self._now))

    def reach(self, principal: Principal) -> Reach | None:
        """Return what is in reach of a login; None: everything."""
        return self.reaches.of(principal.where, principal.share)

    def _remembering(self) -> tuple[Part, ...]:
        """Return what has a memory of the state store; what others of it hang on comes first."""
        whole = ((PROVISIONING, self.provisioning), (DASHBOARD, self.dashboards), (SHARE, self.shares))
        people = (AuthTakingIn(self.auth), *(Whole(kind, part.reload) for kind, part in whole))
        shared = () if self._presence is None else (self._presence,)
        return (self.leases, self.registry, *shared, self.desk, self.shadows, self.rules.desk, *people, *self.remembering)

    def runs(self) -> tuple[Run, ...]:
        """Return the tasks, which follow the journal or look after the time."""
        journal = self._journal
        ledger = LedgerFollower(self.desk, self.shadows, self._state, lambda: journal.id, lambda: journal.position, self._now)
        return (
            *self.rules.runs(),
            partial(run_follower, self._journal, ledger),
            self.leases.run,
            partial(run_restarted, "changes", TakingIn(self._state, self._remembering()).run),
            self.desk.run,
            self.registry.run,
            *([] if self._presence is None else [partial(run_restarted, "presence", self._presence.run)]),
            self.registry.connections.run,
            PresenceWatch(self.registry, lambda: self._journal.holding).run,
            partial(self.auth.audit.run, self._settings.audit_keep_days, self._settings.audit_max_entries),
        )


def notifying(settings: Settings) -> Notifying:
    """Return how alerts are told to targets."""
    mail = None
    if settings.smtp_url is not None and settings.mail_from is not None:
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
        mail = MailServer(settings.smtp_url, password, settings.mail_from, settings.public_url or "")
    return Notifying(webhook_allow=settings.webhook_allow, for_s=settings.notify_for_s, mail=mail)
