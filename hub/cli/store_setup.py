"""What doctor sees of the database that `store` names, and how `doctor --fix` sets it up.

Owns the way from a database's remarks to findings; the looks themselves are beside each store. DuckDB is looked at as files
(store_checks.py).
"""

import time
from typing import Final

import trio

from hub.cli.findings import Finding, Verdict
from hub.config import Settings
from hub.core.errors import Refusal
from hub.ports import Retention
from hub.stores import Checkup, make_checkup

_LONGEST_S: Final = 60.0  # for all looks together


def check_database(settings: Settings) -> list[Finding]:
    """Return what is found out about the configured database; nothing where it is DuckDB. Changes nothing."""
    return _findings(settings, "store", is_fix=False)


def fix_database(settings: Settings) -> list[Finding]:
    """Set up the configured database and return what was done, or why not. Deletes no reading."""
    return _findings(settings, "fix", is_fix=True)


def _findings(settings: Settings, what: str, *, is_fix: bool) -> list[Finding]:
    token = settings.store_token.get_secret_value() if settings.store_token is not None else None
    try:
        checkup = make_checkup(settings.store, token, Retention(raw_days=settings.keep_raw_days), lambda: time.time_ns() // 1_000)
    except Refusal as refusal:
        return [Finding(Verdict.FAIL, what, refusal.message, refusal.hint)]
    if checkup is None:
        return []
    return trio.run(_asked, checkup, what, is_fix)


async def _asked(checkup: Checkup, what: str, is_fix: bool) -> list[Finding]:
    with trio.move_on_after(_LONGEST_S):
        remarks = await (checkup.fix() if is_fix else checkup.look())
        return [Finding(Verdict(each.verdict), what, each.found, each.cure) for each in remarks]
    return [Finding(Verdict.FAIL, what, f"it took more than {_LONGEST_S:g} s to answer", "look at the database's own log")]
