"""What answers that refuse mean, and to whom."""

import json

import pytest

from devices.client.opening import DeviceRefused, Unreachable, authority_of, device_url, refused

HUBS_OWN = json.dumps({"code": "wrong_token", "message": "no device has this token", "hint": "make a new one"}).encode()


def test_the_hubs_own_refusal_ends_it_for_the_device() -> None:
    error = refused(401, {}, HUBS_OWN)
    assert isinstance(error, DeviceRefused)
    assert (error.code, error.reason, error.hint) == (401, "no device has this token", "make a new one")


@pytest.mark.parametrize("body", [b"", b"<html>Forbidden</html>", b"[]", b'{"error": "no"}'])
def test_a_proxy_that_forbids_an_upgrade_speaks_for_its_way_only(body: bytes) -> None:
    error = refused(403, {}, body)
    assert isinstance(error, Unreachable)
    assert error.is_way


@pytest.mark.parametrize(("status", "is_way"), [(426, True), (502, True), (503, False), (423, False), (429, False)])
def test_a_hub_that_has_no_room_now_would_have_none_by_another_way(status: int, *, is_way: bool) -> None:
    error = refused(status, {"retry-after": "7"}, b"")
    assert isinstance(error, Unreachable)
    assert (error.is_way, error.retry_s) == (is_way, 7.0)


def test_addresses_are_named_as_requests_name_them() -> None:
    assert authority_of(device_url("http://hub:8080")) == "hub:8080"
    assert authority_of(device_url("https://[::1]")) == "[::1]"
