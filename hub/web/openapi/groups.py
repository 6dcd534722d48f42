"""The groups that the routes are shown in, by the words of their paths.

Owns their names, order and descriptions. Read by document.py.
"""

from typing import Final

GROUPS: Final = {
    "hub": "The hub itself: what it is and how it fares.",
    "devices": "The fleet: which devices there are, what people say of them, their tokens, what they lost.",
    "provisioning": "Keys by which devices register themselves.",
    "connections": "What is connected now, and how those connections fare.",
    "commands": "Commands to devices, each with one end.",
    "shadow": "What a device should be like, and what it says it is like.",
    "readings": "Stored readings: series, ranges, files in and out.",
    "rules": "What is watched, and what it raises.",
    "alerts": "What rules have raised.",
    "silences": "Stretches of time in which alerts are not told.",
    "targets": "Who is told of alerts, and what became of it.",
    "dashboards": "What people have put together to look at: tiles, variables, versions.",
    "users": "People, API tokens, login links, and the log of who did what.",
    "live": "What viewers get over a WebSocket, by long poll and server-sent events.",
    "device": "What devices say over a WebSocket, by HTTP POST and long poll.",
    "login": "The ways in for browsers.",
    "health": "What load balancers and monitoring ask.",
}
_OF_WORD: Final = {
    **{word: "hub" for word in ("store", "backup", "nodes", "openapi.json", "docs")},
    **{word: "readings" for word in ("series", "query", "export", "import", "latest")},
    **{word: "users" for word in ("tokens", "audit", "logins", "locked", "account")},
    **{word: "health" for word in ("healthz", "readyz", "metrics")},
    "provision": "provisioning",
    "group-commands": "commands",
    "deliveries": "targets",
    "logout": "login",
    **{word: "dashboards" for word in ("shares", "shared")},
}


def group_of(path: str) -> str | None:
    """Return the group of a path: that of its last word which has one."""
    words = [word for word in path.removeprefix("/api/v1").split("/") if word and not word.startswith("{")]
    found = [group for word in words if (group := _OF_WORD.get(word, word)) in GROUPS]
    return found[-1] if found else None
