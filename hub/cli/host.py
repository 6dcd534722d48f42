"""`tributary host`: this machine as a device that streams its own sensors.

Owns the options and where the token comes from; devices.host owns the sensors. Works without the hub extra when it is given a token.
"""

import os
import signal
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import typer

from devices.wire.fields import is_device_name
from hub.cli.enrol import Enrolled, enrol, machine_name
from hub.cli.options import DataDirOption, ask_hub
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from devices.client import Way
    from hub.client import HubClient

TOKEN_VARIABLE = "TRIBUTARY_DEVICE_TOKEN"
KEY_VARIABLE = "TRIBUTARY_PROVISION_KEY"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("host")(host)


def host(
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The hub's address. Default: the hub that runs on this machine.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The device's name. Default: the host name.")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", metavar="FILE", help=f"File with the device's token. Default: ${TOKEN_VARIABLE}; a local hub gives one."
        ),
    ] = None,
    provision_key_file: Annotated[
        Path | None,
        typer.Option(
            "--provision-key-file",
            metavar="FILE",
            help=f"File with a provisioning key: register with it once and keep the token. Default: ${KEY_VARIABLE}.",
        ),
    ] = None,
    spool_dir: Annotated[
        Path | None, typer.Option("--spool-dir", metavar="DIR", help="Where readings wait until the hub has stored them.")
    ] = None,
    interval_s: Annotated[float, typer.Option("--interval", metavar="SECONDS", help="How often the sensors are read.")] = 1.0,
    way: Annotated[
        Literal["auto", "websocket", "http"],
        typer.Option("--way", help="How to reach the hub; auto: by HTTP requests where no WebSocket gets through."),
    ] = "auto",
    data_dir: DataDirOption = None,
) -> None:
    """Stream this machine's sensors (processor, memory, disk, network, temperatures) to a hub until SIGTERM or Ctrl-C."""
    from devices.host import MAX_INTERVAL_S, MIN_INTERVAL_S

    if not MIN_INTERVAL_S <= interval_s <= MAX_INTERVAL_S:
        limits = f"allowed are {MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g} s"
        raise Refusal("bad_usage", f"--interval is {interval_s:g}; {limits}", "correct it")
    device_name = name or machine_name()
    if not is_device_name(device_name):
        raise Refusal("bad_usage", f"{device_name!r} is no device name", "1 to 64 of A-Z a-z 0-9 . _ : - and a letter or digit first")
    if url is not None and urlsplit(url).scheme not in ("http", "https", "ws", "wss"):
        raise Refusal("bad_usage", f"{url!r} is no address of a hub", "write it as https://hub.example.com")
    token = given_secret(token_file, "--token-file", TOKEN_VARIABLE)
    key: str | None = None
    tls: ssl.SSLContext | None = None
    if url is None:
        url, enrolled, tls = _enrol_locally(data_dir, device_name, token)
    else:
        enrolled = Enrolled(device_name, token or "", state_dir() / device_name)
        key = None if token else _provision_key(provision_key_file, url, device_name)
    _stream(url, enrolled._replace(spool_dir=spool_dir or enrolled.spool_dir), interval_s, tls, key, way)


def given_secret(path: Path | None, option: str, variable: str) -> str | None:
    """Return the secret in a file or the environment; never from an argument, which every user of the machine can see."""
    said, place = os.environ.get(variable), variable
    if path is not None:
        try:
            said, place = path.read_text().strip(), f"{option} {path}"
        except OSError as error:
            raise Refusal("bad_usage", f"cannot read {option} {path}: {error.strerror}", "name a file that can be read") from None
        except UnicodeDecodeError:
            raise Refusal("bad_usage", f"{option} {path} holds no text", "name the file that the token or key is in") from None
    if said and not (said.isascii() and said.isprintable() and len(said.split()) == 1):
        raise Refusal("bad_usage", f"{place} holds no token or key: that is one word of plain characters", "write nothing else into it")
    return said


def _provision_key(path: Path | None, url: str, name: str) -> str:
    """Return the key to register with; "" where it was done before."""
    key = given_secret(path, "--provision-key-file", KEY_VARIABLE)
    if not key and not kept_token_path(name, url).exists():
        hint = f"set {TOKEN_VARIABLE} or --token-file (`tributary device add {name}` prints one), or --provision-key-file to register"
        raise Refusal("bad_usage", f"no token for {url}", hint)
    return key or ""


def kept_token_path(name: str, url: str) -> Path:
    """Return where the token that a hub gave is kept: another hub must not be shown it."""
    return state_dir() / f"{name}@{urlsplit(url).netloc.rpartition('@')[2]}.token".replace(":", "_")


def _enrol_locally(data_dir: Path | None, name: str, token: str | None) -> tuple[str, Enrolled, ssl.SSLContext | None]:
    from hub.config import load_settings

    directory = load_settings(data_dir=data_dir).data_dir

    async def ask(client: "HubClient") -> tuple[str, Enrolled, ssl.SSLContext | None]:
        enrolled = Enrolled(name, token, state_dir() / name) if token else await enrol(client, directory, name)
        return client.url, enrolled, client.tls

    return ask_hub(data_dir, ask)


def state_dir() -> Path:
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "tributary"


def _stream(url: str, enrolled: Enrolled, interval_s: float, tls: ssl.SSLContext | None, key: str | None, way: "Way") -> None:
    import trio

    from devices.client import kept_token
    from devices.host import run_host

    async def until_told() -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with trio.open_nursery() as nursery:

                async def stop_on_signal() -> None:
                    async for _ in signals:
                        nursery.cancel_scope.cancel()

                nursery.start_soon(stop_on_signal)
                token = (
                    enrolled.token
                    if key is None
                    else await kept_token(url, enrolled.name, key, kept_token_path(enrolled.name, url), tls=tls)
                )
                await run_host(url, enrolled.name, token, spool_dir=enrolled.spool_dir, interval_s=interval_s, tls=tls, way=way)

    trio.run(until_told)
