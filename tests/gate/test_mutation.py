"""Mutants are tried in a copy of the tree, by the tests that run them: who notices is a test of its file, another one, or none."""

from pathlib import Path

import pytest

from tests.gate.mutation import fates, own_tests, sample
from tests.gate.mutation_reach import copy_tree, measure, run

ROOT = Path(__file__).parents[2]
SOURCE = """
FACTOR = 2


def doubled(number: int) -> int:
    return number * FACTOR


def tripled(number: int) -> int:
    return number + doubled(number)


def unused() -> int:
    return 7


def counted(end: int) -> int:
    at = 0
    while at < end:
        at += 1
    return len([at])
"""
OWN = """
from hub.core.little import counted, doubled


def test_double() -> None:
    assert doubled(4) == 8


def test_count() -> None:
    counted(3)
"""
OTHER = """
from hub.core.little import tripled


def test_triple() -> None:
    assert tripled(3) == 9
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for folder in ("hub/core", "tests/hub/core"):
        (root / folder).mkdir(parents=True)
    (root / "hub/core/little.py").write_text(SOURCE)
    (root / "hub/__init__.py").touch()
    (root / "tests/hub/core/test_little.py").write_text(OWN)
    (root / "tests/hub/core/test_great.py").write_text(OTHER)
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\npythonpath = ["."]\n')
    return root


def test_the_same_seed_draws_the_same_mutants_of_all_packages() -> None:
    drawn = sample(ROOT, ("devices/wire",), 20, 1)
    assert drawn == sample(ROOT, ("devices/wire",), 20, 1)
    assert drawn != sample(ROOT, ("devices/wire",), 20, 2)
    assert len({(each.path, each.line, each.after) for each in drawn}) > 15


def test_who_notices_is_told_and_the_source_stays_as_it_was(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.gate.mutation_reach._GRACE_S", 5.0)
    assert own_tests(tree, "hub/core/little.py") == ["tests/hub/core/test_little.py"]
    wanted = ("2", "number * FACTOR", "number + doubled(number)", "7", "at += 1", "return len([at])")
    drawn = [each for each in sample(tree, ("hub/core",), 100, 1) if each.before in wanted]
    found = fates(tree, drawn, ("tests/hub/core",), 1, tmp_path / "copies")
    assert {fate.mutant.before: fate.word for fate in found} == {
        "2": "noticed",
        "number * FACTOR": "noticed",
        "number + doubled(number)": "elsewhere",
        "7": "unreached",
        "at += 1": "hung",
        "return len([at])": "survived",
    }
    assert [fate.mutant.before for fate in found if not fate.is_noticed] == [each.before for each in drawn if each.before in wanted[3::2]]
    assert (tree / "hub/core/little.py").read_text() == SOURCE
    assert (tmp_path / "copies/0/hub/core/little.py").read_text() == SOURCE


def test_each_mutant_is_tried_by_the_tests_that_run_its_statement_and_what_runs_at_import_by_all_of_its_users(
    tree: Path, tmp_path: Path
) -> None:
    (tree / "hub/core/user.py").write_text("from hub.core.little import FACTOR\n\n\ndef use() -> int:\n    return FACTOR\n")
    (tree / "tests/hub/core/test_user.py").write_text("from hub.core.user import use\n\n\ndef test_use() -> None:\n    assert use() == 2\n")
    (tree / "tests/hub/core/test_number.py").write_text(
        "from hub.core.little import FACTOR\n\n\ndef test_number() -> None:\n    assert FACTOR == 2\n"
    )
    copies = [copy_tree(tree, tmp_path / "copies" / name) for name in "01"]
    reach = measure(copies, ("tests/hub/core",))

    def tests_of(line: str) -> set[str]:
        number = SOURCE.splitlines().index(line) + 1
        return {test.rpartition("::")[2] for test in reach.tests_of("hub/core/little.py", SOURCE, number)}

    assert tests_of("    return number * FACTOR") == {"test_double", "test_triple"}
    assert tests_of("    while at < end:") == tests_of("        at += 1") == {"test_count"}
    assert tests_of("    return 7") == set()
    of_all = {"test_double", "test_triple", "test_count", "test_use", "test_number"}
    assert tests_of("FACTOR = 2") == tests_of("def unused() -> int:") == of_all
    assert all(run(copies[0], [test], took).is_clean for test, took in reach.seconds.items())


def test_a_tree_whose_tests_fail_by_themselves_is_not_judged(tree: Path, tmp_path: Path) -> None:
    (tree / "tests/hub/core/test_little.py").write_text("def test_it() -> None:\n    assert False\n")
    with pytest.raises(ValueError, match="fails without any mutant"):
        fates(tree, [], ("tests/hub/core",), 1, tmp_path / "copies")
