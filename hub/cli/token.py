"""`tributary token ...`: tokens for programs, each with a role and an end.

Owns what is printed: a token stands alone on stdout, so that it can be piped. The hub keeps the tokens, by their hashes.
"""

import json
from typing import Annotated

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the token is for: 1 to 64 of A-Z a-z 0-9 . _ : -")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="token", help="Make, list and revoke tokens for programs.", no_args_is_help=True)
    for command in (add, revoke):
        group.command()(command)
    group.command("list")(list_tokens)
    app.add_typer(group)


def add(
    name: NameArgument,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="viewer, operator or admin.")] = "viewer",
    days: Annotated[float, typer.Option("--days", metavar="DAYS", help="How long it is good for; at most 3650.")] = 90.0,
    where: Annotated[
        str, typer.Option("--where", metavar="EXPRESSION", help='Only for these devices: "floor=2 and pump", "name=pump-*".')
    ] = "",
    data_dir: DataDirOption = None,
) -> None:
    """Make a token and print it, which is shown this once."""
    from hub.client import accounts

    typer.echo(ask_hub(data_dir, lambda client: accounts.make_token(client, name, role, days, where))["token"])


def revoke(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Revoke a token; what it has open is closed at once."""
    from hub.client import accounts

    ask_hub(data_dir, lambda client: accounts.revoke_token(client, name))
    typer.echo(f"revoked {name}", err=True)


def list_tokens(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the tokens: role, who made each, when it is over."""
    from hub.client import accounts

    items = ask_hub(data_dir, accounts.tokens)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    elif not items:
        typer.echo("no tokens yet; make one: tributary token add NAME --role viewer", err=True)
    else:
        rows = [(item["name"], item["role"], item["by"], time_text(item["expires_us"]), item.get("where", "")) for item in items]
        show_table(("token", "role", "made by", "good until", "for devices"), rows)
