"""docs/api.md names every route that the document has, and no other."""

import re
from pathlib import Path

from tests.support.whole_hub import whole_hub

DOCS = Path(__file__).parents[4] / "docs" / "api.md"
METHODS = "GET|POST|PUT|PATCH|DELETE"


def told() -> set[tuple[str, str]]:
    """Return method and path of every route that the table of routes names, a parameter as *."""
    found = set[tuple[str, str]]()
    for line in DOCS.read_text().splitlines():
        if line.startswith("| `") and "|" in line[2:]:
            for methods, path in re.findall(rf"`((?:{METHODS})(?:, (?:{METHODS}))*) (/[^`]*)`", line.split(" | ")[0]):
                found.update((method, re.sub(r"[A-Z]{2,}", "*", path)) for method in methods.split(", "))
    return found


async def test_the_docs_name_every_route_and_no_other(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub:
        paths = hub.app.openapi()["paths"]
    known = {(method.upper(), re.sub(r"\{[^}]*\}", "*", path)) for path, each in paths.items() for method in each}
    assert known - told() == set()
    assert told() - known == set()
