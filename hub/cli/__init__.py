"""The command `tributary`: one file per group of commands, each importing what it needs only when it runs.

Owns the list of commands and how an error ends the process: one line `error: what; what to do` and an exit code (failures.py). Must
import nothing here that a plain device installation lacks. [project.scripts] calls main.
"""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from hub.cli import (
    audit,
    backup,
    bench,
    command,
    conformance,
    connections,
    dashboard,
    demo,
    device,
    doctor,
    exchange,
    host,
    latest,
    login,
    migrate,
    node,
    provisioning,
    query,
    replay,
    report,
    rule,
    serve,
    shadow,
    silence,
    simulate,
    state,
    store,
    target,
    token,
    user,
)
from hub.cli.failures import failure_of
from hub.cli.starting import start_quickly

app = typer.Typer(
    name="tributary",
    help="An IoT and real-time dashboard hub. Try it: `tributary demo`. Run it: `tributary serve`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def version_text() -> str:
    """Return name and version of the installation."""
    from importlib.metadata import version

    return f"tributary {version('tributary-hub')}"


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(version_text())
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


@app.command("version")
def _version() -> None:
    """Print the version."""
    typer.echo(version_text())


class _Command(TyperCommand):
    """A command whose usage line names an argument as its help does: NAME, not {NAME}."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


def _plain_usage(part: typer.Typer) -> None:
    for each in part.registered_commands:
        each.cls = _Command
    for group in part.registered_groups:
        if group.typer_instance is not None:
            _plain_usage(group.typer_instance)


for _part in (
    serve,
    demo,
    login,
    user,
    token,
    audit,
    device,
    conformance,
    connections,
    node,
    provisioning,
    host,
    query,
    latest,
    report,
    exchange,
    replay,
    store,
    command,
    shadow,
    rule,
    silence,
    target,
    dashboard,
    backup,
    migrate,
    state,
    doctor,
    bench,
    simulate,
):
    _part.add_to(app)
_plain_usage(app)


def main() -> None:
    """Run the command line and end the process."""
    start_quickly()
    try:
        app()
    except BaseException as error:
        failure = failure_of(error)
        if failure is None:
            raise
        print(failure.line, file=sys.stderr)
        sys.exit(failure.exit_code)
