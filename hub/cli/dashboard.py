"""`tributary dashboard ...`: dashboards as files, listed, shown, shared, deleted and brought back.

Owns what is printed and how a file is read. The hub keeps and checks them; people put them together on its page.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text
from hub.core.errors import Refusal

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The dashboard's name, as in its address.")]
FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="The file that `export` wrote; - is standard input.")]
VersionOption = Annotated[int | None, typer.Option("--version", help="A version that is kept. Default: the present one.")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="dashboard", help="List dashboards, and move them as files.", no_args_is_help=True)
    group.command("list")(list_dashboards)
    group.command()(show)
    group.command()(export)
    group.command("import")(import_file)
    group.command()(delete)
    group.command()(restore)
    for command in (share, shares, unshare):
        group.command()(command)
    app.add_typer(group)


def list_dashboards(
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that were deleted in the last 30 days.")] = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the dashboards."""
    from hub.client import dashboards

    items = ask_hub(data_dir, lambda client: dashboards.dashboards(client, is_deleted=deleted))
    if as_json:
        typer.echo(json.dumps(items, indent=2))
        return
    rows = [(each["name"], each["title"], str(each["tiles"]), str(each["version"]), time_text(each["at_us"]), each["by"]) for each in items]
    show_table(("name", "title", "tiles", "version", "saved", "by"), rows)


def show(name: NameArgument, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Show what a dashboard holds, and the versions of it that are kept."""
    from hub.client import HubClient, dashboards

    async def both(client: HubClient) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return await dashboards.dashboard(client, name), await dashboards.versions(client, name)

    said, versions = ask_hub(data_dir, both)
    if as_json:
        typer.echo(json.dumps({**said, "versions": versions}, indent=2))
        return
    document = said["dashboard"]
    typer.echo(f"{document['title']}: {len(document['tiles'])} tiles, over {document['range']}")
    for each in document["variables"]:
        typer.echo(f"${each['name']} ({each['kind']}): {each['value'] or '(chosen by who looks at it)'}")
    show_table(("tile", "type", "title", "place"), [_row(each) for each in document["tiles"]])
    typer.echo()
    show_table(("version", "saved", "by"), [(str(each["version"]), time_text(each["at_us"]), each["by"]) for each in versions])


def _row(tile: dict[str, Any]) -> tuple[str, ...]:
    return tile["id"], tile["type"], tile["title"], f"{tile['w']}x{tile['h']} at {tile['x']},{tile['y']}"


def export(name: NameArgument, version: VersionOption = None, data_dir: DataDirOption = None) -> None:
    """Print a dashboard as JSON, for `import` here or at another hub."""
    from hub.client import HubClient, dashboards

    async def found(client: HubClient) -> dict[str, Any]:
        return await (dashboards.dashboard(client, name) if version is None else dashboards.version(client, name, version))

    typer.echo(json.dumps(ask_hub(data_dir, found)["dashboard"], indent=2, ensure_ascii=False))


def import_file(
    name: NameArgument,
    file: FileArgument,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of the one that has this name.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Save a dashboard out of a file; print its version."""
    from hub.client import HubClient, dashboards

    document = _document(file)

    async def save(client: HubClient) -> dict[str, Any]:
        there = [each["version"] for each in await dashboards.dashboards(client) if each["name"] == name] if replace else []
        return await dashboards.save(client, name, document, there[0] if there else 0)

    typer.echo(f"dashboard {name} is at version {ask_hub(data_dir, save)['version']}", err=True)


def delete(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Delete a dashboard; for 30 days it can be restored."""
    from hub.client import dashboards

    ask_hub(data_dir, lambda client: dashboards.delete(client, name))
    typer.echo(f"deleted {name}; bring it back: tributary dashboard restore {name}", err=True)


def restore(name: NameArgument, version: VersionOption = None, data_dir: DataDirOption = None) -> None:
    """Save a version that is kept anew, also of a dashboard that was deleted: its last one, or --version."""
    from hub.client import HubClient, dashboards

    async def back(client: HubClient) -> dict[str, Any]:
        newest = (await dashboards.versions(client, name))[0]["version"]
        return await dashboards.restore(client, name, newest if version is None else version)

    typer.echo(f"dashboard {name} is at version {ask_hub(data_dir, back)['version']}", err=True)


def share(
    name: NameArgument,
    who: Annotated[str, typer.Option("--for", metavar="WHO", help="Whom the link is for, so that you know which one to withdraw.")],
    days: Annotated[float | None, typer.Option("--days", help="How long it is good, to 365. Default: until it is withdrawn.")] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print a link by which somebody sees a dashboard live, without an account; it is shown this once."""
    from hub.client import dashboards

    made = ask_hub(data_dir, lambda client: dashboards.share(client, name, who, days))
    typer.echo(made["url"])
    typer.echo(f"withdraw it: tributary dashboard unshare {name} {made['id']}", err=True)


def shares(name: NameArgument, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the links to a dashboard."""
    from hub.client import dashboards

    items = ask_hub(data_dir, lambda client: dashboards.shares(client, name))
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    elif not items:
        typer.echo(f"dashboard {name} has no links; make one: tributary dashboard share {name} --for WHO", err=True)
    else:
        show_table(("id", "for", "by", "made", "last used", "until"), [_share_row(each) for each in items])


def _share_row(item: dict[str, Any]) -> tuple[str, ...]:
    used = time_text(item["used_us"]) if "used_us" in item else "never"
    until = time_text(item["expires_us"]) if "expires_us" in item else "withdrawn"
    return (
        item["id"],
        item["name"],
        item["by"],
        time_text(item["created_us"]),
        used,
        until if item["is_good"] else f"{until} (not good now)",
    )


def unshare(
    name: NameArgument,
    share_id: Annotated[str, typer.Argument(metavar="ID", help="The link's id, as `shares` lists it.")],
    data_dir: DataDirOption = None,
) -> None:
    """Withdraw a link to a dashboard; what is open by it ends at once."""
    from hub.client import dashboards

    ask_hub(data_dir, lambda client: dashboards.unshare(client, name, share_id))
    typer.echo(f"link {share_id} is withdrawn", err=True)


def _document(file: str) -> dict[str, Any]:
    """Return what a file holds. Raises Refusal that says where it is no JSON."""
    name, hint = "standard input" if file == "-" else file, "give a file that `tributary dashboard export` wrote"
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        document = json.loads(text)
    except OSError as error:
        raise Refusal("bad_usage", f"{name} cannot be read: {error.strerror}", hint) from None
    except ValueError as error:  # JSON, or UTF-8
        raise Refusal("bad_usage", f"{name} is not JSON: {error}", hint) from None
    if not isinstance(document, dict):
        raise Refusal("bad_usage", f"{name} holds no JSON object", hint)
    return document
