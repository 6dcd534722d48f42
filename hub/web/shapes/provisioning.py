"""The shapes of answers about provisioning keys.

Owns descriptions and examples. Used by provisioning.py.
"""

from typing import Final

from hub.web.openapi.convention import Shape, example

_KEY: Final = {
    **{"name": "pumps", "prefix": "pump-", "kind": "pump", "tags": ["new"], "max_devices": 100, "registered": 12, "by": "ann"},
    **{"created_us": 1_795_248_000_000_000, "expires_us": 1_795_852_800_000_000},
}


class ProvisioningKey(Shape, json_schema_extra=example(_KEY)):
    """A provisioning key, but for the secret itself."""

    name: str
    prefix: str
    """What names of its devices begin like"""
    kind: str
    tags: list[str]
    max_devices: int
    registered: int
    """How many it has let in"""
    by: str
    """Who made it"""
    created_us: int
    expires_us: int


class ProvisioningKeys(Shape, json_schema_extra=example({"keys": [_KEY]})):
    """Provisioning keys by name, also those that are over."""

    keys: list[ProvisioningKey]


class MadeKey(ProvisioningKey, json_schema_extra=example({**_KEY, "key": "trp_kq3Jd0x7yY1v"})):
    """A new provisioning key with its secret, which is shown this once."""

    key: str
