"""What the commands of `tributary bench` share: how a benchmark is run for a person, and how its rows are printed.

Owns the forms of the table and what becomes of a benchmark that stopped. Used by bench.py and bench_page.py.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from hub.core.errors import Refusal

if TYPE_CHECKING:
    from simulators.bench.report import BenchRow

Say = Callable[[str], None]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help="Print the table of docs/performance.md.")]


def measure(work: "Callable[[Say], list[BenchRow]]", *, as_json: bool, as_markdown: bool) -> None:
    """Run a benchmark and print its rows; what stopped it becomes one line that says what to do."""
    from simulators.bench import report
    from simulators.bench.errors import BenchError

    if as_json and as_markdown:
        raise Refusal("bad_usage", "--json and --markdown contradict each other", "give one of them")
    try:
        rows = work(lambda line: print(line, file=sys.stderr, flush=True))
    except BenchError as error:
        raise Refusal("bad_usage" if error.is_usage else "bench_failed", error.message, error.hint) from None
    shown = report.as_json if as_json else report.as_markdown if as_markdown else report.as_table
    typer.echo(shown(rows))
