"""Rules at work: they follow the journal and the time, raise alerts and clear them, keep both, and tell who wants to know.

Owns the rules' documents, their follower and the outbox. Used by control.py.
"""

from hub.rules.desk import RuleDesk
from hub.rules.follower import RulesFollower
from hub.rules.mail import MailServer
from hub.rules.preview import Preview
from hub.rules.side import Notifying, RulesSide

__all__ = ["MailServer", "Notifying", "Preview", "RuleDesk", "RulesFollower", "RulesSide"]
