"""`tributary user`, `token` and `audit` on a real hub: where a password is read, and what is printed."""

import getpass
import io
import json
import sys
import urllib.error
import urllib.request

import pytest

from tests.support.command_line import CommandLine, Terminal
from tests.support.hub_process import RunningHub

PASSWORD = "correct horse"


def test_a_users_life_with_the_password_from_stdin(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    done = run("user", "add", "ann", "--role", "operator")
    assert (done.code, done.out, done.err) == (0, "", "added ann as operator\n")
    assert run("user", "role", "ann", "viewer").code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("another horse\n"))
    assert run("user", "password", "ann").code == 0
    assert run("user", "list").out.splitlines()[1].split()[:2] == ["ann", "viewer"]
    assert json.loads(run("user", "list", "--json").out)[0]["version"] == 3
    assert "tributary user enable ann" in run("user", "disable", "ann").err
    assert run("user", "list").out.splitlines()[1].split()[-1] == "disabled"
    assert run("user", "enable", "ann").err == "ann can log in again\n"
    assert "disabled" not in run("user", "list").out
    assert run("user", "remove", "ann").err == "removed ann\n"
    assert "no users yet" in run("user", "list").err
    assert run("user", "remove", "ann").code == 1


def test_a_person_types_the_password_twice(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    typed = iter([PASSWORD, "correct hose", PASSWORD, PASSWORD])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(typed))
    done = run("user", "add", "bob")
    assert (done.code, "differ" in done.err) == (2, True)
    assert run("user", "add", "bob").err == "added bob as viewer\n"


@pytest.mark.parametrize("said", ["", "\n", "short\n"])
def test_no_password_and_a_short_one_add_nobody(run: CommandLine, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    assert run("user", "add", "eve").code == 2
    assert "eve" not in run("user", "list").out


def test_no_command_takes_a_password_as_an_argument(run: CommandLine) -> None:
    assert run("user", "add", "eve", PASSWORD).code == 2
    assert run("user", "password", "eve", PASSWORD).code == 2


def test_a_token_stands_alone_on_stdout(run: CommandLine) -> None:
    done = run("token", "add", "grafana", "--days", "2")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("trib_")
    assert done.out.count("\n") == 1
    listed = run("token", "list")
    assert listed.out.splitlines()[1].split()[:3] == ["grafana", "viewer", "admin"]
    assert done.out.strip() not in listed.out
    assert run("token", "revoke", "grafana").err == "revoked grafana\n"
    assert "no tokens yet" in run("token", "list").err


def test_the_audit_log_says_who_did_what(run: CommandLine) -> None:
    run("token", "add", "audited", "--role", "operator")
    newest = json.loads(run("audit", "--limit", "1", "--json").out)[0]
    assert (newest["who"], newest["action"], newest["what"]) == ("admin", "make token", "token audited")
    assert run("audit").out.splitlines()[1].split()[1:6] == ["admin", "make", "token", "token", "audited"]


def test_who_is_locked_out_is_listed_and_unlocked(run: CommandLine, hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    run("user", "add", "carl")
    assert run("user", "locked").err == "nobody is locked out\n"
    form = {"Origin": hub.url, "Content-Type": "application/x-www-form-urlencoded"}
    left_s = 0.0
    while left_s <= 3:  # each try that is looked at doubles the wait: so long that also a slow machine comes in time
        request = urllib.request.Request(f"{hub.url}/login", b"name=carl&password=wrong", form)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        refused.value.close()
        left_s = max((each["left_s"] for each in json.loads(run("user", "locked", "--json").out) if each["key"] == "carl"), default=0.0)
    assert "carl" in run("user", "locked").out
    assert run("user", "unlock", "carl").err == "carl may try again\n"
    assert run("user", "unlock", "carl").code == 1
    assert run("user", "logout", "carl").err == "carl is logged out everywhere\n"


def test_the_audit_log_is_filtered_and_exported(run: CommandLine) -> None:
    run("token", "add", "exported")
    assert run("audit", "--what", "exported", "--action", "make token").out.count("\n") == 2
    assert run("audit", "--who", "nobody-here").out.count("\n") == 1
    exported = run("audit", "--what", "exported", "--since", "1h", "--csv").out
    assert exported.splitlines()[0] == '"time","who","action","what","more"'
    assert '"admin","make token","token exported"' in exported
    assert run("audit", "--csv", "--json").code == 2
