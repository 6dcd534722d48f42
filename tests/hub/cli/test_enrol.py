"""This machine's name as a device name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.fields import is_device_name
from hub.cli.enrol import machine_name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("pi-4.local", "pi-4.local"),
        ("Küche 1", "K-che-1"),
        ("", "this-machine"),
        ("_x", "x"),
        ("a" * 80, "a" * 64),
        ("日本", "this-machine"),
    ],
)
def test_host_name_becomes_a_device_name(host: str, name: str) -> None:
    assert machine_name(host) == name


@given(st.text())
def test_whatever_the_host_is_called_the_hub_takes_its_name(host: str) -> None:
    assert is_device_name(machine_name(host))
