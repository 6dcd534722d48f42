"""`tributary rule ...` and `tributary alert ...`: what is watched, what is wrong, who has seen it.

Owns what is printed and how the fields of a rule are given as options. The hub keeps and checks them.
"""

import json
from typing import Annotated, Any

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The rule's name: 1 to 64 of A-Z a-z 0-9 . _ : -")]
KindOption = Annotated[str, typer.Option("--kind", metavar="KIND", help="above, below, rising, falling, text, no_data or offline.")]
Devices = Annotated[list[str] | None, typer.Option("--device", metavar="NAME", help="A device; repeatable. Default: all.")]
Where = Annotated[str | None, typer.Option("--where", metavar="EXPRESSION", help="Devices by tags, instead of --device: floor=2 and pump")]
Channels = Annotated[list[str] | None, typer.Option("--channel", metavar="NAME", help="A channel; repeatable. Default: all.")]
Limit = Annotated[float | None, typer.Option("--limit", help="The limit, in the channel's unit; of rising and falling per second.")]
Hysteresis = Annotated[float | None, typer.Option("--hysteresis", help="How far back beyond the limit clears the alert. Default 0.")]
ForOption = Annotated[float | None, typer.Option("--for", metavar="SECONDS", help="For how long it must be so. Default 0.")]
TextOption = Annotated[str | None, typer.Option("--text", metavar="PATTERN", help="Of kind text: a pattern like *error*.")]
Severity = Annotated[str | None, typer.Option("--severity", help="info, warning or critical. Default warning.")]
Late = Annotated[float | None, typer.Option("--late", metavar="SECONDS", help="Older readings raise nothing. Default 60.")]
Note = Annotated[str | None, typer.Option("--note", help="What to do about it, for people.")]
Disabled = Annotated[bool, typer.Option("--disabled", help="Keep the rule without judging by it.")]
Version = Annotated[int | None, typer.Option("--version", help="Replace this version of the rule. Default: make a new rule.")]


def add_to(app: typer.Typer) -> None:
    """Add the groups."""
    rules = typer.Typer(name="rule", help="Make, list, edit and delete rules.", no_args_is_help=True)
    rules.command("set")(set_rule)
    rules.command("list")(list_rules)
    rules.command("delete")(delete)
    app.add_typer(rules)
    alerts = typer.Typer(name="alert", help="List and acknowledge alerts.", no_args_is_help=True)
    alerts.command("list")(list_alerts)
    alerts.command("acknowledge")(acknowledge)
    app.add_typer(alerts)


def set_rule(
    name: NameArgument,
    kind: KindOption,
    device: Devices = None,
    where: Where = None,
    channel: Channels = None,
    limit: Limit = None,
    hysteresis: Hysteresis = None,
    for_s: ForOption = None,
    text: TextOption = None,
    severity: Severity = None,
    late_s: Late = None,
    note: Note = None,
    disabled: Disabled = False,
    version: Version = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a rule, or with --version replace one; print its version. Alerts of the rule as it was are over then."""
    from hub.client import rules

    said = {"kind": kind, "devices": device, "where": where, "channels": channel, "limit": limit, "hysteresis": hysteresis, "for_s": for_s}
    said |= {"text": text, "severity": severity, "late_s": late_s, "note": note, "disabled": disabled or None}
    fields = {key: value for key, value in said.items() if value not in (None, [])}
    made = ask_hub(data_dir, lambda client: rules.put_rule(client, name, fields, version))
    typer.echo(f"rule {name} is at version {made['version']}", err=True)


def delete(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Delete a rule; its alerts are over."""
    from hub.client import rules

    ask_hub(data_dir, lambda client: rules.delete_rule(client, name))
    typer.echo(f"deleted {name}", err=True)


def list_rules(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the rules."""
    from hub.client import rules

    items = ask_hub(data_dir, rules.rules)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    elif not items:
        typer.echo("no rules yet; make one: tributary rule set too-hot --kind above --channel temperature --limit 30", err=True)
    else:
        rows = [(item["rule"], str(item["version"]), item["severity"], _meant(item), _looked_for(item)) for item in items]
        show_table(("rule", "version", "severity", "of", "raised when"), rows)


def _meant(item: dict[str, Any]) -> str:
    return f"{item.get('where') or ','.join(item['devices'])} {','.join(item['channels'])}"


def _looked_for(item: dict[str, Any]) -> str:
    limit = f" {item['limit']:g}" if "limit" in item else f" {item['text']}" if "text" in item else ""
    return (
        f"{item['kind']}{limit}" + (f" for {item['for_s']:g} s" if item["for_s"] else "") + (" (disabled)" if item.get("disabled") else "")
    )


def list_alerts(
    state: Annotated[str | None, typer.Option("--state", help="open, acknowledged or cleared. Default: all.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Of this rule only.")] = None,
    device: Annotated[str | None, typer.Option("--device", metavar="NAME", help="Of this device only.")] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List alerts, newest first."""
    from hub.client import HubClient, rules

    async def all_alerts(client: HubClient) -> list[dict[str, Any]]:
        return [alert async for alert in rules.alerts(client, state=state, rule=rule, device=device)]

    items = ask_hub(data_dir, all_alerts)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
        return
    rows = [(item["id"], time_text(item["raised_us"]), item["severity"], item["state"], item["rule"], item["message"]) for item in items]
    show_table(("alert", "raised", "severity", "state", "rule", "what"), rows)


def acknowledge(
    alert_id: Annotated[str, typer.Argument(metavar="ID", help="The alert's id, as in the list.")], data_dir: DataDirOption = None
) -> None:
    """Note that you have seen an open alert."""
    from hub.client import rules

    item = ask_hub(data_dir, lambda client: rules.acknowledge(client, alert_id))
    typer.echo(f"acknowledged: {item['message']}", err=True)
