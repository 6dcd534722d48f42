"""`tributary node ...`: the nodes of a hub that is several.

Owns what is printed; the hub that is asked knows the others by the Redis they share.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.store import span_text
from hub.cli.tables import show_table, time_text

_HEAD: Final = ("node", "health", "devices", "viewers", "frames/s", "behind", "store", "since", "version", "url")
_READERS: Final = {"history": "history", "rules": "rules", "ledger": "commands", "live": "live views"}
_STORES: Final = {"behind": ", which is behind", "down": ", which does not answer"}
_SOON_S: Final = 2.0  # who gathers is behind by so much without being late


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="node", help="The nodes of a hub that is several.", no_args_is_help=True)
    group.command("list")(list_nodes)
    app.add_typer(group)


def list_nodes(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the nodes that share their state with this one: what each has and has to do, how far behind it is, whether it is well."""
    from hub.client import nodes

    answer = ask_hub(data_dir, nodes.nodes)
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    show_table(_HEAD, [_row(node, answer, time.time()) for node in answer["nodes"]])
    if answer["alone"]:
        typer.echo('this hub stands alone; with state = "redis" several share devices, commands and rules', err=True)
    if answer["stale"]:
        typer.echo(f"Redis does not answer: {answer['stale']}; other nodes are shown as they were", err=True)


def _row(node: Mapping[str, Any], answer: Mapping[str, Any], now_s: float) -> tuple[str, ...]:
    figures = node["figures"]
    is_this = node["name"] == answer["node"]
    counts = (f"{figures.get(key, 0):,}" for key in ("devices", "viewers"))
    store = node["store"] + _STORES.get(figures.get("store_state", "ok"), "")
    name = f"{node['name']} (this one)" if is_this and not answer["alone"] else node["name"]
    load = (f"{figures.get('frames_per_s', 0):,.1f}", _behind(figures))
    since = (time_text(node["started_us"])[:19] + "Z", node["version"], node["url"])
    return (name, _health(node, is_known=is_this or not answer["stale"], now_s=now_s), *counts, *load, store, *since)


def _health(node: Mapping[str, Any], *, is_known: bool, now_s: float) -> str:
    """Return what weighs most of how a node fares."""
    if not node["alive"]:
        return f"gone for {_span(node['seen_us'], now_s)}"
    if not is_known:
        return f"not heard of for {_span(node['seen_us'], now_s)}"
    if node["unanswered_us"] is not None:
        return f"stale: no answer for {_span(node['unanswered_us'], now_s)}"
    credit = node["figures"].get("credit", "open")
    return "well" if credit == "open" else f"holds its devices: {credit}"


def _span(since_us: int, now_s: float) -> str:
    return span_text(max(0.0, now_s - since_us / 1e6))


def _behind(figures: Mapping[str, Any]) -> str:
    """Return who reads the node's journal and is farthest behind."""
    lags = figures.get("lag_frames", {})
    worst = max(_READERS, key=lambda name: lags.get(name, 0))
    is_soon = lags.get(worst, 0) <= _SOON_S * max(figures.get("frames_per_s", 0), 1)
    return "nothing" if is_soon else f"{_READERS[worst]}, {lags[worst]:,} frames"
