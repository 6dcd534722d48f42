"""`tributary simulate`: a fleet of devices and viewers against a hub, by a scenario, and the audit of every reading.

Owns the options, which hub is meant, and where the report goes; simulators.fleet runs it, simulate_view.py shows it meanwhile. Exit
codes: 0 the audit is clean, 3 something differs, 4 spools were not empty in time; 1 and 2 as of every command.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from hub.cli.options import DataDirOption
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from simulators.fleet.plans import Place
    from simulators.fleet.report import Report
    from simulators.fleet.scenario import Scenario

TOKEN_VARIABLE = "TRIBUTARY_TOKEN"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(
    scenario: Annotated[
        Path | None, typer.Argument(metavar="SCENARIO", help="TOML file (docs/simulators.md). Default: one group, no faults.")
    ] = None,
    hub: Annotated[
        str | None, typer.Option("--hub", metavar="URL", help="The hub's address. Default: the hub that runs on this machine.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help=f"File with an administrator's token for --hub. Default: ${TOKEN_VARIABLE}."),
    ] = None,
    devices: Annotated[
        int | None, typer.Option("--devices", metavar="N", help="Devices in all, mixed as the scenario says. Default 100.")
    ] = None,
    length: Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long readings are made: 30s, 5m. Default 60s.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", metavar="N", help="Frames a second of each device. Default 1.")] = None,
    viewers: Annotated[int | None, typer.Option("--viewers", metavar="N", help="Viewers, each of some devices.")] = None,
    commands: Annotated[float | None, typer.Option("--commands", metavar="N", help="Commands a second to all devices together.")] = None,
    has_usual_faults: Annotated[
        bool, typer.Option("--faults", help="Cut, silence, delay and kill devices, and let all come back at once, at set parts of the run.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="The same seed makes the same readings and faults. Default 1.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, max=256, help="Processes of devices. Default: one for each core.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON; - prints it.")] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the report as one HTML file with its figures.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="FILE", help="Leave devices and readings at the hub, and write what was made, for --audit."),
    ] = None,
    audit: Annotated[
        Path | None, typer.Option("--audit", metavar="FILE", help="Run nothing: compare what is stored now with what an earlier run kept.")
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Run a fleet of simulated devices and viewers against a hub, then compare every reading with what is stored and was shown.

    The devices are added before and removed with their readings afterwards, also after Ctrl-C. Exit code 0: nothing differs; 3: something
    does, and the first is named; 4: not everything was acked in time.
    """  # fmt: skip
    import trio

    from simulators.fleet.errors import FleetError, one_error

    try:
        with one_error():
            _check_files(json_file, html_file, keep)
            place = _place(hub, token_file, data_dir)
            if audit is not None:
                raise typer.Exit(trio.run(_audit_again, place, audit))
            numbers = {"devices": devices, "rate": rate, "viewers": viewers, "commands": commands, "seed": seed}
            wanted = _scenario(scenario, length, numbers, has_usual_faults=has_usual_faults)
            report = trio.run(_run, wanted, place, workers, keep)
    except FleetError as error:
        raise Refusal("bad_usage" if error.is_usage else "simulate_failed", error.message, error.hint) from None
    _write(report, json_file, html_file)
    raise typer.Exit(report.exit_code)


def _check_files(*paths: Path | None) -> None:
    """See that what a run of minutes ends in can be written, before it begins. Raises Refusal."""
    for path in paths:
        if path is None or str(path) == "-":
            continue
        place = path if path.exists() else path.parent
        if path.is_dir() or not os.access(place, os.W_OK):
            raise Refusal("bad_usage", f"{path} cannot be written", "name a file in a folder that is there and yours")


def _place(url: str | None, token_file: Path | None, data_dir: Path | None) -> "Place":
    """Return the hub that is meant, as its administrator. Raises Refusal, HubError, OSError."""
    from hub.cli.host import given_secret
    from hub.client.local import find_local, read_admin_token
    from hub.config import load_settings
    from simulators.fleet.plans import Place

    if url is None:
        directory = load_settings(data_dir=data_dir).data_dir
        found = find_local(directory)
        return Place(found.url, read_admin_token(directory), str(found.tls_certificate or ""))
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise Refusal("bad_usage", f"--hub {url!r} is no address of a hub", "write it as https://hub.example.com")
    token = given_secret(token_file, "--token-file", TOKEN_VARIABLE)
    if not token:
        raise Refusal("bad_usage", "--hub needs an administrator's token", f"give --token-file FILE, or set {TOKEN_VARIABLE}")
    return Place(url.rstrip("/"), token)


def _scenario(path: Path | None, length: str | None, numbers: "dict[str, Any]", *, has_usual_faults: bool) -> "Scenario":
    from simulators.fleet.scenario import Scenario
    from simulators.fleet.scenario_file import changed, read_scenario
    from simulators.fleet.tables import seconds_of

    for_s = None if length is None else seconds_of(length, "--for")
    scenario = Scenario() if path is None else read_scenario(path)
    return changed(scenario, for_s=for_s, has_usual_faults=has_usual_faults, **numbers)


async def _run(scenario: "Scenario", place: "Place", workers: int | None, keep: Path | None) -> "Report":
    from hub.cli.simulate_view import shown
    from simulators.fleet.course import Course, Wish
    from simulators.fleet.figures import Figures

    figures = Figures([phase.name for phase in scenario.phases])
    async with shown(figures, scenario) as say:
        return await Course(scenario, place, Wish(workers, keep), figures, say).run()


async def _audit_again(place: "Place", path: Path) -> int:
    """Compare what is stored now with what a run made; print the outcome and return the exit code."""
    from simulators.fleet.judging import audited
    from simulators.fleet.made import Made
    from simulators.fleet.report import audit_text

    made = Made.read(path)
    async with place.client() as client:
        verdict = await audited(client, made, lambda done: None)
    text, code = audit_text(verdict)
    typer.echo(text)
    return code


def _write(report: "Report", json_file: Path | None, html_file: Path | None) -> None:
    from simulators.fleet.report import as_text

    is_json = str(json_file) == "-"
    typer.echo(json.dumps(report.said(), indent=2) if is_json else as_text(report))
    if json_file is not None and not is_json:
        json_file.write_text(json.dumps(report.said(), indent=2))
    if html_file is not None:
        from dashboard.fleet_report import fleet_page

        html_file.write_text(fleet_page(report.said()), encoding="utf-8")
