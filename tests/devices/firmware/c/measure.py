"""What the C client costs: memory, code, bytes on the wire, speed; the table of docs/guide/c.md.

Run by `make firmware` or `python -m tests.devices.firmware.c.measure`. Compiles with the system's compiler, and for a Cortex-M4 where
arm-none-eabi-gcc is installed (Debian: gcc-arm-none-eabi).
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.c_programs import SOURCE, compile_program

PROGRAMS = Path(__file__).with_name("programs")
# compiler, program that tells sizes, flags
TARGETS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("cc", "size", ()),
    ("arm-none-eabi-gcc", "arm-none-eabi-size", ("-mcpu=cortex-m4", "-mthumb")),
)


def sizes(folder: Path, compiler: str, size: str, flags: tuple[str, ...]) -> tuple[int, int]:
    """Return bytes of code at -Os, and of the largest frame of stack of one function."""
    out = folder / "tributary.o"
    subprocess.run([compiler, "-std=c99", "-Os", "-fstack-usage", *flags, "-c", str(SOURCE / "tributary.c"), "-o", str(out)], check=True)
    text = int(subprocess.check_output([size, str(out)], text=True).splitlines()[1].split()[0])
    return text, max(int(line.split("\t")[1]) for line in out.with_suffix(".su").read_text().splitlines())


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = compile_program(folder / "measure", "-Os", str(PROGRAMS / "measure.c"))
        for line in subprocess.check_output([str(program)], text=True).splitlines():
            print("{:<36}{:>12}".format(*line.split()))
        for compiler, size, flags in TARGETS:
            if shutil.which(compiler) is None:
                print(f"{compiler} is not installed: no figures of it")
                continue
            text, frame = sizes(folder, compiler, size, flags)
            print(f"{compiler + ' -Os code_bytes':<36}{text:>12}\n{compiler + ' -Os largest_frame_bytes':<36}{frame:>12}")


if __name__ == "__main__":
    main()
