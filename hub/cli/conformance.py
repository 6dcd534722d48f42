"""`tributary conformance`: put a device client, in any language, through the protocol and say what it passes and fails.

Owns the options, how a client is started and what a person reads; simulators.conformance is the hub that does it. Exit codes: 0 nothing
failed, 3 something did; 1 and 2 as of every command.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.core.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.conformance.course import Wish
    from simulators.conformance.scenario import Outcome, Scenario
    from simulators.conformance.stand import Stand

FOUND = 3
_MARKS = {"passed": "ok  ", "failed": "FAIL", "not applicable": "n/a "}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("conformance")(conformance)


def conformance(
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="COMMAND", help="Start the client with this command, and again where a scenario cuts its power."),
    ] = None,
    listen: Annotated[
        int | None, typer.Option("--listen", metavar="PORT", help="Wait on this port for a client that you start; 0 takes a free one.")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on, for a client on another machine. Plain ws://, no TLS.")
    ] = "127.0.0.1",
    only: Annotated[list[str] | None, typer.Option("--only", metavar="NAME", help="Play this scenario; give it again for more.")] = None,
    is_list: Annotated[bool, typer.Option("--list", help="Name the scenarios and stop.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the outcome as JSON; - prints it.")] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep each client's spool and what it printed in a new folder.")
    ] = None,
    at_once: Annotated[int, typer.Option("--at-once", metavar="N", min=1, max=64, help="Clients at a time, with --run.")] = 6,
) -> None:
    """Be a hub that is a script: put a device client through docs/protocol.md, one named scenario after another.

    What the client has to do besides speaking the protocol stands in docs/guide/own_client.md: count from 1 in the channel `count`, and
    take the commands `echo` and `wait`. Exit code 0: nothing failed; 3: something did.
    """  # fmt: skip
    from tempfile import TemporaryDirectory

    import trio

    from simulators.conformance.course import Wish

    scenarios = _chosen(only or [])
    if is_list:
        for scenario in scenarios:
            typer.echo(f"{scenario.name:<18} section {scenario.section:<9} {scenario.title}")
        return
    if (run is None) == (listen is None):
        raise Refusal("bad_usage", "give --run COMMAND or --listen PORT", "--listen 0 takes a free port")
    if keep is not None and keep.exists():
        raise Refusal("bad_usage", f"{keep} is there already", "name a folder that is not there yet")
    with TemporaryDirectory(prefix="tributary-conformance-", ignore_cleanup_errors=True) as folder:
        outcomes = trio.run(_play, scenarios, Wish(keep or Path(folder), run, host, listen or 0, at_once))
    _write(outcomes, json_file)
    raise typer.Exit(FOUND if any(outcome.word == "failed" for outcome in outcomes) else 0)


def _chosen(names: list[str]) -> "Sequence[Scenario]":
    from simulators.conformance.scenes import SCENARIOS

    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names:
        if name not in known:
            raise Refusal("bad_usage", f"there is no scenario {name!r}", "`tributary conformance --list` names them")
    return [scenario for scenario in SCENARIOS if not names or scenario.name in names]


async def _play(scenarios: "Sequence[Scenario]", wish: "Wish") -> "list[Outcome]":
    from simulators.conformance.course import play_by_hand, play_by_process

    lines = _Lines()
    if wish.command is None:
        return await play_by_hand(scenarios, wish, lines, _introduce)
    return await play_by_process(scenarios, wish, lines)


def _introduce(stand: "Stand") -> None:
    print("start the client with this; it has to keep its spool over reboots:", file=sys.stderr)
    for name, value in stand.environment.items():
        print(f"  {name}={value}", file=sys.stderr)
    if stand.host in ("0.0.0.0", "::"):
        print("in the URL, write the address by which the client reaches this machine", file=sys.stderr)


class _Lines:
    """A line on stderr for each scenario as it ends, and on a terminal which ones are being played."""

    def __init__(self) -> None:
        self._playing: list[str] = []
        self._is_seen = sys.stderr.isatty()

    def begun(self, scenario: "Scenario") -> None:
        """Name it among those being played."""
        self._playing.append(scenario.name)
        self._draw()

    def ended(self, outcome: "Outcome") -> None:
        """Say how it ended."""
        self._playing.remove(outcome.scenario.name)
        self.say(f"{_MARKS[outcome.word]} {outcome.scenario.name:<18} {outcome.why} (section {outcome.scenario.section})")

    def say(self, text: str) -> None:
        """Print a line above what is being played."""
        print(f"{self._clear}{text}", file=sys.stderr, flush=True)
        self._draw()

    @property
    def _clear(self) -> str:
        return "\r\x1b[K" if self._is_seen else ""

    def _draw(self) -> None:
        if self._is_seen and self._playing:
            print(f"{self._clear}     playing {', '.join(self._playing)}"[:160], end="", file=sys.stderr, flush=True)


def _write(outcomes: "Sequence[Outcome]", json_file: Path | None) -> None:
    said = json.dumps({"outcomes": [outcome.said() for outcome in outcomes]}, indent=2)
    if str(json_file) == "-":
        typer.echo(said)
        return
    if json_file is not None:
        json_file.write_text(said)
    counts = {word: sum(outcome.word == word for outcome in outcomes) for word in _MARKS}
    typer.echo(f"{counts['passed']} passed, {counts['failed']} failed, {counts['not applicable']} not applicable")
