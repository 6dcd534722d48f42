"""The C programs of these tests, compiled once for all that use them."""

from pathlib import Path

import pytest

from tests.support.c_programs import SANITIZED, Build, compile_program

PROGRAMS = Path(__file__).with_name("programs")


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Return a function that compiles programs/NAME.c with flags, by default with the sanitizers, and returns the program."""
    folder, built = tmp_path_factory.mktemp("c"), dict[tuple[str, ...], Path]()

    def build_program(name: str, *flags: str) -> Path:
        wanted = (name, *(flags or SANITIZED))
        if wanted not in built:
            built[wanted] = compile_program(folder / f"{name}{len(built)}", *wanted[1:], str(PROGRAMS / f"{name}.c"))
        return built[wanted]

    return build_program
