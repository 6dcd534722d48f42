"""What an audit comes to: found, not looked up, or clean; a network that is not there is never clean."""

import sys
from pathlib import Path

import pytest

from release.audit import NOT_AUDITED, WEAK, judged, main

GOOD = {"name": "trio", "version": "1", "vulns": []}
UNKNOWN = {"name": "numpy", "skip_reason": "not found"}
BAD = {"name": "h11", "version": "0.1", "vulns": [{"id": "CVE-2025-1"}]}


def test_a_known_weakness_is_named_with_its_package() -> None:
    assert judged([GOOD, UNKNOWN, BAD]) == (
        WEAK,
        "known weaknesses: h11 0.1: CVE-2025-1; take a version without them into pyproject.toml, then make lock",
    )


@pytest.mark.parametrize("answer", [[GOOD, UNKNOWN], [UNKNOWN], []])
def test_what_could_not_be_looked_up_is_not_clean(answer: list[dict[str, object]]) -> None:
    code, said = judged(answer)
    assert code == NOT_AUDITED
    assert said.startswith("not audited: ")


def test_all_that_were_looked_up_and_are_good_are_clean() -> None:
    assert judged([GOOD, GOOD]) == (0, "audited: none of 2 packages is known to be weak")


def test_a_program_that_does_not_answer_has_audited_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    program = tmp_path / "no-network"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('ConnectionError: nobody is there')\n")
    program.chmod(0o700)
    assert main(str(program), "requirements.lock") == NOT_AUDITED
    assert capsys.readouterr().err == "nothing was audited: ConnectionError: nobody is there; is there a network?\n"
