"""`tributary node list` on a real hub that stands alone; on two in tests/e2e/test_two_nodes.py."""

import json

from tests.support.command_line import CommandLine


def test_a_hub_that_stands_alone_is_the_only_node(run: CommandLine) -> None:
    done = run("node", "list")
    head, row = done.out.splitlines()
    assert head.split() == ["node", "health", "devices", "viewers", "frames/s", "behind", "store", "since", "version", "url"]
    assert " well " in row
    assert " nothing " in row
    assert " duckdb " in row
    assert "stands alone" in done.err


def test_json_is_what_the_hub_answers(run: CommandLine) -> None:
    answer = json.loads(run("node", "list", "--json").out)
    (node,) = answer["nodes"]
    assert (answer["node"], answer["alone"], answer["stale"]) == (node["name"], True, None)
    assert node["figures"]["credit"] == "open"
    assert node["figures"]["store_state"] == "ok"
