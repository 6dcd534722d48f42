"""Which devices a request means: those that it names, or those that a tag expression means.

Owns that it says one of the two. Called by the routes of stored readings: history.py, exchange.py.
"""

from collections.abc import Collection
from typing import Final

from hub.core.errors import Refusal
from hub.core.registry import Registry

_HINT: Final = "give one of them; name=pump-* in `where` means names"


def chosen(registry: Registry, names: Collection[str], where: str | None) -> frozenset[str] | None:
    """Return the devices; None where nothing is said. Raises Refusal where both are, or the expression cannot be read."""
    if where is None:
        return frozenset(names) or None
    if names:
        raise Refusal("bad_request", "device and where are both given", _HINT, 422)
    return frozenset(registry.select(where))
