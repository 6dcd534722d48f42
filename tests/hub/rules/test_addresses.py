"""Where webhooks may go: of the many ways to spell this machine or its network none passes, but what the setting names does."""

from ipaddress import ip_address
from typing import Any

import pytest
import trio

from hub.core.errors import Refusal
from hub.rules.addresses import AddressDenied, allowed_in, is_public
from hub.rules.webhook import check_url

OURS = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 127.255.255.254 169.254.0.1 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7
203.0.113.7 224.0.0.1 224.0.0.251 233.252.0.1 239.255.255.250 240.0.0.1 255.255.255.254 255.255.255.255 :: ::1 ::127.0.0.1 ::10.0.0.1
::ffff:127.0.0.1 ::ffff:10.1.2.3 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
100::1 2001::1 2001:db8::1 2001:10::1 2002:7f00:1:: 2002:a00:1:: 2002:a9fe:a9fe:: 2002:c0a8:1::1 fc00::1 fd00:ec2::254 fe80::1
fe80::a9fe:a9fe febf::1 fec0::1 ff02::1 ff05::2 ff0e::1 ffff::1 4000::1
""".split()  # noqa: SIM905
PUBLIC = """
1.1.1.1 8.8.8.8 93.184.216.34 223.255.255.254 2606:4700::1111 2a00:1450:4001::1 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1
""".split()  # noqa: SIM905
BAD_URLS = """
file:///etc/passwd ftp://example.com/ gopher://127.0.0.1:25/x dict://127.0.0.1:11211/ ldap://127.0.0.1/ javascript:alert(1) data:,x
ws://example.com/ //example.com/ /etc/passwd example.com http: http:// http:///x https://:443/ http://user@example.com/
http://a:b@example.com/ http://example.com@127.0.0.1/ http://example.com/#x http://example.com:0/ http://example.com:99999/
http://example.com:x/ http://[::1/ http://[::g]/ http://127.0.0.1/ http://127.0.0.1:8080/api/v1/hub https://127.0.0.1/ http://[::1]/
http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/ http://[fe80::1]/ http://169.254.169.254/latest/meta-data/ http://[fd00:ec2::254]/
http://10.0.0.1/ http://192.168.1.1/ http://0.0.0.0/ http://[::]/ http://224.0.0.1/ http://100.64.0.1/ http://[64:ff9b::7f00:1]/
http://[2002:7f00:1::]/
""".split()  # noqa: SIM905


@pytest.mark.parametrize("text", OURS)
def test_no_address_of_this_machine_or_its_network_is_public(text: str) -> None:
    assert not is_public(ip_address(text))
    with pytest.raises(AddressDenied, match="webhook_allow"):
        allowed_in(()).check("hooks.example", ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "url", [*BAD_URLS, "http://ex\nample.com/", "http://example.com/\r\nX: y", "http://bücher.example/", "http://a b/", "\x00"]
)
def test_an_address_that_no_webhook_may_have_is_refused_when_it_is_set(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_url(url, allowed_in(()))
    assert refused.value.code == "bad_target"
    assert refused.value.hint


def test_what_the_setting_names_passes_and_no_more() -> None:
    allowed = allowed_in(("10.1.0.0/16", "127.0.0.1", "Hooks.Internal", "fd00::/8"))
    for url in ("http://10.1.2.3/", "http://127.0.0.1:9000/x", "http://[fd00::7]/", "http://[::ffff:10.1.2.3]/"):
        check_url(url, allowed)
    for url in ("http://10.2.0.1/", "http://127.0.0.2/", "http://[fc00::7]/"):
        with pytest.raises(Refusal):
            check_url(url, allowed)
    allowed.check("hooks.internal", ip_address("192.168.0.1"))
    with pytest.raises(AddressDenied):
        allowed.check("other.internal", ip_address("192.168.0.1"))


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "017700000001", "0x7f.1"])
async def test_a_name_or_number_that_means_this_machine_is_denied_when_it_is_resolved(host: str) -> None:
    with pytest.raises(AddressDenied):
        await allowed_in(()).resolve(host, 80)


class Turning(trio.abc.HostnameResolver):
    """A name server that answers something else each time: what DNS rebinding does."""

    def __init__(self, *addresses: tuple[str, ...]) -> None:
        self._addresses = list(addresses)

    async def getaddrinfo(self, host: Any, port: Any, *more: int) -> Any:
        return [(2, 1, 6, "", (address, port)) for address in self._addresses.pop(0)]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        raise OSError("not asked for")


async def test_a_name_is_judged_anew_at_each_attempt_and_one_bad_address_is_enough() -> None:
    trio.socket.set_custom_hostname_resolver(Turning(("8.8.8.8",), ("127.0.0.1",), ("8.8.8.8", "169.254.169.254")))
    assert str(await allowed_in(()).resolve("hooks.example", 80)) == "8.8.8.8"
    with pytest.raises(AddressDenied, match=r"hooks\.example is 127\.0\.0\.1, which is no public address"):
        await allowed_in(()).resolve("hooks.example", 80)
    with pytest.raises(AddressDenied, match=r"169\.254"):
        await allowed_in(()).resolve("hooks.example", 80)
