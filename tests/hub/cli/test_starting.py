"""How a process of the command line starts."""

import subprocess
import sys

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
