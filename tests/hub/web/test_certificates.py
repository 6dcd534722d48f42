"""Renewed certificates: taken by new connections, kept off where they are no good, and told of before they end."""

import os
import signal
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import trustme
from structlog.testing import capture_logs

from hub.web.certificates import Certificates
from hub.web.settings import DoorSettings
from tests.support.door import Place, running_door

DAY_S = 86_400


def write(path: Path, certificate: trustme.LeafCert) -> bytes:
    """Write key and certificate, as a renewal does, and return the certificate as clients see it."""
    draft = path.with_suffix(".new")
    certificate.private_key_and_cert_chain_pem.write_to_path(draft)
    draft.replace(path)
    return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())


async def secured(place: Place, authority: trustme.CA) -> "trio.SSLStream[trio.SocketStream]":
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    stream = trio.SSLStream(await place.connect(), trust, server_hostname="hub.example")
    await stream.do_handshake()
    return stream


async def test_renewed_certificate_is_served_to_new_connections_and_drops_none(authority: trustme.CA, tmp_path: Path) -> None:
    pem = tmp_path / "hub.pem"
    first = write(pem, authority.issue_cert("hub.example"))
    async with running_door(tls_certificate=pem) as place:
        with trio.fail_after(30):
            before = await secured(place, authority)
            assert before.getpeercert(binary_form=True) == first
            second = write(pem, authority.issue_cert("hub.example"))
            os.kill(os.getpid(), signal.SIGHUP)
            served = first
            while served != second:
                after = await secured(place, authority)
                served = after.getpeercert(binary_form=True)
                await trio.aclose_forcefully(after)
            await before.send_all(b"GET /old HTTP/1.1\r\nHost: h\r\n\r\n")
            heard = b""
            while b"hello from /old" not in heard:
                heard += bytes(await before.receive_some())
            await trio.aclose_forcefully(before)
        assert [line["event"] for line in place.logs] == ["certificate_taken"]


@pytest.mark.parametrize("bad", ["garbage", "expired", "early", "other key", "gone"])
def test_bad_new_file_keeps_the_old_one_and_says_so(authority: trustme.CA, tmp_path: Path, bad: str) -> None:
    now = datetime.now(UTC)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    good = authority.issue_cert("hub.example")
    good.cert_chain_pems[0].write_to_path(chain)
    good.private_key_pem.write_to_path(key)
    certificates = Certificates(DoorSettings(tls_certificate=chain, tls_key=key))
    certificates.load()
    old = certificates.context
    match bad:
        case "garbage":
            chain.write_text("nothing")
        case "expired":
            late = authority.issue_cert("hub.example", not_after=now - timedelta(days=1))
            late.cert_chain_pems[0].write_to_path(chain)
            late.private_key_pem.write_to_path(key)
        case "early":
            early = authority.issue_cert("hub.example", not_before=now + timedelta(days=1), not_after=now + timedelta(days=9))
            early.cert_chain_pems[0].write_to_path(chain)
            early.private_key_pem.write_to_path(key)
        case "other key":
            authority.issue_cert("hub.example").cert_chain_pems[0].write_to_path(chain)
        case "gone":
            key.unlink()
    with capture_logs() as logs:
        certificates.renew()
        certificates.renew()
    assert certificates.context is old
    assert [line["event"] for line in logs] == ["certificate_not_taken"]
    assert "is not used" in certificates.notes()[0]
    good.cert_chain_pems[0].write_to_path(chain)
    good.private_key_pem.write_to_path(key)
    certificates.renew()
    assert certificates.context is not old
    assert certificates.notes() == []


async def test_files_are_looked_at_once_a_minute(authority: trustme.CA, tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    pem = tmp_path / "hub.pem"
    write(pem, authority.issue_cert("hub.example"))
    certificates = Certificates(DoorSettings(tls_certificate=pem))
    certificates.load()
    old = certificates.context
    async with trio.open_nursery() as nursery:
        nursery.start_soon(certificates.run)
        await trio.testing.wait_all_tasks_blocked()
        write(pem, authority.issue_cert("hub.example"))
        await trio.sleep(59)
        assert certificates.context is old
        await trio.sleep(2)
        assert certificates.context is not old
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("days", "is_told"), [(15, False), (13, True)])
def test_end_is_told_two_weeks_before(authority: trustme.CA, tmp_path: Path, days: float, *, is_told: bool) -> None:
    pem = tmp_path / "hub.pem"
    write(pem, authority.issue_cert("hub.example", not_after=datetime.now(UTC) + timedelta(days=days)))
    certificates = Certificates(DoorSettings(tls_certificate=pem))
    certificates.load()
    assert [f"in {days} days" in note for note in certificates.notes()] == [True] * is_told


async def test_end_is_logged_once_a_day(authority: trustme.CA, tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    pem = tmp_path / "hub.pem"
    write(pem, authority.issue_cert("hub.example", not_after=datetime.now(UTC) + timedelta(days=15)))
    began_s = time.time()
    certificates = Certificates(DoorSettings(tls_certificate=pem), lambda: began_s + trio.current_time())
    certificates.load()
    with capture_logs() as logs, trio.move_on_after(3.5 * DAY_S):
        await certificates.run()
    assert [line["event"] for line in logs] == ["certificate_ends"] * 3


async def test_certificate_that_has_ended_is_served_and_told(authority: trustme.CA, tmp_path: Path) -> None:
    pem = tmp_path / "hub.pem"
    write(pem, authority.issue_cert("hub.example", not_after=datetime.now(UTC) - timedelta(days=1)))
    async with running_door(tls_certificate=pem) as place:
        assert place.door.certificates.context is not None
        assert "not good" in place.door.certificates.notes()[0]
