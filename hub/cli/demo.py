"""`tributary demo`: a hub, this machine's own sensors as its first device, and a link to the dashboard.

Owns the choice of a free port and what is printed; hub.main owns the hub, devices.host the sensors.
"""

import socket
import sys
from typing import TYPE_CHECKING

import typer

from hub.cli.enrol import Enrolled, enrol, machine_name
from hub.cli.options import ConfigOption, DataDirOption, HostOption, LogLevelOption, PortOption
from hub.cli.serve import run_hub

if TYPE_CHECKING:
    from hub.config import Settings


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    host: HostOption = None,
    port: PortOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    log_level: LogLevelOption = None,
) -> None:
    """Run a hub that shows this machine's own sensors, and print a link to its dashboard. Ctrl-C stops it.

    The data directory is the one of `tributary serve`: what the demo stored is there when you go on with that.
    """
    import trio

    from hub.config import load_settings

    # Every connect is an info line; in a demo the link should stay in sight.
    settings = load_settings(config, host=host, port=port, data_dir=data_dir, log_level=log_level)
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "warning"})
    asked_for = settings.port
    if "port" not in settings.model_fields_set and not _is_free(settings.host, settings.port):
        settings = settings.model_copy(update={"port": 0})

    async def show(settings: "Settings", url: str) -> None:
        if settings.port != asked_for:
            print(f"port {asked_for} is taken, so the hub took a free one", file=sys.stderr)
        await _show_this_machine(settings)

    trio.run(run_hub, settings, show)


async def _show_this_machine(settings: "Settings") -> None:
    """Print the link, then stream this machine's sensors until cancelled."""
    from devices.client import DeviceRefused
    from devices.host import run_host
    from hub.client import HubClient

    async with HubClient.local(settings.data_dir) as client:
        enrolled = await enrol(client, settings.data_dir, machine_name())
        print(f"data directory: {settings.data_dir}", file=sys.stderr)
        print("open this link; it works once, `tributary login` makes another:", file=sys.stderr, flush=True)
        print(await client.new_login(), flush=True)
        try:
            await run_host(client.url, enrolled.name, enrolled.token, spool_dir=enrolled.spool_dir, tls=client.tls)
        except DeviceRefused as error:
            if error.code != 401:
                raise
            # The kept token is from before the device was removed or got another one.
            renewed = Enrolled(enrolled.name, await client.new_token(enrolled.name), enrolled.spool_dir)
            await run_host(client.url, renewed.name, renewed.token, spool_dir=renewed.spool_dir, tls=client.tls)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
