"""What rules keep of one device to go on after a restart: one document a device, with the part of each rule and how far it was judged.

Owns its form, and how what older hubs kept, one document a rule, is read as that. A part is of one version of its rule: a rule that was
edited begins anew. No clock, no I/O; hub/rules keeps the documents.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

Part = Mapping[str, Any]  # of one rule: its `version`; `open`, `spells` and `last`, each a list of [channel, ...], where not empty
MAX_JOURNALS: Final = 16  # of which it is kept how far a device was judged: those of nodes it was at, and of journals that were lost


def body_of(
    parts: Mapping[str, Part], versions: Mapping[str, int], judged: Mapping[str, int], alerts: Collection[str] = ()
) -> dict[str, Any]:
    """Return the document of a device; `judged` has, by journal, the position up to which its rows were judged.

    `alerts` are those that are open, where other nodes must know: of two that raise one, one finds the other's by this.
    """
    newest = dict(list(judged.items())[-MAX_JOURNALS:])
    rules = {name: {"version": versions[name], **part} for name, part in parts.items() if part}
    return {"judged": newest, "rules": rules} | ({"alerts": sorted(alerts)} if alerts else {})


def _parts_of_older(body: Mapping[str, Any]) -> dict[str, dict[str, list[Any]]]:
    """Return, by device, what an older hub kept of one rule: lists of [device, channel, ...] for all devices."""
    found: dict[str, dict[str, list[Any]]] = {}
    for what in ("open", "spells", "last"):
        for device, *rest in body.get(what, ()):
            found.setdefault(device, {}).setdefault(what, []).append(rest)
    return found


def with_older(bodies: Mapping[str, Mapping[str, Any]], older: Iterable[tuple[str, int, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return the documents, by device, that come of what older hubs kept of rules: of each its name, its version and that.

    Only an older hub writes that, so it is newer than what `bodies` have.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, version, body in older:
        for device, part in _parts_of_older(body).items():
            kept = found.setdefault(device, {"judged": {}, "rules": dict(bodies.get(device, {}).get("rules", {}))})
            kept["rules"][name] = {"version": version, **part}
    return found
