"""A progress bar for what takes longer than a second: on stderr, and only where a person looks.

Owns its look; commands that copy, check, export or import call it. Blocking, and cheap to call often.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_AFTER_S: Final = 1.0
Shown = Callable[[str, int, int], None]  # what is done, so much of it, of so much (0: nobody knows)


@contextmanager
def progress_bar(unit: str) -> Iterator[Shown]:
    """Give a function to say how far things are, from one thread; `unit` is `bytes` or what is counted, such as `readings`."""
    if not sys.stderr.isatty():
        yield lambda name, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    counted: ProgressColumn = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), counted, TextColumn("" if unit == "bytes" else unit), TimeRemainingColumn())
    bar = Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=5,
        redirect_stdout=False,  # what the command prints goes where it always goes: that may be a file
        redirect_stderr=False,
    )
    task = bar.add_task("", total=None)
    due_s, is_shown = time.monotonic() + _AFTER_S, False

    def show(name: str, done: int, total: int) -> None:
        nonlocal is_shown
        bar.update(task, description=name, completed=done, total=total or None)
        if not is_shown and time.monotonic() >= due_s:
            bar.start()
            is_shown = True

    try:
        yield show
    finally:
        if is_shown:
            bar.stop()
