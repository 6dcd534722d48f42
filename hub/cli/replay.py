"""`tributary replay`: a file of recorded readings, sent again by devices that stand in for the recorded ones.

Owns the options, where the devices' tokens come from, and what is printed; simulators.replay reads and plays.
"""

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from devices.wire.fields import is_device_name
from hub.cli.file_options import (
    ChannelColumnOption,
    ChannelOption,
    DecimalOption,
    DelimiterOption,
    DeviceColumnOption,
    DeviceOption,
    FileArgument,
    FormatOption,
    KindOption,
    SkipOption,
    TimeColumnOption,
    TimeFormatOption,
    TimeZoneOption,
    UnitOption,
    ValueColumnOption,
)
from hub.cli.host import KEY_VARIABLE, given_secret, kept_token_path
from hub.cli.options import DataDirOption, JsonOption
from hub.cli.progress import progress_bar
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from simulators.replay import Played, Playing, Recording

PREFIX: Final = "replay-"
_SPEEDS: Final = (0.001, 100_000.0)
_LISTED: Final = 10  # devices
_LOOK_S: Final = 0.2
Connect = Mapping[str, "Callable[..., Any]"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    file: FileArgument,
    speed: Annotated[
        float, typer.Option("--speed", metavar="FACTOR", help="10 takes a tenth of the recorded time, 0.5 twice of it.")
    ] = 1.0,
    is_looped: Annotated[bool, typer.Option("--loop", help="Begin again at its end, with the times going on, until Ctrl-C.")] = False,
    keeps_times: Annotated[
        bool, typer.Option("--keep-times", help="Keep the recorded times. Default: the time at which each is sent.")
    ] = False,
    prefix: Annotated[str, typer.Option("--prefix", metavar="TEXT", help='Put before the names of the devices; "" keeps them.')] = PREFIX,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The hub's address. Default: the hub that runs on this machine.")
    ] = None,
    provision_key_file: Annotated[
        Path | None,
        typer.Option("--provision-key-file", metavar="FILE", help=f"With --url: file with a provisioning key. Default: ${KEY_VARIABLE}."),
    ] = None,
    device: DeviceOption = None,
    device_column: DeviceColumnOption = None,
    channel: ChannelOption = None,
    channel_column: ChannelColumnOption = None,
    value_column: ValueColumnOption = None,
    unit: UnitOption = None,
    kind: KindOption = None,
    time_column: TimeColumnOption = None,
    time_format: TimeFormatOption = "rfc3339",
    zone_name: TimeZoneOption = None,
    delimiter: DelimiterOption = "comma",
    decimal: DecimalOption = "point",
    skip: SkipOption = None,
    form: FormatOption = None,
    is_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Send recorded readings again as devices of a hub, with their own timing or faster. Ctrl-C ends it."""
    from simulators.replay import ImportOptions, Playing, Recording

    low, high = _SPEEDS
    if not low <= speed <= high:
        raise Refusal("bad_usage", f"--speed is {speed:g}; allowed are {low:g} to {high:g}", "correct it")
    if is_looped and keeps_times:
        raise Refusal(
            "bad_usage", "--loop and --keep-times contradict each other: a second loop would say the same again", "give one of them"
        )
    options = ImportOptions(
        form, device, device_column, channel, channel_column, value_column, unit, kind,
        time_column, time_format, zone_name, delimiter, decimal, tuple(skip or ()),
    )  # fmt: skip
    with progress_bar("readings") as shown:
        recording = Recording.read(file, options, lambda readings: shown("reading", readings, 0))
    try:
        names = _names(recording, prefix)
        playing = Playing(speed, None if is_looped else 1, keeps_times)
        key = given_secret(provision_key_file, "--provision-key-file", KEY_VARIABLE) or ""
        played, was_stopped = _play(recording, playing, names, url, key, data_dir)
    finally:
        recording.close()
    print(json.dumps(figures(recording, played))) if is_json else typer.echo("\n".join(result(recording, played)))
    if not was_stopped and (recording.unsent.readings or played.unsent.readings or played.unacked):
        raise typer.Exit(1)


def _names(recording: "Recording", prefix: str) -> dict[str, str]:
    """Return the name that each recorded device plays under."""
    names = {name: prefix + name for name in recording.devices}
    for name in names.values():
        if not is_device_name(name):
            rule = "1 to 64 of A-Z a-z 0-9 . _ : - and a letter or digit first"
            raise Refusal("bad_usage", f"{name!r} is no device name", f"{rule}: say another --prefix")
    return names


def _play(
    recording: "Recording", playing: "Playing", names: Mapping[str, str], url: str | None, key: str, data_dir: Path | None
) -> tuple["Played", bool]:
    import trio

    from simulators.replay import Played, play

    played, stop = Played(), trio.Event()

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop_on_signal, stop, nursery.cancel_scope)
            connect = await _here(data_dir, names) if url is None else await _there(url, names, key)
            typer.echo(about(recording, playing, names), err=True)
            nursery.start_soon(_show, recording, playing, played)
            await play(recording, connect, playing, played=played, stop=stop)
            nursery.cancel_scope.cancel()

    trio.run(run)
    return played, stop.is_set()


async def _stop_on_signal(stop: Any, scope: Any) -> None:
    """At a first signal stop sending, at a second one end at once."""
    import trio

    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            if stop.is_set():
                return scope.cancel()  # type: ignore[no-any-return]
            stop.set()


async def _show(recording: "Recording", playing: "Playing", played: "Played") -> None:
    import trio

    with progress_bar("readings") as shown:
        while True:
            shown("replaying", played.sent, 0 if playing.loops is None else recording.readings)
            await trio.sleep(_LOOK_S)


async def _here(data_dir: Path | None, names: Mapping[str, str]) -> Connect:
    """Return how the devices connect to the hub on this machine, which gets those that it does not know."""
    from functools import partial

    from devices import Device
    from hub.cli.enrol import enrol
    from hub.client import HubClient
    from hub.config import load_settings

    directory = load_settings(data_dir=data_dir).data_dir
    async with HubClient.local(directory) as client:
        enrolled = {name: await enrol(client, directory, played_as, may_replace=False) for name, played_as in names.items()}
        return {name: partial(Device, client.url, each.name, each.token, tls=client.tls) for name, each in enrolled.items()}


async def _there(url: str, names: Mapping[str, str], key: str) -> Connect:
    """Return how the devices connect to another hub, where they register with a key, once."""
    from functools import partial

    from devices import Device
    from devices.client import kept_token

    if urlsplit(url).scheme not in ("http", "https", "ws", "wss"):
        raise Refusal("bad_usage", f"{url!r} is no address of a hub", "write it as https://hub.example.com")
    new = [name for name in names.values() if not kept_token_path(name, url).exists()]
    if new and not key:
        hint = f"set {KEY_VARIABLE} or say --provision-key-file (`tributary provisioning add` makes a key)"
        raise Refusal("bad_usage", f"no token for {new[0]}" + (f" and {len(new) - 1:,} more" if new[1:] else "") + f" at {url}", hint)
    tokens = {name: await kept_token(url, each, key, kept_token_path(each, url)) for name, each in names.items()}
    return {name: partial(Device, url, names[name], token) for name, token in tokens.items()}


def about(recording: "Recording", playing: "Playing", names: Mapping[str, str]) -> str:
    """Return what is about to be played, in a line."""
    span_s = recording.span_us / 1e6
    listed = [name if name == played_as else f"{name} as {played_as}" for name, played_as in names.items()]
    more = f" and {len(listed) - _LISTED:,} more" if len(listed) > _LISTED else ""
    takes = f"{_span(span_s)} of them in {_span(span_s / playing.speed)}" + (", over and over" if playing.loops is None else "")
    return f"replaying {recording.readings:,} readings, {takes}: {', '.join(listed[:_LISTED])}{more}"


def result(recording: "Recording", played: "Played") -> list[str]:
    """Return what became of it, in lines for a person."""
    behind = f"; {_span(played.behind_s)} behind at the worst" if played.behind_s >= 0.1 else ""
    lines = [f"sent {played.sent:,} readings" + (f" in {played.loops:,} loops" if played.loops > 1 else "") + behind]
    lines += [f"{frames:,} frames of {name} were not acked in time" for name, frames in played.unacked.items()]
    return lines + recording.unsent.lines() + played.unsent.lines()


def figures(recording: "Recording", played: "Played") -> dict[str, Any]:
    """Return the same for programs."""
    reasons = {**recording.unsent.reasons, **played.unsent.reasons}
    return {
        "sent": played.sent,
        "loops": played.loops,
        "behind_s": round(played.behind_s, 3),
        "unacked_frames": played.unacked,
        "not_sent": [{"reason": name, "readings": reason.readings, "first": reason.first} for name, reason in reasons.items()],
    }


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"
