"""`tributary silence` on a real hub: made, listed, lifted."""

import json

from tests.support.command_line import CommandLine


def test_a_silence_is_made_listed_and_lifted(run: CommandLine) -> None:
    id_ = run("silence", "add", "--device", "pump", "--rule", "hot", "--for", "2h", "--reason", "work").out.strip()
    assert "active  rule=hot device=pump" in run("silence", "list").out
    (listed,) = json.loads(run("silence", "list", "--json").out)
    assert (listed["id"], listed["until_us"] - listed["from_us"]) == (id_, 7_200_000_000)
    assert run("silence", "lift", id_).err == f"lifted {id_}\n"
    run("silence", "add", "--where", "floor=2", "--from", "2100-01-01T00:00:00Z", "--until", "2100-01-02T00:00:00Z", "--reason", "work")
    assert "coming  where=floor=2  2100-01-01T00:00:00.000000Z  2100-01-02T00:00:00.000000Z" in run("silence", "list").out
    assert "no silence has the id" in run("silence", "lift", "none").err


def test_a_rule_means_devices_by_their_tags(run: CommandLine) -> None:
    assert run("rule", "set", "wet", "--kind", "above", "--limit", "1", "--where", "floor=2").code == 0
    assert "floor=2 *" in run("rule", "list").out
    assert "devices and where contradict" in run("rule", "set", "w2", "--kind", "offline", "--where", "floor=2", "--device", "pump").err
