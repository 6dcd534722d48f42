"""Tests of simulators/haproxy_process.py: what is run is the configuration that is shipped, but for its places."""

from pathlib import Path

from simulators.haproxy_process import SHIPPED, configuration


def test_only_servers_and_the_port_are_others_than_in_the_shipped_file() -> None:
    shipped = SHIPPED.read_text()
    made = configuration(shipped, 8080, {"one": "127.0.0.1:1001", "two": "127.0.0.1:1002"}, Path("/run/control"))
    added = {"global", "stats socket /run/control", "bind 127.0.0.1:8080", "server one 127.0.0.1:1001", "server two 127.0.0.1:1002"}
    before, after = ([line.strip() for line in text.splitlines()] for text in (shipped, made))
    assert {line for line in after if line not in before} == added
    assert all(line.startswith(("server ", "bind ")) for line in before if line not in after)
    assert after.count("server one 127.0.0.1:1001") == 2  # of those who hold sockets, and of requests
