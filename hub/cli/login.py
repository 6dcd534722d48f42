"""`tributary login`: a new one-time link into the dashboard.

Owns what is printed; the hub makes the link.
"""

import typer

from hub.cli.options import DataDirOption, ask_hub


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("login")(login)


def login(data_dir: DataDirOption = None) -> None:
    """Print a new link that opens the dashboard once, within 10 minutes; whoever opens it first is logged in."""
    typer.echo(ask_hub(data_dir, lambda client: client.new_login()))
