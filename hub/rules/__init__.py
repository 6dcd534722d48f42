"""Rules at work: they follow the journal and the time, raise alerts and clear them, and keep both.

Owns the rules' documents and their follower. Used by main.py.
"""

from hub.rules.desk import RuleDesk
from hub.rules.follower import RulesFollower
from hub.rules.side import RulesSide

__all__ = ["RuleDesk", "RulesFollower", "RulesSide"]
