"""`tributary audit`: who did what.

Owns what is printed; the hub keeps the log.
"""

import json
from typing import Annotated

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit")(audit)


def audit(
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many entries at most.")] = 50,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print who did what, newest first: logins, failed ones, changes of users, tokens and more."""
    from hub.client import accounts

    entries = ask_hub(data_dir, lambda client: accounts.audit(client, limit))
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
        return
    rows = [(time_text(each["at_us"]), each["who"], each["action"], each["what"], _shown(each["detail"])) for each in entries]
    show_table(("time", "who", "action", "what", "more"), rows)


def _shown(detail: dict[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in detail.items())
