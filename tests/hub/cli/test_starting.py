"""How a process of the command line starts."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from hub.cli.starting import spare_collector

OBJECTS = 110  # of a connection of a device, by count


class Part:
    """Something that knows its connection."""

    def __init__(self, connection: list["Part"]) -> None:
        self.connection = connection


def connection() -> list[Part]:
    """Return a web whose parts hold each other, as those of a connection do."""
    parts: list[Part] = []
    parts += [Part(parts) for _ in range(OBJECTS)]
    return parts


@pytest.fixture
def spared() -> Iterator[None]:
    """The pace of a hub that listens, and the one before at the end."""
    before = gc.get_threshold()
    spare_collector()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("spared")
def test_what_connections_leave_that_lived_long_is_taken_away_before_thousands_of_them_are_there() -> None:
    open_ones = [connection() for _ in range(1_000)]
    gc.collect()  # they are old when they end
    left = [weakref.ref(each[0]) for each in open_ones]
    for ended in range(len(open_ones)):
        open_ones[ended] = connection()  # and come back
    for _ in range(1_000):  # as a second storm
        open_ones[0] = connection()
    assert sum(each() is not None for each in left) == 0


# Eight threads at once, each with memory in use; then how many arenas there are by glibc's own account.
ARENAS = """
import ctypes, threading
from hub.cli.starting import return_what_is_free

assert return_what_is_free()
together = threading.Barrier(8)

def use():
    kept = [bytes(5_000) for _ in range(100)]
    together.wait()

threads = [threading.Thread(target=use) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def test_threads_share_two_arenas_so_that_what_one_frees_the_others_use() -> None:
    said = subprocess.run([sys.executable, "-c", ARENAS], capture_output=True, text=True, check=True).stdout
    assert 1 <= said.count("<heap nr=") <= 2
