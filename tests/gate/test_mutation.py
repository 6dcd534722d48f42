"""Mutants are tried in a copy of the tree: a test that notices is the one of its file, another one, or none."""

from pathlib import Path

import pytest

from tests.gate.mutation import fates, own_tests, sample

ROOT = Path(__file__).parents[2]
SOURCE = "def doubled(number: int) -> int:\n    return number * 2\n\n\ndef untested() -> int:\n    return 7\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for folder in ("hub/core", "tests/hub/core"):
        (root / folder).mkdir(parents=True)
    (root / "hub/core/little.py").write_text(SOURCE)
    (root / "hub/__init__.py").touch()
    test = "from hub.core.little import doubled\n\n\ndef test_it() -> None:\n    assert doubled(4) == 8\n"
    (root / "tests/hub/core/test_little.py").write_text(test)
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\npythonpath = ["."]\n')
    return root


def test_the_same_seed_draws_the_same_mutants_of_all_packages() -> None:
    drawn = sample(ROOT, ("devices/wire",), 20, 1)
    assert drawn == sample(ROOT, ("devices/wire",), 20, 1)
    assert drawn != sample(ROOT, ("devices/wire",), 20, 2)
    assert len({(each.path, each.line, each.after) for each in drawn}) > 15


def test_who_notices_is_told_and_the_source_stays_as_it_was(tree: Path, tmp_path: Path) -> None:
    assert own_tests(tree, "hub/core/little.py") == ["tests/hub/core/test_little.py"]
    drawn = [each for each in sample(tree, ("hub/core",), 100, 1) if each.before in ("number * 2", "7")]
    found = fates(tree, drawn, ("tests/hub/core",), 1, tmp_path / "copies")
    assert {(fate.mutant.before, fate.word) for fate in found} == {("number * 2", "noticed"), ("7", "survived")}
    assert (tree / "hub/core/little.py").read_text() == SOURCE
    assert (tmp_path / "copies/0/hub/core/little.py").read_text() == SOURCE


def test_a_tree_whose_tests_fail_by_themselves_is_not_judged(tree: Path, tmp_path: Path) -> None:
    (tree / "tests/hub/core/test_little.py").write_text("def test_it() -> None:\n    assert False\n")
    with pytest.raises(ValueError, match="fails without any mutant"):
        fates(tree, [], ("tests/hub/core",), 1, tmp_path / "copies")
