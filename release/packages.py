"""The packages that an installed hub consists of: which, in which version, under which licence, and who needs whom.

Owns reading pyproject.toml, requirements.lock and the metadata of what is installed; asks no network. What is installed must be what is
pinned. Called by sbom.py and licences.py.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parent.parent
PRODUCT: Final = "tributary-hub"
_PIN: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
# How packages that have no expression of SPDX call what has one.
_SPDX: Final = {
    "MIT License": "MIT",
    "The MIT License (MIT)": "MIT",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# Packages whose metadata names no licence, by the LICENSE of their source.
_BY_HAND: Final = {"axe-playwright-python": "MIT"}


class NotAsPinned(Exception):
    """What is installed is not what requirements.lock says; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """One installed package."""

    name: str  # in its one normal form
    version: str
    licence: str  # an expression of SPDX, as far as the package says one
    needs: tuple[str, ...]  # names of packages, sorted

    @property
    def purl(self) -> str:
        """Return the name that bills of materials and lists of weaknesses know it by."""
        return f"pkg:pypi/{self.name}@{self.version}"


def project() -> dict[str, Any]:
    """Return what pyproject.toml says of the product."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        said: dict[str, Any] = tomllib.load(file)["project"]
    return said


def direct(extras: Iterable[str]) -> tuple[str, ...]:
    """Return the packages that the product itself needs with these extras."""
    said = project()
    return _needed([*said["dependencies"], *(each for extra in extras for each in said["optional-dependencies"][extra])], frozenset())


def installed(roots: Iterable[str]) -> dict[str, Package]:
    """Return these packages and all that they need, here, by name. Raises NotAsPinned."""
    pins: dict[str, set[str]] = {}
    for name, version in _PIN.findall((ROOT / "requirements.lock").read_text()):
        pins.setdefault(name, set()).add(version)
    found: dict[str, Package] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _package(name, pins.get(name, set()))
            waiting.extend(found[name].needs)
    return dict(sorted(found.items()))


def _package(name: str, pinned: set[str]) -> Package:
    try:
        metadata = distribution(name)
    except PackageNotFoundError:
        raise NotAsPinned(f"{name} is not installed; make install") from None
    if metadata.version not in pinned:
        raise NotAsPinned(f"{name} {metadata.version} is installed, pinned is {' or '.join(sorted(pinned)) or 'none'}; make install")
    return Package(name, metadata.version, _licence(name, metadata), _needed(metadata.requires or (), frozenset()))


def _needed(requirements: Iterable[str], extras: frozenset[str]) -> tuple[str, ...]:
    asked = [Requirement(each) for each in requirements]
    here = [each for each in asked if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in (extras or {""}))]
    return tuple(sorted({canonicalize_name(each.name) for each in here}))


def _licence(name: str, metadata: Distribution) -> str:
    said = metadata.metadata
    if name in _BY_HAND:
        return _BY_HAND[name]
    if "License-Expression" in said:
        return said["License-Expression"]
    text = said["License"].strip().split("\n")[0] if "License" in said else ""
    kinds = [each.split("::")[-1].strip() for each in said.get_all("Classifier") or () if each.startswith("License ::")]
    if text and len(text) < 40:
        return _SPDX.get(text, text)
    return " OR ".join(sorted({_SPDX.get(kind, kind) for kind in kinds})) or "unknown"
