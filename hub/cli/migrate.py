"""`tributary migrate`: the history from one store into another, compared, so that one setting is all that changes.

Owns what is printed and the exit code; hub/backup does the work. The hub does not run meanwhile.
"""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.options import ConfigOption, DataDirOption, JsonOption
from hub.cli.progress import Shown, progress_bar
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.backup.migration import Moved
    from hub.config import Settings
    from hub.core.records import Series

INCOMPLETE: Final = 3  # done, but some readings could not be carried
_SHOWN: Final = 10  # series that are named for a reason
_EMBEDDED: Final = "duckdb"
ToOption = Annotated[
    str,
    typer.Option("--to", metavar="URL", help="Where to: duckdb, influxdb+http://HOST:8086/ORG/BUCKET, victoriametrics+http://HOST:8428."),
]
FromOption = Annotated[str | None, typer.Option("--from", metavar="URL", help="Where from. Default: the hub's own setting `store`.")]
TokenOption = Annotated[
    Path | None,
    typer.Option("--to-token-file", metavar="FILE", help="File with the token of --to. Default: store_token, where --from needs none."),
]
AgainOption = Annotated[
    bool, typer.Option("--again", help="Go on although the target has readings of these series: those of an earlier try of the same copy.")
]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate")(migrate)


def migrate(
    to_url: ToOption,
    from_url: FromOption = None,
    token_file: TokenOption = None,
    is_again: AgainOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    is_json: JsonOption = False,
) -> None:
    """Copy the history into another store, compare counts and checksums of every series, and let the hub go on from there.

    Stop the hub first; devices keep their readings meanwhile. The old store stays as it is. Exit code 3: done, but some readings could not
    be carried; each reason is listed.
    """
    import trio

    from hub.config import load_settings

    settings = load_settings(config, data_dir=data_dir)
    from_url = from_url or settings.store
    if from_url == to_url:
        raise Refusal("bad_usage", f"both stores are {to_url}", "name another with --to")
    began_s = time.monotonic()
    with progress_bar("readings") as shown:
        moved = trio.run(_move, settings, (from_url, to_url), token_file, is_again, shown)
    _print(moved, to_url, time.monotonic() - began_s, is_json=is_json)
    if moved.carried.different:
        raise typer.Exit(1)
    if _left_behind(moved):
        raise typer.Exit(INCOMPLETE)


async def _move(settings: "Settings", urls: tuple[str, str], token_file: Path | None, is_again: bool, shown: Shown) -> "Moved":
    import trio

    from hub.backup.migration import Plan, move
    from hub.datadir import DataDir
    from hub.part_settings import retention, store_token
    from hub.stores import make_store

    bounds = retention(settings)
    own = store_token(settings)
    with DataDir(settings.data_dir) as data:
        source = make_store(urls[0], own, bounds, data.history)
        target = make_store(urls[1], _token(token_file, own, urls), bounds, data.history)
        try:
            await source.start()
            await target.start()
            return await move(source, target, Plan(data.journal, bounds, is_again), lambda: time.time_ns() // 1_000, shown)
        finally:
            with trio.CancelScope(shield=True):
                await target.aclose()
                await source.aclose()


def _token(file: Path | None, own: str | None, urls: tuple[str, str]) -> str | None:
    """Return the token of the target: out of a file, as others see what a command is called with."""
    if file is not None:
        return file.read_text().strip()
    return own if urls[0] == _EMBEDDED else None


def _left_behind(moved: "Moved") -> bool:
    from hub.backup.copying import OLDER

    return bool(moved.only_buckets) or any(reason != OLDER for reason in moved.carried.left)


def _print(moved: "Moved", to_url: str, took_s: float, *, is_json: bool) -> None:
    said = _words(moved) | {"took_s": round(took_s, 3)}
    if is_json:
        print(json.dumps(said | {"series": [_compared(moved, each) for each in sorted(moved.carried.tally.counts)]}))
        return
    rate = said["readings"] / max(took_s, 1e-9)
    typer.echo(f"{said['readings']:,} readings of {len(moved.carried.tally.counts):,} series in {took_s:,.1f} s ({rate:,.0f}/s)", err=True)
    for item in said["left"]:
        typer.echo(f"not copied: {item['readings']:,} readings: {item['reason']} ({', '.join(item['of'])})", err=True)
    if moved.refused:
        typer.echo(f"a hub with this store refuses devices that declare such channels: {_named(moved.refused)}", err=True)
    if moved.only_buckets:
        count = sum(moved.only_buckets.values())
        typer.echo(
            f"not copied: {count:,} readings that the old store has in buckets of a minute or an hour only ({_named(moved.only_buckets)}); "
            "keep its files, or export the buckets: tributary export --width 1h",
            err=True,
        )
    if moved.carried.different:
        for each in moved.carried.different[:_SHOWN]:
            typer.echo(f"different: {json.dumps(_compared(moved, each))}", err=True)
        typer.echo("error: the stores do not hold the same; nothing was handed over: run it again with --again", err=True)
        return
    by_value = len(moved.carried.by_value)
    digits = f" ({by_value:,} were compared value by value, as the new store keeps fewer digits)" if by_value else ""
    typer.echo(f"every series has the same count and checksum{digits}; set the store, then start the hub:", err=True)
    print(f'store = "{to_url}"')


def _words(moved: "Moved") -> dict[str, Any]:
    left = [
        {"reason": reason, "readings": sum(counts.values()), "of": _some(counts)} for reason, counts in sorted(moved.carried.left.items())
    ]
    return {
        "readings": sum(moved.carried.tally.counts.values()),
        "is_alike": not moved.carried.different,
        "cursor": None if moved.cursor is None else list(moved.cursor),
        "left": left,
        "only_buckets": sum(moved.only_buckets.values()),
        "refused": [[each.device, each.channel] for each in moved.refused],
    }


def _compared(moved: "Moved", series: "Series") -> dict[str, Any]:
    wanted, found = moved.carried.tally, moved.carried.found
    return {
        **dict(zip(("device", "channel", "unit", "kind"), series, strict=True)),
        "readings": wanted.counts.get(series, 0),
        "readings_there": found.counts.get(series, 0),
        "checksum": f"{wanted.sums.get(series, 0):016x}",
        "checksum_there": f"{found.sums.get(series, 0):016x}",
        "is_alike": series not in moved.carried.different,
    }


def _some(series: "Iterable[Series]") -> list[str]:
    names = sorted(f"{each.device} {each.channel}" for each in series)
    return names[:_SHOWN] + ([f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else [])


def _named(series: "Iterable[Series]") -> str:
    return ", ".join(_some(series))
