"""The page's own judgement of tag expressions beside the hub's: thousands, right and wrong, and the same answers. Needs node."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from hub.core.errors import Refusal
from hub.core.tags import parse

pytestmark = pytest.mark.needs_server("node")
PARTS = [
    *("and", "or", "not", "(", ")", "=", "!=", "!", '"', " ", "  ", "\t", "\u00a0", "\u2003", "\x1c", "\ufeff"),
    *("floor", "2", "outdoor", "kind", "pump*", "*", "ü", "😀", "'", "\\", '"hall 3"', '""', "a.b:c-d", "presence=online", "flapping"),
]
FACTS = [{}, {"floor": "2", "outdoor": "", "kind": "pump-7", "presence": "online"}, {"ü": "😀", "hall 3": "2", "": "", "flapping": ""}]


def judged(expression: str, facts: dict[str, str]) -> bool | str:
    try:
        return parse(expression)(facts)
    except Refusal as refused:
        return refused.message


def test_page_and_hub_agree_on_any_expression() -> None:
    draw = random.Random(20_261_121)
    asked = [("".join(draw.choices(PARTS, k=draw.randrange(1, 14))), draw.choice(FACTS)) for _ in range(8_000)]
    asked += [(" ".join(draw.choices(PARTS[:6] + PARTS[16:18], k=draw.randrange(1, 9))), draw.choice(FACTS)) for _ in range(4_000)]
    done = subprocess.run(
        ["node", "tags_judged.mjs"], input=json.dumps(asked), cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    ours = [judged(*each) for each in asked]
    different = [(each, hub, page) for each, hub, page in zip(asked, ours, json.loads(done.stdout), strict=True) if hub != page]
    assert different == []
    assert sum(each is True for each in ours) > 100  # not only refusals agree
