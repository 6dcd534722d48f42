"""Who may do what: every action there is and the roles that may do it, in one table.

Owns the table, for routes of the API and messages of the live socket alike. Must not know how anybody proves who they are. Asked by
web/access.py before each route, by the door before a live socket is opened, and by sessions/viewer.py for each message.
"""

from enum import Enum
from typing import Final

from devices.wire.fields import shown
from hub.core.errors import Refusal


class Action(Enum):
    """What somebody does; a text that goes on after "may not"."""

    SEE = "see readings"  # of what is in reach, by the page of a shared dashboard too
    READ = "read"  # devices, readings, commands
    OWN = "change their own password and sessions"
    COMMAND = "send commands"
    ALERTS = "acknowledge and silence alerts"
    DASHBOARDS = "change dashboards"
    CONNECTIONS = "see connections and addresses"
    MANAGE = "manage devices and the hub"
    USERS = "manage users, tokens and login links"
    AUDIT = "read the audit log"


GUEST: Final = "guest"  # who came by the link of a shared dashboard; nobody is given this role
ALLOWED: Final = {
    GUEST: frozenset({Action.SEE}),
    "viewer": frozenset({Action.SEE, Action.READ, Action.OWN}),
    "operator": frozenset({Action.SEE, Action.READ, Action.OWN, Action.COMMAND, Action.ALERTS, Action.DASHBOARDS, Action.CONNECTIONS}),
    "admin": frozenset(Action),
}
ROLES: Final = tuple(role for role in ALLOWED if role != GUEST)  # that users and tokens have
LIVE_MESSAGES: Final = {"subscribe": Action.SEE, "unsubscribe": Action.SEE, "drawn": Action.SEE}
_MAY_SAY: Final = {role: frozenset(op for op, action in LIVE_MESSAGES.items() if action in may) for role, may in ALLOWED.items()}


def check_role(role: str, action: Action) -> None:
    """Let a role that may do an action pass; one that is not in the table may do nothing. Raises Refusal 403."""
    if action not in ALLOWED.get(role, frozenset()):
        raise Refusal("not_allowed", f"the role {role} may not {action.value}", "ask an administrator", 403)


def check_live(role: str, op: object) -> None:
    """Let a message of the live socket pass whose action the role may do. Raises Refusal, also for a message that is not known."""
    if isinstance(op, str) and op in _MAY_SAY.get(role, ()):
        return
    action = LIVE_MESSAGES.get(op) if isinstance(op, str) else None
    if action is None:
        *most, last = LIVE_MESSAGES
        raise Refusal("unknown_op", f"op {shown(op)} is not known", f"send {', '.join(most)} or {last}")
    check_role(role, action)
