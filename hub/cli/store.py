"""`tributary store`: what holds the history, what it holds, how full it is and how it fares.

Owns what is printed; the hub answers, also while its store is away.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text

_STATES: Final = {"ok": "ok", "behind": "behind the devices, catching up", "down": "down; devices go on, what comes is kept in the journal"}
_UNITS: Final = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("store")(store)


def store(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Show the history store: where it is, its tiers and bounds, how it fares, what the operator should know."""
    answer = ask_hub(data_dir, lambda client: client.store())
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    for name, value in facts_of(answer):
        typer.echo(f"{name + ':':<13}{value}")
    if answer["tiers"]:
        typer.echo()
        show_table(("tier", "files", "bytes", "oldest", "newest", "kept for"), [_tier(tier) for tier in answer["tiers"]])
    for note in answer["notes"]:
        typer.echo(f"note: {note}")


def facts_of(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the lines above the table."""
    lines = [("store", f"{answer['name']} ({answer['url']})"), ("state", _state(answer))]
    if answer.get("lag_frames"):
        lines.append(("lag", f"{answer['lag_frames']:,} frames are not stored yet"))
    if answer.get("left_s") is not None:
        lines.append(("time left", f"about {span_text(answer['left_s'])} until devices must hold their readings back"))
    if answer["ack_after"] == "store":
        lines.append(("acks", "a device is acked once this store has its readings"))
    if "readings" in answer:
        of = f" of {answer['series']:,} series" if "series" in answer else ""
        lines.append(("readings", f"{answer['readings']:,}{_hot(answer)}{of}"))
    if "bytes" in answer:
        lines.append(("bytes", f"{answer['bytes']:,}{_bound(answer)}"))
    if "raw_days" in answer["retention"] and not answer["tiers"]:
        lines.append(("kept for", _days(answer["retention"]["raw_days"])))
    if answer.get("parked_readings"):
        lines.append(("parked", f"{answer['parked_readings']:,} readings could not be stored: parked.jsonl in the data directory"))
    if answer.get("damaged_files"):
        lines.append(("damaged", f"{answer['damaged_files']:,} files are set aside; the notes say what is missing"))
    return lines


def _state(answer: Mapping[str, Any]) -> str:
    state = answer.get("state")
    if state is None:
        return "not known yet"
    since = f", since {time_text(answer['since_us'])}" if answer.get("since_us") and state != "ok" else ""
    reason = f": {answer['reason']}" if answer.get("reason") else ""
    return f"{_STATES.get(state, state)}{since}{reason}"


def _hot(answer: Mapping[str, Any]) -> str:
    return f" ({answer['hot_readings']:,} not in files yet)" if answer.get("hot_readings") else ""


def _bound(answer: Mapping[str, Any]) -> str:
    if not answer.get("limit_bytes"):
        return ""
    of = "history_max_bytes" if answer["quota_bytes"] else "what the disk has but for min_free_bytes"
    return f" of {answer['limit_bytes']:,} ({of}), {100 * answer['bytes'] / answer['limit_bytes']:.1f} %"


def _tier(tier: Mapping[str, Any]) -> tuple[str, ...]:
    times = ("" if tier[key] is None else time_text(tier[key]) for key in ("oldest_us", "newest_us"))
    return (tier["tier"], f"{tier['files']:,}", f"{tier['bytes']:,}", *times, _days(tier["keep_days"]))


def _days(days: float) -> str:
    return f"{days:g} days" if days else "ever"


def span_text(seconds: float) -> str:
    """Return a time as a person says it, in its largest unit."""
    size, name = next(((size, name) for size, name in _UNITS if seconds >= 2 * size), _UNITS[-1])
    return f"{seconds / size:.0f} {name}"
