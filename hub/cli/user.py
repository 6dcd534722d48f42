"""`tributary user ...`: who may log in by a password, and as what.

Owns what is printed and where a password is read: from the terminal, twice, or the first line of stdin; never from an argument, which
every user of the machine can see. The hub keeps the users.
"""

import getpass
import json
import sys
from typing import Annotated, Any

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text
from hub.core.errors import Refusal

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name: 1 to 64 of a-z 0-9 . _ @ + -")]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help="viewer, operator or admin")]
RoleOption = Annotated[str, typer.Option("--role", metavar="ROLE", help="viewer, operator or admin.")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="user", help="Add, list, change and remove users, who log in by a password.", no_args_is_help=True)
    for command in (add, role, password, disable, enable, remove, logout, locked, unlock):
        group.command()(command)
    group.command("list")(list_users)
    app.add_typer(group)


def add(name: NameArgument, role: RoleOption = "viewer", data_dir: DataDirOption = None) -> None:
    """Add a user; the password is asked for, or is the first line of stdin."""
    from hub.client import accounts

    typed = _new_password(name)
    ask_hub(data_dir, lambda client: accounts.add_user(client, name, role, typed))
    typer.echo(f"added {name} as {role}", err=True)


def role(name: NameArgument, role: RoleArgument, data_dir: DataDirOption = None) -> None:
    """Give a user another role; their logins end at once."""
    from hub.client import accounts

    ask_hub(data_dir, lambda client: accounts.set_role(client, name, role))
    typer.echo(f"{name} is {role} now", err=True)


def password(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Set a user's password, asked for or the first line of stdin; their logins end at once."""
    from hub.client import accounts

    typed = _new_password(name)
    ask_hub(data_dir, lambda client: accounts.set_password(client, name, typed))
    typer.echo(f"{name} has a new password", err=True)


def remove(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Remove a user; their logins end at once."""
    from hub.client import accounts

    ask_hub(data_dir, lambda client: accounts.remove_user(client, name))
    typer.echo(f"removed {name}", err=True)


def disable(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Keep a user out: logins and API tokens of theirs are good for nothing until `enable`."""
    from hub.client import accounts

    ask_hub(data_dir, lambda client: accounts.set_disabled(client, name, is_disabled=True))
    typer.echo(f"{name} is disabled; let them in again: tributary user enable {name}", err=True)


def enable(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Let a disabled user log in again; API tokens that they made are good again."""
    from hub.client import accounts

    ask_hub(data_dir, lambda client: accounts.set_disabled(client, name, is_disabled=False))
    typer.echo(f"{name} can log in again", err=True)


def logout(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """End every login of a user at once, and change nothing else."""
    from hub.client import accounts

    ask_hub(data_dir, lambda client: accounts.end_logins(client, name))
    typer.echo(f"{name} is logged out everywhere", err=True)


def locked(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the users and addresses that must wait after wrong passwords or tokens, and for how long."""
    from hub.client import accounts

    items = ask_hub(data_dir, accounts.locked)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    elif not items:
        typer.echo("nobody is locked out", err=True)
    else:
        show_table(
            ("", "who", "tries", "waits"), [(each["what"], each["key"], str(each["tries"]), f"{each['left_s']:g} s") for each in items]
        )


def unlock(
    key: Annotated[str, typer.Argument(metavar="WHO", help="A user's name or an address, as `locked` lists it.")],
    data_dir: DataDirOption = None,
) -> None:
    """Let a user or an address try again at once."""
    from hub.client import accounts

    ask_hub(data_dir, lambda client: accounts.unlock(client, key))
    typer.echo(f"{key} may try again", err=True)


def list_users(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the users and their roles."""
    from hub.client import accounts

    items = ask_hub(data_dir, accounts.users)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    elif not items:
        typer.echo("no users yet; add one: tributary user add NAME --role viewer", err=True)
    else:
        show_table(("user", "role", "changed", ""), [_row(item) for item in items])


def _row(item: dict[str, Any]) -> tuple[str, ...]:
    return item["name"], item["role"], time_text(item["changed_us"]), "disabled" if item.get("disabled") else ""


def _new_password(name: str) -> str:
    """Read a password. Raises Refusal."""
    if not sys.stdin.isatty():
        typed = sys.stdin.readline().rstrip("\r\n")
        if not typed:
            raise Refusal("bad_usage", "there is no password on stdin", "write it as one line, or run this in a terminal")
        return typed
    typed = getpass.getpass(f"New password of {name}: ")
    if getpass.getpass("Once more: ") != typed:
        raise Refusal("bad_usage", "the two passwords differ", "run it again")
    return typed
