"""`tributary audit`: who did what.

Owns what is printed; the hub keeps the log.
"""

import json
import time
from typing import Annotated

import typer

from hub.cli.fleet import span_s
from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text, write_csv
from hub.core.errors import Refusal

_HEAD = ("time", "who", "action", "what", "more")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit")(audit)


def audit(
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many entries at most.")] = 50,
    who: Annotated[str, typer.Option("--who", metavar="NAME", help="Only what this user, token:NAME or key:NAME did.")] = "",
    action: Annotated[str, typer.Option("--action", metavar="ACTION", help='Only this action: "log in", "add device" ...')] = "",
    what: Annotated[
        str, typer.Option("--what", metavar="TEXT", help='Only what was done to things with this text: "device pump-1" ...')
    ] = "",
    since: Annotated[str | None, typer.Option("--since", metavar="SPAN", help="Only the last 1h, 7d ...")] = None,
    data_dir: DataDirOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, to keep it elsewhere.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print who did what, newest first: logins, failed ones, changes of users, tokens, devices and more."""
    from hub.client import accounts

    if as_csv and as_json:
        raise Refusal("bad_usage", "--csv and --json are both given", "say one of them")
    since_us = None if since is None else time.time_ns() // 1_000 - int(span_s(since) * 1e6)
    entries = ask_hub(data_dir, lambda client: accounts.audit(client, limit, who=who, action=action, what=what, since_us=since_us))
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
        return
    rows = [(time_text(each["at_us"]), each["who"], each["action"], each["what"], _shown(each["detail"])) for each in entries]
    (write_csv if as_csv else show_table)(_HEAD, rows)


def _shown(detail: dict[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in detail.items())
