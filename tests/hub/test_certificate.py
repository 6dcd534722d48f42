"""Until when a certificate is good, found out without a network."""

import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from hub.certificate import certificate_end_s


def write(directory: Path, name: str, certificate: trustme.LeafCert) -> tuple[Path, Path]:
    chain, key = directory / f"{name}.pem", directory / f"{name}.key"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(str(key))
    return chain, key


def test_end_of_a_good_certificate_is_told(tmp_path: Path) -> None:
    ends = datetime.now(UTC) + timedelta(days=30)
    chain, key = write(tmp_path, "hub", trustme.CA().issue_cert("hub.example", not_after=ends))
    assert certificate_end_s(chain, key) == pytest.approx(ends.timestamp(), abs=2)
    assert certificate_end_s(chain, key) > time.time()


def test_expired_certificate_is_refused(tmp_path: Path) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    chain, key = write(tmp_path, "hub", trustme.CA().issue_cert("hub.example", not_after=past))
    with pytest.raises(ssl.SSLError, match="expired"):
        certificate_end_s(chain, key)


def test_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    chain, _ = write(tmp_path, "hub", authority.issue_cert("hub.example"))
    _, other_key = write(tmp_path, "other", authority.issue_cert("other.example"))
    with pytest.raises(ssl.SSLError):
        certificate_end_s(chain, other_key)
