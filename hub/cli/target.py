"""`tributary target ...`: who is told of alerts, whether that works, and what became of each notice.

Owns what is printed and how the fields of a target are given as options. The hub keeps and checks them, and sends.
"""

import json
from typing import Annotated, Any

import typer

from hub.cli.fleet import span_s
from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text
from hub.core.errors import Refusal

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The target's name: 1 to 64 of A-Z a-z 0-9 . _ : -")]
Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="Of a webhook: where notices are posted.")]
To = Annotated[list[str] | None, typer.Option("--email", metavar="ADDRESS", help="Who gets e-mail, instead of a webhook; repeatable.")]
Rules = Annotated[list[str] | None, typer.Option("--rule", metavar="NAME", help="A rule whose alerts are told; repeatable. Default: all.")]
Severity = Annotated[str | None, typer.Option("--severity", help="The least that is told: info (default), warning or critical.")]
Note = Annotated[str | None, typer.Option("--note", help="Who that is, for people.")]
Version = Annotated[int | None, typer.Option("--version", help="Replace this version of the target. Default: make a new one.")]
Overlap = Annotated[
    str | None, typer.Option("--overlap", metavar="SPAN", help="Sign with the old secret as well for so much longer: 1h, 7d; at most 30d.")
]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="target", help="Who is told of alerts: webhooks, and people by e-mail.", no_args_is_help=True)
    group.command("set")(set_target)
    group.command("list")(list_targets)
    group.command("test")(send_test)
    for command in (delete, secret, deliveries):
        group.command()(command)
    app.add_typer(group)


def set_target(
    name: NameArgument,
    url: Url = None,
    to: To = None,
    rule: Rules = None,
    severity: Severity = None,
    note: Note = None,
    version: Version = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a target and print a webhook's secret, or with --version replace one; its secret stays."""
    from hub.client import targets

    said = {"kind": "email" if to else "webhook", "url": url, "to": to, "rules": rule, "severity": severity, "note": note}
    fields = {key: value for key, value in said.items() if value not in (None, [])}
    made = ask_hub(data_dir, lambda client: targets.put_target(client, name, fields, version))
    typer.echo(f"target {name} is at version {made['version']}", err=True)
    if "secret" in made:
        typer.echo("what follows is the secret that notices are signed with; it is shown this once", err=True)
        typer.echo(made["secret"])


def delete(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Delete a target; what waits for it is given up."""
    from hub.client import targets

    ask_hub(data_dir, lambda client: targets.delete_target(client, name))
    typer.echo(f"deleted {name}", err=True)


def secret(name: NameArgument, overlap: Overlap = None, data_dir: DataDirOption = None) -> None:
    """Replace a target's secret and print the new one."""
    from hub.client import targets

    overlap_s = 0.0 if overlap is None else span_s(overlap)
    typer.echo(ask_hub(data_dir, lambda client: targets.new_secret(client, name, overlap_s)))


def send_test(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Send a test notice now and say how that ended; exit code 1 where it did not arrive."""
    from hub.client import targets

    done = ask_hub(data_dir, lambda client: targets.test_target(client, name))
    if done["state"] != "delivered":
        raise Refusal(
            "not_delivered", f"the test notice did not reach {name}: {done['error']}", "correct the target, or what answers there"
        )
    typer.echo(f"delivered: {name} answered {done.get('status', 'yes')}", err=True)


def list_targets(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the targets."""
    from hub.client import targets

    items = ask_hub(data_dir, targets.targets)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    elif not items:
        typer.echo("no targets yet; make one: tributary target set on-call --url https://example.com/hook", err=True)
    else:
        rows = [
            (each["target"], str(each["version"]), each["severity"], ",".join(each["rules"]), each.get("url") or ",".join(each["to"]))
            for each in items
        ]
        show_table(("target", "version", "from severity", "of rules", "where"), rows)


def deliveries(
    state: Annotated[str | None, typer.Option("--state", help="waiting, delivered or given_up. Default: all.")] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="NAME", help="To this target only.")] = None,
    alert: Annotated[str | None, typer.Option("--alert", metavar="ID", help="Of this alert only.")] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was sent, what waits and what was given up, newest first."""
    from hub.client import HubClient, targets

    async def all_deliveries(client: HubClient) -> list[dict[str, Any]]:
        return [each async for each in targets.deliveries(client, state=state, target=target, alert=alert)]

    items = ask_hub(data_dir, all_deliveries)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
        return
    show_table(("made", "target", "event", "alert", "state", "tries", "last word"), [_row(each) for each in items])


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    last = each.get("error") or str(each.get("status", ""))
    return time_text(each["made_us"]), each["target"], each["event"], each.get("alert", ""), each["state"], str(each["attempts"]), last
