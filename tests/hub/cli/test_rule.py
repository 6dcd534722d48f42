"""`tributary rule` and `tributary alert` on a real hub: rules made, listed, edited by version and deleted; alerts listed."""

import json

from tests.support.command_line import CommandLine

HOT = ("rule", "set", "hot", "--kind", "above", "--channel", "temp", "--limit", "80")


def test_a_rule_is_made_listed_edited_and_deleted(run: CommandLine) -> None:
    assert "no rules yet" in run("rule", "list").err
    done = run(*HOT, "--for", "10", "--severity", "critical")
    assert (done.code, done.err) == (0, "rule hot is at version 1\n")
    assert "hot   1        critical  * temp  above 80 for 10 s" in run("rule", "list").out
    refused = run(*HOT, "--version", "7")
    assert refused.code != 0
    assert "is at version 1, not 7" in refused.err
    assert run(*HOT, "--version", "1").err == "rule hot is at version 2\n"
    assert json.loads(run("rule", "list", "--json").out)[0]["for_s"] == 0
    run(*HOT, "--version", "2", "--disabled")
    assert "above 80 (disabled)" in run("rule", "list").out
    assert run("rule", "delete", "hot").err == "deleted hot\n"
    assert json.loads(run("rule", "list", "--json").out) == []


def test_a_wrong_option_is_told_with_the_limit(run: CommandLine) -> None:
    done = run("rule", "set", "hot", "--kind", "above")
    assert done.code != 0
    assert "limit is missing" in done.err


def test_alerts_are_listed_and_one_that_is_not_there_is_not_acknowledged(run: CommandLine) -> None:
    assert run("alert", "list").out.split() == ["alert", "raised", "severity", "state", "rule", "what"]
    assert json.loads(run("alert", "list", "--json").out) == []
    assert "no alert has the id" in run("alert", "acknowledge", "none").err
