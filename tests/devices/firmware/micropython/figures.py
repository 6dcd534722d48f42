"""`python -m tests.devices.firmware.micropython.figures`: what the MicroPython client costs, in one table; half a minute.

Owns the measurement: size of the code, RAM, bytes on the wire, readings a second. Takes the unix port and mpy-cross where they are found
(TRIBUTARY_TEST_MICROPYTHON, TRIBUTARY_TEST_MPY_CROSS, PATH), else CPython alone. `make micropython-figures` runs it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.hub_process import RunningHub, running_hub
from tests.support.micropython import FOLDER, environment, port

SCRIPT = Path(__file__).parent / "scripts" / "figures.py"
WAYS = (
    ("single", 2_000, "a frame each"),
    ("behind", 2_000, "a frame each, written behind"),
    ("batch", 20_000, "64 in a frame"),
    ("pack", 100_000, "packs of float32"),
)
HEAP_STEP_KB = 2


def compiled(folder: Path) -> Path | None:
    """Compile the client as a board would have it; None where there is no mpy-cross."""
    cross = os.environ.get("TRIBUTARY_TEST_MPY_CROSS") or shutil.which("mpy-cross")
    if cross is None:
        return None
    subprocess.run([cross, "-O2", "-o", str(folder / "tributary.mpy"), str(FOLDER / "tributary.py")], check=True)
    return folder / "tributary.mpy"


class Bench:
    """A hub, and programs that send to it."""

    def __init__(self, hub: RunningHub, folder: Path, program: str, module: Path | None) -> None:
        self._hub = hub
        self._folder = folder
        self._program = program
        self._path = module.parent if module is not None else FOLDER
        self._count = 0

    def run(self, way: str, count: int, *options: str) -> dict[str, float] | None:
        """Run one program; None where it failed."""
        self._count += 1
        name = f"figure-{self._count}"
        said = {
            "TRIBUTARY_URL": self._hub.device_url,
            "TRIBUTARY_DEVICE": name,
            "TRIBUTARY_TOKEN": self._hub.provision(name),
            "TRIBUTARY_SPOOL": str(self._folder / name),
            "MICROPYPATH": f".frozen:{self._path}",
        }
        command = [self._program, *options, str(SCRIPT), way, str(count)]
        try:
            done = subprocess.run(command, env=environment() | said, capture_output=True, text=True, timeout=20)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            if not options:
                raise SystemExit(done.stderr)
            return None
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return found

    def smallest_heap_kb(self, way: str, count: int) -> int:
        """Find the smallest heap in which it gets through."""
        low, high = 16, 512
        while high - low > HEAP_STEP_KB:
            middle = (low + high) // 2 // HEAP_STEP_KB * HEAP_STEP_KB
            if self.run(way, count, "-X", f"heapsize={middle}k") is None:
                low = middle
            else:
                high = middle
        return high


def main() -> None:
    """Measure and print."""
    program = port() or sys.executable
    with tempfile.TemporaryDirectory() as name, running_hub(Path(name) / "data") as hub:
        folder = Path(name)
        module = compiled(folder) if port() else None
        print(f"{program}, {'compiled (.mpy)' if module else 'from its source'}")
        print(f"{'code':<34}{(FOLDER / 'tributary.py').stat().st_size:>10,} bytes .py")
        if module is not None:
            print(f"{'':<34}{module.stat().st_size:>10,} bytes .mpy")
        bench = Bench(hub, folder, program, module)
        for way, count, what in WAYS:
            found = bench.run(way, count)
            assert found is not None
            per_reading = found["bytes"] / count
            print(f"{what:<34}{per_reading:>10.1f} bytes on the wire a reading {count / found['s']:>12,.0f} readings/s")
        if port():
            assert found is not None
            print(f"{'RAM of the code, then of a device':<34}{found['import']:>10,.0f} bytes {found['device']:>10,.0f} bytes")
            for way, count in (("single", 300), ("pack", 3_000)):
                print(f"{'smallest heap, ' + way:<34}{bench.smallest_heap_kb(way, count):>10} KiB")


if __name__ == "__main__":
    main()
