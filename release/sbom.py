"""The bill of materials: every package of an installed hub in CycloneDX 1.5, for programs that look for known weaknesses.

Owns its shape (cyclonedx.org/docs/1.5/json); equal packages and an equal wheel give equal bytes. Called by `make release`.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from release.packages import PRODUCT, Package

_NAMESPACE: Final = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 4122: names that are URLs


def bill_of(
    version: str, wheel_sha256: str, at_s: int, direct: Iterable[str], optional: Iterable[str], packages: Mapping[str, Package]
) -> str:
    """Return the document of a version; `optional` are the packages that a device does without."""
    product = f"pkg:pypi/{PRODUCT}@{version}"
    spared = set(optional)
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{product}#{wheel_sha256}')}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                **_named("application", product, PRODUCT, version, "MIT"),
                "hashes": [{"alg": "SHA-256", "content": wheel_sha256}],
            },
        },
        "components": [
            {
                **_named("library", each.purl, each.name, each.version, each.licence),
                "scope": "optional" if each.name in spared else "required",
            }
            for each in packages.values()
        ],
        "dependencies": [
            {"ref": product, "dependsOn": [packages[name].purl for name in sorted(direct)]},
            *({"ref": each.purl, "dependsOn": [packages[name].purl for name in each.needs]} for each in packages.values()),
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _named(kind: str, purl: str, name: str, version: str, licence: str) -> dict[str, Any]:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl, "licenses": [{"expression": licence}]}
