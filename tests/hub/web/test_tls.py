"""TLS as a port of a hub speaks it: which versions, ciphers, certificates and clients come through, and which are refused in words."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import Certificate, CertificateBuilder, DNSName, Name, NameAttribute, SubjectAlternativeName, random_serial_number
from cryptography.x509.oid import NameOID

from hub.core.errors import Refusal
from hub.web.listening import encryption
from hub.web.settings import DoorSettings
from tests.support.door import Place, is_refusal, running_door, until

ANYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"  # what the oldest client offers
GET = b"GET / HTTP/1.1\r\nHost: hub.example\r\n\r\n"
OLD = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")


@pytest.fixture
def pem(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "hub.pem"
    authority.issue_cert("hub.example").private_key_and_cert_chain_pem.write_to_path(path)
    return path


def careless() -> ssl.SSLContext:
    """Return a client that takes any certificate, so that what fails is refused by the hub."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def greeted(place: Place, context: ssl.SSLContext, name: str = "hub.example") -> trio.SSLStream[trio.SocketStream]:
    stream = trio.SSLStream(await place.connect(), context, server_hostname=name)
    try:
        with trio.fail_after(30):
            await stream.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


async def reason_of(place: Place, context: ssl.SSLContext, name: str = "hub.example") -> str:
    """Return why a handshake fails."""
    with pytest.raises((trio.BrokenResourceError, ssl.SSLError)) as failed:
        await trio.aclose_forcefully(await greeted(place, context, name))
    return f"{failed.value!r} {failed.value.__cause__!r}"


@OLD
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_an_old_version_is_refused(pem: Path, version: ssl.TLSVersion) -> None:
    context = careless()
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(ANYTHING)
    async with running_door(tls_certificate=pem) as place:
        assert "ALERT_PROTOCOL_VERSION" in await reason_of(place, context)
        await place.holds(0)


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES256-SHA256", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "aNULL", "eNULL"])
async def test_a_cipher_without_forward_secrecy_or_a_sound_sum_is_refused(pem: Path, ciphers: str) -> None:
    context = careless()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    async with running_door(tls_certificate=pem) as place:
        assert "HANDSHAKE_FAILURE" in await reason_of(place, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_version_of_today_is_spoken_without_compression(authority: trustme.CA, pem: Path, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with running_door(tls_certificate=pem) as place:
        stream = await greeted(place, context)
        assert stream.version() == version.name.replace("_", ".")
        assert (stream.compression(), stream.selected_alpn_protocol()) == (None, "http/1.1")
        await stream.send_all(GET)
        await until(stream, b"hello from /")
        await trio.aclose_forcefully(stream)


@pytest.mark.parametrize("wrong", ["expired", "of another name", "of nobody that is trusted"])
async def test_a_client_that_looks_does_not_take_a_wrong_certificate(authority: trustme.CA, tmp_path: Path, wrong: str) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    made: dict[str, Callable[[], trustme.LeafCert]] = {
        "expired": lambda: authority.issue_cert("hub.example", not_after=past),
        "of another name": lambda: authority.issue_cert("other.example"),
        "of nobody that is trusted": lambda: trustme.CA().issue_cert("hub.example"),
    }
    pem = tmp_path / "hub.pem"
    made[wrong]().private_key_and_cert_chain_pem.write_to_path(pem)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with running_door(tls_certificate=pem) as place:
        assert "CERTIFICATE_VERIFY_FAILED" in await reason_of(place, context)
        await place.holds(0)


def test_a_certificate_whose_key_is_too_short_is_refused_at_the_start(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    (tmp_path / "weak.pem").write_bytes(_signed_by_itself(key).public_bytes(serialization.Encoding.PEM))
    (tmp_path / "weak.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(Refusal) as refused:
        encryption(DoorSettings(tls_certificate=tmp_path / "weak.pem", tls_key=tmp_path / "weak.key"))
    assert refused.value.code == "bad_certificate"
    assert "weak.pem" in refused.value.message
    assert "KEY_TOO_SMALL" in refused.value.message.upper().replace(" ", "_")


def _signed_by_itself(key: rsa.RSAPrivateKey) -> Certificate:
    from cryptography.hazmat.primitives import hashes

    name, now = Name([NameAttribute(NameOID.COMMON_NAME, "hub.example")]), datetime.now(UTC)
    built = CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    return built.add_extension(SubjectAlternativeName([DNSName("hub.example")]), critical=False).sign(key, hashes.SHA256())


async def test_a_handshake_that_stands_still_is_cut_as_a_head_is(pem: Path) -> None:
    assert DoorSettings().head_timeout_s == 5.0
    client = careless().wrap_bio(ssl.MemoryBIO(), hello := ssl.MemoryBIO(), server_hostname="hub.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    async with running_door(tls_certificate=pem, head_timeout_s=0.1) as place, await place.connect() as stream:
        await stream.send_all(hello.read())
        with trio.fail_after(30):
            while await stream.receive_some():
                pass  # the hub's half, and then the end
        await place.holds(0)


async def test_what_comes_in_the_clear_is_told_that_this_is_tls(pem: Path) -> None:
    async with running_door(tls_certificate=pem) as place:
        said = is_refusal(await place.answer_to(b"POST /api/v1/live HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"), 403, "tls_required")
        assert "https://" in said["hint"]
