"""What axe-core finds wrong in a page that a real browser shows.

Owns the scan; a test says which page, and what it bears.
"""

from importlib import resources
from typing import Any, Final

from playwright.sync_api import Page

_AXE: Final = (resources.files("axe_playwright_python") / "axe.min.js").read_text()
_SERIOUS: Final = ("serious", "critical")


def findings(page: Page) -> list[str]:
    """Return what axe-core finds serious in what is shown now."""
    # Not by a script element, which the page's policy forbids: evaluated as a test, the policy does not apply.
    page.evaluate(_AXE)
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {each['help']}: {', '.join(str(node['target']) for node in each['nodes'][:3])}"
        for each in found["violations"]
        if each["impact"] in _SERIOUS
    ]
