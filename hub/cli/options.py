"""The options that several commands share, and the hub they speak to.

Owns their names and help texts. Command modules use it.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.client import HubClient

T = TypeVar("T")


def _directory(text: str) -> Path:
    if not text:  # "$UNSET" in a script; Path("") is the working directory
        raise Refusal("bad_usage", "--data-dir is empty", "name a directory, or leave the option out")
    return Path(text)


DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        parser=_directory,
        metavar="DIR",
        help="The hub's data directory. Default: TRIBUTARY_DATA_DIR, or ~/.local/share/tributary.",
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="TOML file with settings. Default: what TRIBUTARY_CONFIG names, or none.")
]
HostOption = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on. Default 127.0.0.1: this machine only.")
]
PortOption = Annotated[int | None, typer.Option("--port", metavar="PORT", help="Port to listen on; 0 takes a free one. Default 8080.")]
LogLevelOption = Annotated[str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error. Default info.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def ask_hub(data_dir: Path | None, question: "Callable[[HubClient], Awaitable[T]]") -> T:
    """Ask the hub that runs on this data directory, as its administrator, and return the answer. Raises HubError."""
    import trio

    from hub.client import HubClient
    from hub.config import load_settings

    async def ask() -> T:
        async with HubClient.local(load_settings(data_dir=data_dir).data_dir) as client:
            return await question(client)

    return trio.run(ask)
