"""How a process of the command line starts: what costs CPU time before anything is done, and gives nobody anything.

Owns the collector's pace and numpy's threads. Must be called before numpy is imported. Called by hub.cli.main and by each worker.
"""

import gc
import os


def start_quickly() -> None:
    """Let imports and what they make be looked at by the collector seldom, and numpy have no threads for linear algebra, which spin."""
    gc.set_threshold(20_000, 20, 100)  # with Python's 700, 10, 10 a start takes 0.15 s more; frames come and go without cycles
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
