"""How a process of the command line starts."""

import subprocess
import sys

# Webs of objects that hold each other, as those of connections do; all end and come back, twice. Then how many of the first are left.
STORMS = """
import gc, weakref
from hub.cli.starting import spare_collector, start_quickly

class Part:
    def __init__(self, connection):
        self.connection = connection

def connection():
    parts = []
    parts += [Part(parts) for _ in range(110)]
    return parts

start_quickly()
spare_collector()
connections = [connection() for _ in range(1_000)]
gc.collect()  # they are old when they end
first = [weakref.ref(each[0]) for each in connections]
for storm in range(2):
    for at in range(len(connections)):
        connections[at] = connection()
print(sum(each() is not None for each in first))
"""


def test_what_connections_leave_that_lived_long_is_taken_away_before_thousands_of_them_are_there() -> None:
    said = subprocess.run([sys.executable, "-c", STORMS], capture_output=True, text=True, check=True).stdout
    assert said == "0\n"


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
