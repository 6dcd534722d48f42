"""How a process of the command line starts: what costs CPU time before anything is done, and gives nobody anything.

Owns the collector's pace, numpy's threads and what the C library keeps. `start_quickly` must be called before numpy is imported: by
hub.cli.main and by each worker; `return_what_is_free` by serve.py, for a process that is to live, and `spare_collector` once it listens.
"""

import gc
import os
from typing import Final

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h of glibc
_ARENAS: Final = 2  # the event loop's and one for all threads, of which those that store wait for disks more than for each other
_LARGE_BYTES: Final = 1 << 20  # a piece that goes back as soon as it is free; smaller ones come too often for a call of the system each


def start_quickly() -> None:
    """Let imports and what they make be looked at by the collector seldom, and numpy have no threads for linear algebra, which spin."""
    gc.set_threshold(20_000, 20, 100)  # with Python's 700, 10, 10 a start takes 0.15 s more; frames come and go without cycles
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def return_what_is_free() -> bool:
    """Have the C library keep little of what is free; tell whether it can, as glibc does. Called before there are many threads.

    By itself it makes up to eight arenas a core, one for each thread that finds the others in use, and takes ever larger pieces from them:
    of 170 MB that it had in a hub after some thousand clients with large frames 100 MB were free, and none of it went back.
    """
    import ctypes  # takes 5 ms, which other commands need not wait

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((_M_ARENA_MAX, _ARENAS), (_M_MMAP_THRESHOLD, _LARGE_BYTES), (_M_TRIM_THRESHOLD, _LARGE_BYTES))
    return all([mallopt(name, value) for name, value in settings])


def spare_collector() -> None:
    """Spare the collector what was made at the start and lives to the end: a look at all of it stopped the event loop for 0.1 s.

    At the rest it looks as soon as some 500 connections have ended, and what came is a quarter of what was there: each leaves a web of 110
    objects, 24 KB, that nothing else finds. At the start's pace it was 200,000 connections. A look takes some 40 ms where 1,000 are open.
    Must be given back at the end (gc.unfreeze): DuckDB complains on stderr of all that is never collected.
    """
    gc.freeze()
    gc.set_threshold(10_000, 2, 1)
