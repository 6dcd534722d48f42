"""What the bill of materials and the check of licences say of the packages that are installed here."""

import json
import re

import pytest

from release import packages
from release.licences import ALLOWED, is_allowed, refused
from release.packages import NotAsPinned, direct, installed, project
from release.sbom import bill_of

SUM = "0" * 64


def test_every_package_that_is_pinned_for_us_or_for_tests_may_be_used() -> None:
    extras = project()["optional-dependencies"]
    assert refused(installed(direct(name for name in extras)).values()) == []


def test_what_is_installed_is_what_the_lock_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_PIN", re.compile("(trio)==(0)"))
    with pytest.raises(NotAsPinned, match=r"trio \S+ is installed, pinned is 0; make install"):
        installed(["trio"])
    with pytest.raises(NotAsPinned, match="no-such-package is not installed; make install"):
        installed(["no-such-package"])


@pytest.mark.parametrize(
    ("expression", "may"),
    [
        *((name, True) for name in ("MIT", "MIT OR GPL-3.0-only", "MIT AND PSF-2.0", "(GPL-3.0-only OR MIT) AND BSD-3-Clause")),
        *((name, False) for name in ("GPL-3.0-only", "MIT AND AGPL-3.0-only", "unknown", "", "(GPL-2.0-only AND MIT) OR LGPL-3.0-only")),
    ],
)
def test_each_of_an_and_one_of_an_or_must_be_allowed(expression: str, *, may: bool) -> None:
    assert is_allowed(expression) is may
    assert "GPL" not in "".join(ALLOWED)


def test_the_bill_of_materials_has_every_package_once_with_who_needs_it() -> None:
    found = installed(direct(["hub"]))
    bill = json.loads(bill_of("0.1.0", SUM, 1_795_000_000, direct(["hub"]), found.keys() - installed(direct([])).keys(), found))
    assert (bill["bomFormat"], bill["specVersion"], bill["metadata"]["timestamp"]) == ("CycloneDX", "1.5", "2026-11-18T11:06:40Z")
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", bill["serialNumber"])
    refs = [each["bom-ref"] for each in bill["components"]]
    assert len(set(refs)) == len(refs) >= 30
    assert {each["ref"] for each in bill["dependencies"]} == {*refs, bill["metadata"]["component"]["bom-ref"]}
    assert {ref for each in bill["dependencies"] for ref in each["dependsOn"]} == set(refs)  # nothing that nobody needs
    scopes = {each["name"]: each["scope"] for each in bill["components"]}
    assert (scopes["trio"], scopes["duckdb"], scopes["starlette"]) == ("required", "optional", "optional")
    assert "pytest" not in scopes
    assert all(each["licenses"][0]["expression"] for each in bill["components"])
    again = json.loads(bill_of("0.1.0", SUM, 1_795_000_000, direct(["hub"]), found.keys() - installed(direct([])).keys(), found))
    assert again == bill
