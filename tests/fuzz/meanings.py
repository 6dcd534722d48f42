"""Families H19 to H24: good msgpack, JSON and HTTP that mean harm: numbers, times, names, sequences, results, queries.

Owns generators, seed to exchange; expects nothing: what is stored is compared with what was sent by balance.py.
"""

import json
import random
import struct
from typing import Any, Final
from urllib.parse import quote

from tests.fuzz.encodings import data, framing, hello, other, pack, packed, plain, spoilt
from tests.fuzz.exchange import EPOCH, NAME, NOW_US, VIEWER_TOKEN, Exchange
from tests.fuzz.handshakes import request
from tests.support.hostile import HOSTILE

_INF: Final = float("inf")
_NUMBERS: Final = (
    *(float("nan"), _INF, -_INF, 0.0, -0.0, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 1e16, 0.1, 2**53 + 1, -(2**53) - 1),
    *(2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**32, 2**31, -1, 0, 1, 255, 256, True, False, "1", b"1", None, [1.0, 2.0], [0, 0]),
    *([91.0, 0.0], [0.0, -180.0], [90, 180], [float("nan"), 0.0], [1.0], [1.0, 2.0, 3.0], "on", "off", "x" * 256, "x" * 257, "\x00", ""),
    *("\u202e", "é" * 128, "é" * 129, "=1+1", "line\nline", "NaN", "\ufffd", {"a": 1}),
)
_DAY_US: Final = 86_400_000_000
_OFFSETS: Final = (
    0,
    1,
    -1,
    999,
    10**6,
    -(10**6),
    _DAY_US - 10**7,
    _DAY_US + 10**7,
    -_DAY_US,
    -29 * _DAY_US,
    -31 * _DAY_US,
    -(2**62),
    2**62,
    2**63,
)
_BASES: Final = (
    NOW_US,
    NOW_US,
    NOW_US,
    None,
    0,
    -1,
    4_102_444_800_000_000,
    2**63 // 1000 - 1,
    2**63 // 1000,
    -(2**63) // 1000,
    2**63 - 1,
    2**64 - 1,
)
_NAMES: Final = (
    *HOSTILE[:60],
    *(
        "",
        " ",
        "a ",
        "a\x00b",
        "\x85",
        "\u2028",
        "\ufeff",
        "=cmd|x",
        "+1",
        "@x",
        "-x",
        "\tx",
        "a\r\nSet-Cookie: x",
        "#",
        "\\",
        "a\\",
        "a,b=c d",
    ),
    *(
        "*",
        "temp",
        "TEMP",
        "x" * 64,
        "x" * 65,
        "é" * 32,
        "é" * 33,
        "x" * 60_000,
        "..",
        "a/b",
        "%41",
        "__proto__",
        "NULL",
        "a" + "\u0301" * 31,
    ),
)


def _messages(family: str, steps: list[dict[str, Any]], **more: Any) -> Exchange:
    return Exchange(family, 0, who="device", steps=tuple(map(packed, steps)), is_framed=True, is_known=more.pop("is_known", True), **more)


def h19_numbers(rng: random.Random) -> Exchange:
    """Values of every type and at every border, in every kind of channel, among good ones; in packs as well."""
    steps = []
    for seq in range(1, rng.randrange(3, 7)):
        if rng.random() < 0.3:
            said = pack(rng, seq)
            values = [rng.choice([n for n in _NUMBERS if type(n) is float]) for _ in range(rng.randrange(1, 9))]
            said |= {"f": "f8", "v": struct.pack(f"<{len(values)}d", *values)}
            said |= {"d": struct.pack(f"<{len(values)}i", *(rng.randrange(5) for _ in values))} if "d" in said else {}
        else:
            said = data(rng, seq, rng.choice((1, 3, 8)))
            for at in range(len(said["v"])):
                if rng.random() < 0.5:
                    said["v"][at] = rng.choice(_NUMBERS)
        steps.append(said)
    return _messages("H19", steps)


def h20_times(rng: random.Random) -> Exchange:
    """1970, 2100, the ends of int64, backward steps, equal stamps; in packs steps and offsets at their borders."""
    steps = []
    for seq in range(1, rng.randrange(3, 7)):
        said = pack(rng, seq) if rng.random() < 0.3 else data(rng, seq, rng.choice((1, 4)))
        said["t"] = rng.choice(_BASES)
        if said["op"] == "data":
            said["d"] = [rng.choice(_OFFSETS) if rng.random() < 0.5 else rng.choice((0, 0, 1)) for _ in said["c"]]
            if rng.random() < 0.1:
                said |= {"c": [0] * 1_200, "d": [0] * 1_200, "v": [1.0] * 1_200}
        elif "step_ns" in said:
            said["step_ns"] = rng.choice((0, 1, 10**14, 10**14 + 1, 10**9, -1, 1.0, 2**63))
        else:
            count = len(said["d"]) // 4
            said["d"] = struct.pack(f"<{count}i", *(rng.choice((0, 1, -1, 2**31 - 1, -(2**31))) for _ in range(count)))
        steps.append(said)
    return _messages("H20", steps)


def h21_names(rng: random.Random) -> Exchange:
    """Names, units, texts, ids and levels with control, bidi and formula characters, too long, and nobody's."""
    chance = rng.random()
    if chance < 0.45:
        said = hello(rng)
        for _ in range(rng.randrange(1, 4)):
            name, at = rng.choice(_NAMES), rng.randrange(6)
            if rng.random() < 0.6:  # as much of it as is taken
                name = "".join(letter for letter in name if letter >= " " and not "\x7f" <= letter <= "\x9f")
                name = name.encode()[:64].decode(errors="ignore").strip() or "x"
            said["channels"] = [dict(channel) for channel in said["channels"]]
            match rng.randrange(7):
                case 0:
                    said["channels"][at]["name"] = name
                case 1:
                    said["channels"][at]["unit"] = name
                case 2:
                    said["channels"][3]["values"] = [name, "on"]
                case 3:
                    said["commands"] = [{"name": name, "description": name, "args": {name: {"type": "text", "default": name}}}]
                case 4:
                    said["firmware"] = name
                case 5:
                    said["device"] = rng.choice((name, NAME.upper(), NAME + "x", NAME[:-1]))
                case _:
                    said["results"] = [{"id": name, "state": "failed", "reason": name}]
        return _messages("H21", [said, plain(rng, 1), data(rng, 2)], is_known=False)
    steps = []
    for seq in range(1, 5):
        name = rng.choice(_NAMES)
        said = rng.choice((other(rng, seq), data(rng, seq)))
        if said["op"] == "data":
            said |= {"c": [4], "d": [0], "v": [name]}
        else:
            key = rng.choice([key for key in said if key not in ("e", "s")])
            said[key] = rng.choice((name, {name: name}, {"a": name}))
        steps.append(said)
    return _messages("H21", steps)


def h22_sequence(rng: random.Random) -> Exchange:
    """Frames again, in another order, with holes, of other epochs, at the ends of the numbers; several hellos."""
    seqs = list(range(1, rng.randrange(3, 9)))
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(seqs))
        match rng.randrange(5):
            case 0:
                seqs.insert(at, rng.choice(seqs))
            case 1:
                seqs[at:at] = seqs[: at + 1]
            case 2 if rng.random() < 0.4:
                rng.shuffle(seqs)
            case 3 if rng.random() < 0.3:
                seqs[at] = rng.choice((0, -1, 2**53 - 1, 2**53, 2**63, seqs[at] + 1))
            case _:
                seqs.insert(at, 1)
    steps = [framing(rng, seq) for seq in seqs]
    if rng.random() < 0.25:
        rng.choice(steps)["e"] = rng.choice((1, EPOCH ^ 1, 0, -1, 2**63, 2**64 - 1))
    if rng.random() < 0.3:
        at, last = rng.randrange(len(steps) + 1), rng.choice((seqs[-1], 1, 2**53 - 1, seqs[-1] + 5))
        gap = {"e": EPOCH, "s": rng.choice((1, seqs[-1], len(seqs))), "op": "gap", "last": last, "readings": 1, "reason": "x"}
        steps.insert(at, gap | rng.choice(({}, {}, {"of": 7, "of_last": 9, "last": gap["s"]}, {"of": EPOCH, "of_last": 3})))
    if rng.random() < 0.3:
        first = rng.choice((1, 2, 2**53 - 3, 2**53 - 1))
        said = hello(rng) | {"unfinished": [{"epoch": EPOCH, "first": first, "last": first + rng.choice((0, 1, 5, -1, -2))}]}
        said["unfinished"] += rng.choice(([], [{"epoch": n + 1, "first": 1, "last": 1} for n in range(rng.choice((3, 63, 64)))]))
        steps = [said, *(step | {"s": step["s"] + first - 1} for step in steps)]
        return _messages("H22", [*steps, hello(rng)] if rng.random() < 0.2 else steps, is_known=False)
    return _messages("H22", steps)


def h23_commands(rng: random.Random) -> Exchange:
    """Results of commands that nobody sent, reports, gaps and logs, whole and spoilt; what only a hub says."""
    steps = []
    for seq in range(1, rng.randrange(3, 8)):
        head = {"e": EPOCH, "s": seq}
        state = rng.choice(
            ("accepted", "running", "done", "failed", "rejected", "expired", "cancelled", "too_late", "queued", "sent", "", 1)
        )
        value = rng.choice((None, {"a": {"b": 1}}, [[1]], [[[1]]], "x" * 60_000, float("nan"), b"\xff" * 9, 2**64 - 1, {b"x": 1}, {1: 1}))
        result = head | {"op": "result", "id": rng.choice(("abc", "", "x" * 64, "x" * 65, 1, "\x00")), "state": state, "value": value}
        result |= rng.choice(
            ({}, {"progress": rng.choice((0, 1, 0.5, 1.5, -1, "x", float("nan")))}, {"reason": rng.choice(("x" * 1_024, "x" * 1_025, 1))})
        )
        document: Any = rng.choice(
            ({}, {"a": 1}, {"a": {"b": {"c": 1}}}, {"a": {"b": {"c": {"d": 1}}}}, {"a": None}, {"a": b"x"}, {"": 1}, [], None)
        )
        document = rng.choice(
            (document, {"k" * n: 1 for n in range(1, 65)}, {str(n): "x" * 100 for n in range(90)}, {"a": 2**63}, {"a": float("nan")})
        )
        number = rng.choice((seq, 0, 1, 2**53 - 1, 2**53, "1", 1.0))
        report = head | {"op": "reported", "n": number, "version": rng.choice((0, 1, 2**53, -1)), "document": document}
        log = head | {
            "op": "log",
            "level": rng.choice(("info", "fatal", 1)),
            "t": rng.choice((None, NOW_US, 2**63)),
            "text": "x" * rng.choice((0, 4_096, 4_097)),
        }
        asked = {
            "op": rng.choice(("welcome", "ack", "bye", "command", "", "x" * 9_000, None, 1, ["hello"])),
            "acks": [[EPOCH, 10**9]],
            "id": "abc",
        }
        steps.append(rng.choice((result, result, report, log, spoilt(rng, other(rng, seq)), head | asked, asked)))
    if rng.random() < 0.2:
        said = hello(rng) | {"results": [{key: value for key, value in step.items() if key not in ("e", "s", "op")} for step in steps]}
        return _messages("H23", [said, plain(rng, 1)], is_known=False)
    return _messages("H23", steps)


_TEXTS: Final = (
    *HOSTILE[:60],
    *(
        "",
        "x" * 2_000,
        "(" * 600,
        "not " * 200,
        "((((a))))",
        "a=",
        "=a",
        '"',
        'a="b',
        "a and",
        "*",
        "name=*",
        "-1",
        "1e999",
        "NaN",
        "9" * 400,
        "0x10",
    ),
    *(
        "' OR 1=1 --",
        "'; DROP TABLE raw; --",
        "1 UNION SELECT 1",
        '") |> drop()',
        "${env}",
        "{{7*7}}",
        "a\x00b",
        "é",
        "\U0010ffff",
        "10y",
        "-5m",
    ),
)
_KEYS: Final = (
    "device",
    "channel",
    "where",
    "from",
    "to",
    "span_s",
    "width",
    "width_us",
    "limit",
    "after",
    "state",
    "format",
    "kind",
    "level",
    "points",
    "agg",
)
_PLACES: Final = (
    *(
        "query",
        "latest",
        "series",
        "devices",
        "commands",
        "export",
        "alerts",
        "rules",
        "dashboards",
        "silences",
        "connections",
        "group-commands",
    ),
    *(
        "store",
        "nodes",
        "account",
        "hub",
        "openapi.json",
        "devices/{}",
        "devices/{}/log",
        "devices/{}/losses",
        "devices/{}/latency",
        "commands/{}",
    ),
    *(
        "devices/{}/shadow",
        "devices/{}/connections",
        "alerts/{}",
        "rules/{}",
        "dashboards/{}",
        "dashboards/{}/versions/{}",
        "live/{}",
        "live/{}/events",
    ),
)
_POSTS: Final = (
    *(("POST", "devices/{}/commands"), ("POST", "group-commands"), ("POST", "live"), ("PUT", "dashboards/{}"), ("POST", "silences")),
    *(
        ("POST", "shared"),
        ("PUT", "devices/{}/shadow/desired"),
        ("POST", "alerts/acknowledge"),
        ("POST", "rules/preview"),
        ("POST", "devices"),
    ),
)


def _anything(rng: random.Random, depth: int = 0) -> Any:
    chance = rng.random()
    if depth < 4 and chance < 0.25:
        return {rng.choice(_TEXTS)[:40]: _anything(rng, depth + 1) for _ in range(rng.randrange(4))}
    if depth < 4 and chance < 0.4:
        return [_anything(rng, depth + 1) for _ in range(rng.randrange(4))]
    return rng.choice((*_TEXTS, None, True, 0, -1, 1.5, 2**63, 10**400, float("nan"), 1e308, "\ud800", ["*"], [NAME]))


_FIELDS: Final = (
    "name",
    "args",
    "ttl_s",
    "where",
    "devices",
    "messages",
    "version",
    "dashboard",
    "reason",
    "for_s",
    "rule",
    "token",
    "document",
    "kind",
)


def _deep(rng: random.Random) -> str:
    depth = rng.choice((5, 100, 300, 700, 800, 900, 950, 980, 990, 2_000, 30_000))
    key = rng.choice(("op", "id", "n", "devices", "where", "span_s", "width_us", "cursor", "messages", "dashboard"))
    return '{"op":"subscribe","id":"a","' + key + '":' + rng.choice(("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth)) + "}"


def h24_queries(rng: random.Random) -> Exchange:
    """Queries, paths, bodies and subscriptions with text of every tongue, of SQL, Flux and templates, and numbers beyond all bounds."""
    if rng.random() < 0.4:
        good = {"op": rng.choice(("subscribe", "subscribe", "unsubscribe", "drawn", "no")), "id": "a", "devices": ["*"], "n": 1}
        for _ in range(rng.randrange(1, 4)):
            good[rng.choice((*good, "channels", "span_s", "width_us", "cursor", "where", "sent_us", "ago_us"))] = _anything(rng)
        texts = [_deep(rng) if rng.random() < 0.3 else json.dumps(good), '{"op":"unsubscribe","id":"a"}']
        return Exchange("H24", 0, who="json", steps=tuple(text.encode() for text in texts), is_framed=True, is_known=True)
    login = [("Host", "hub.example"), ("Authorization", f"Bearer {VIEWER_TOKEN.decode()}")]
    if rng.random() < 0.7:
        pairs = [(rng.choice(_KEYS), rng.choice((*_TEXTS, NAME, "temp", "1h", "0", "1s"))) for _ in range(rng.randrange(6))]
        place = rng.choice(_PLACES).replace("{}", quote(rng.choice((*_TEXTS, NAME))[:200], safe=""))
        asked = "&".join(f"{key}={quote(value[:600], safe='')}" for key, value in pairs)
        return Exchange("H24", 0, steps=(request(f"GET /api/v1/{place}?{asked} HTTP/1.1", login),))
    method, place = rng.choice(_POSTS)
    body = _deep(rng) if rng.random() < 0.2 else json.dumps({rng.choice(_FIELDS): _anything(rng) for _ in range(rng.randrange(6))})
    place = place.replace("{}", quote(rng.choice((*_TEXTS, NAME))[:200], safe=""))
    head = [*login, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Exchange("H24", 0, steps=(request(f"{method} /api/v1/{place} HTTP/1.1", head, body.encode()),))
