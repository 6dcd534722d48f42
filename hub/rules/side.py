"""The side of the rules: the desks, their follower and the outbox, as control.py starts them.

Owns which tasks there are, and what they know of each other; decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from hub.core.entities import Entities
from hub.core.selector import MembersOf
from hub.followers import run_follower
from hub.journal import Journal
from hub.layers import Run
from hub.ports import Now, StateStore
from hub.rules.addresses import allowed_in
from hub.rules.desk import RuleDesk
from hub.rules.duties import Duties, Places
from hub.rules.follower import RulesFollower
from hub.rules.mail import Mail, MailServer
from hub.rules.outbox import Outbox
from hub.rules.senders import Senders
from hub.rules.silences import SilenceDesk
from hub.rules.targets import TargetDesk
from hub.rules.webhook import Webhooks


@dataclass(frozen=True, slots=True)
class Notifying:
    """How alerts are told to targets."""

    webhook_allow: Sequence[str] = ()
    for_s: float = 86_400.0  # how long a notice is tried
    mail: MailServer | None = None


class RulesSide:
    """The rules of one hub."""

    def __init__(
        self,
        state: StateStore,
        entities: Entities,
        journal: Journal,
        now: Now,
        notifying: Notifying | None = None,
        members_of: MembersOf | None = None,
    ) -> None:
        notifying, self._duties = notifying or Notifying(), Duties()
        self.desk = RuleDesk(state, entities, now, notifying.for_s, members_of, self._duties)
        self.silences = SilenceDesk(self.desk.book, self.desk, now)
        mail = None if notifying.mail is None else Mail(notifying.mail)
        sender = Senders(Webhooks(allowed_in(notifying.webhook_allow), now), mail)
        self.outbox = Outbox(self.desk.book, self.desk, sender, now, self._duties)
        self.desk.on_notices = self.outbox.wake
        self.targets = TargetDesk(self.desk.book, self.desk, self.outbox, sender, now)
        self._journal = journal

    def join(self, places: Places) -> None:
        """Judge as a node beside others; called before anything runs."""
        self._duties.join(places)

    def runs(self) -> tuple[Run, ...]:
        """Return the tasks: what follows the journal, what looks after the time, what sends."""
        return partial(run_follower, self._journal, RulesFollower(self.desk, self._journal)), self.desk.run, self.outbox.run
