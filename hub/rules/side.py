"""The side of the rules: the desk and its follower, as main.py starts them.

Owns which tasks there are; decides nothing.
"""

from functools import partial

from hub.core.entities import Entities
from hub.followers import run_follower
from hub.journal import Journal
from hub.layers import Run
from hub.ports import Now, StateStore
from hub.rules.desk import RuleDesk
from hub.rules.follower import RulesFollower


class RulesSide:
    """The rules of one hub."""

    def __init__(self, state: StateStore, entities: Entities, journal: Journal, now: Now) -> None:
        self.desk = RuleDesk(state, entities, now)
        self._journal = journal

    def runs(self) -> tuple[Run, ...]:
        """Return the tasks: what follows the journal, and what looks after the time."""
        return partial(run_follower, self._journal, RulesFollower(self.desk, self._journal)), self.desk.run
