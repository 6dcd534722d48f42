"""docs/security.md claims much: each line names the tests that hold it, and here it is held that there are such tests."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
CLAIMS = sorted(set(NAMED.findall(PAGE)))


@cache
def named_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", sorted({path for path, _ in CLAIMS}))
def test_every_test_that_is_named_is_there(path: str) -> None:
    assert sorted({name for there, name in CLAIMS if there == path} - named_in(path)) == []


def test_every_line_of_a_list_names_a_test() -> None:
    lists = PAGE[PAGE.index("### What is kept how") : PAGE.index("## What is left to the operator")]
    rows = [line for line in lists.splitlines() if line.startswith("| ") and "Held by" not in line]
    assert [row[:60] for row in rows if NAMED.search(row.rsplit(" | ", 1)[1]) is None] == []
    assert len(rows) > 60


@pytest.mark.parametrize(
    ("heading", "lines"),
    [("OWASP API Security Top 10", [f"API{number} " for number in range(1, 11)]), ("ETSI EN 303 645", [f"5.{n}" for n in range(1, 14)])],
)
def test_no_line_of_a_list_is_left_out(heading: str, lines: list[str]) -> None:
    part = PAGE.partition(f"## {heading}")[2].partition("\n## ")[0]
    assert [line for line in lines if not re.search(rf"^\| {re.escape(line)}", part, re.MULTILINE)] == []


def test_the_policy_says_how_to_report_and_what_to_expect() -> None:
    policy = (ROOT / "SECURITY.md").read_text()
    for words in ("private reporting", "within seven days", "The newest release", "docs/security.md"):
        assert words in policy
    assert "@" not in policy, "an address that nobody reads is worse than none"
