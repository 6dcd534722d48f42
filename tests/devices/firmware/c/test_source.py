"""The C client as source: strict C99, no heap, no more memory than the documents promise."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SOURCE = ROOT / "devices/firmware/c"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow"]
HEAP = {"malloc", "calloc", "realloc", "free", "alloca", "printf", "snprintf"}  # the printf family takes heap in some libraries
MAX_RAM_BYTES = 10_240  # docs/guide/c.md
pytestmark = pytest.mark.needs_server("cc")


def compiled(tmp_path: Path, *flags: str) -> Path:
    out = tmp_path / "tributary.o"
    subprocess.run(["cc", *STRICT, *flags, "-c", str(SOURCE / "tributary.c"), "-o", str(out)], check=True)
    return out


SMALL = ("-Os", "-DTRIBUTARY_FRAME_BYTES=256", "-DTRIBUTARY_MAX_EPOCHS=8", "-DTRIBUTARY_KEPT_VALUE=0")


@pytest.mark.parametrize("flags", [("-O2",), SMALL])
def test_source_is_strict_c99_and_needs_no_heap(tmp_path: Path, flags: tuple[str, ...]) -> None:
    out = compiled(tmp_path, *flags)
    if shutil.which("nm"):
        wanted = {line.split()[-1] for line in subprocess.check_output(["nm", "-u", str(out)], text=True).splitlines()}
        assert not wanted & HEAP


def test_header_stands_alone_and_keeps_its_promise_of_memory(tmp_path: Path) -> None:
    program = tmp_path / "header.c"
    is_small = f"sizeof(tributary) <= {MAX_RAM_BYTES} && TRIBUTARY_SECTOR_BYTES <= 4096"
    program.write_text(f'#include "tributary.h"\nint main(void) {{ return {is_small} ? 0 : 1; }}\n')
    subprocess.run(["cc", *STRICT, f"-I{SOURCE}", str(program), "-o", str(tmp_path / "header")], check=True)
    subprocess.run([str(tmp_path / "header")], check=True)


def test_example_is_strict_c99(tmp_path: Path) -> None:
    node = SOURCE / "examples/posix/node.c"
    subprocess.run(["cc", *STRICT[:5], f"-I{SOURCE}", str(node), str(SOURCE / "tributary.c"), "-o", str(tmp_path / "node")], check=True)


def test_example_for_esp_idf_is_good_c_against_its_declarations() -> None:
    declared = Path(__file__).with_name("programs") / "esp_idf"
    example = SOURCE / "examples/esp-idf/main.c"
    subprocess.run(["cc", *STRICT[:4], "-fsyntax-only", f"-I{declared}", f"-I{SOURCE}", str(example)], check=True)
