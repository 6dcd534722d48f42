"""The table of roles and actions, and every message of the live socket under every role."""

import pytest

from hub.core.actions import ALLOWED, GUEST, LIVE_MESSAGES, ROLES, Action, check_live, check_role
from hub.core.errors import Refusal


def test_each_role_may_what_the_one_before_may() -> None:
    assert ROLES == ("viewer", "operator", "admin")
    viewer, operator, admin = (ALLOWED[role] for role in ROLES)
    assert ALLOWED[GUEST] < viewer < operator < admin == set(Action)
    assert viewer == {Action.SEE, Action.READ, Action.OWN}
    assert ALLOWED[GUEST] == {Action.SEE}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", [*ROLES, "", "nobody", "Admin"])
def test_a_role_passes_where_the_table_says_so_and_nowhere_else(role: str, action: Action) -> None:
    if action in ALLOWED.get(role, ()):
        check_role(role, action)
    else:
        with pytest.raises(Refusal, match=f"may not {action.value}") as refused:
            check_role(role, action)
        assert (refused.value.code, refused.value.status) == ("not_allowed", 403)


@pytest.mark.parametrize("op", LIVE_MESSAGES)
@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_every_live_message_passes_for_the_roles_of_its_action_only(role: str, op: str) -> None:
    if LIVE_MESSAGES[op] in ALLOWED.get(role, ()):
        check_live(role, op)
    else:
        with pytest.raises(Refusal, match="may not see readings"):
            check_live(role, op)


@pytest.mark.parametrize("op", ["command", "", None, 7, ["subscribe"], {"op": 1}, "x" * 1_000])
def test_a_live_message_that_is_not_in_the_table_is_refused_for_everybody(op: object) -> None:
    with pytest.raises(Refusal, match="is not known") as refused:
        check_live("admin", op)
    assert refused.value.hint == "send subscribe, unsubscribe or drawn"
    assert len(refused.value.message) < 100
