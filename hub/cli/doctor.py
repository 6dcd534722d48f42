"""`tributary doctor`: what is wrong here, and what to do about it.

Owns what is printed and the exit code; checks.py looks. Changes nothing without --fix, and then only the database that `store` names.
"""

import json
from typing import Annotated

import typer

from hub.cli.failures import FAILED
from hub.cli.findings import Verdict
from hub.cli.options import ConfigOption, DataDirOption, JsonOption

FixOption = Annotated[
    bool, typer.Option("--fix", help="Set up what `store` names first: make the bucket of InfluxDB, have it keep keep_raw_days.")
]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(config: ConfigOption = None, data_dir: DataDirOption = None, fix: FixOption = False, as_json: JsonOption = False) -> None:
    """Check settings, disk, clock, port, credentials, the store, data directory and the running hub. Exit code 1 when something fails."""
    from hub.cli.checks import check_all

    findings = check_all(config, data_dir, is_fixing=fix)
    if as_json:
        typer.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for finding in findings:
            advice = f"; {finding.advice}" if finding.advice else ""
            typer.echo(f"{finding.verdict:<4}  {finding.what}: {finding.found}{advice}")
    if any(finding.verdict == Verdict.FAIL for finding in findings):
        raise typer.Exit(FAILED)
