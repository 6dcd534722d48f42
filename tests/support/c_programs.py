"""C programs of tests: how they are compiled, with the sanitizers unless told otherwise.

Owns the command line of the compiler; used by the fixture `build` of tests/devices/firmware/c and by the end-to-end tests.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "devices/firmware/c"
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
Build = Callable[..., Path]


def compile_program(program: Path, *arguments: str) -> Path:
    """Compile and link; warnings are errors. Raises CalledProcessError with what the compiler says."""
    command = ["cc", "-std=gnu99", "-Wall", "-Wextra", "-Werror", *arguments, "-o", str(program), "-lm"]
    subprocess.run(command, check=True)
    return program


def compile_node(program: Path, *flags: str) -> Path:
    """Compile the example of POSIX systems."""
    sources = [str(SOURCE / "examples/posix/node.c"), str(SOURCE / "tributary.c")]
    return compile_program(program, *(flags or SANITIZED), f"-I{SOURCE}", *sources)
