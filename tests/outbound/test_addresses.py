"""Which addresses are refused, in every spelling, and what an operator may allow."""

import socket
from ipaddress import ip_address

import pytest

from runtime.errors import AuthorError, OperatorError, ProviderError
from runtime.graph.messages import HttpRequest
from runtime.outbound.addresses import Allowed, why_refused
from runtime.outbound.client import GuardedHttp

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2606:4700::1111"]
PUBLIC += ["2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]

# Spellings that reach this machine or its network once the system's resolver has read them.
SPELLINGS = [
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[fe80::1%25eth0]/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://127.0.0.1%00.example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://127.0.0.1:80\t/",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text):
    assert why_refused(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text):
    assert why_refused(ip_address(text)) == ""


async def numeric(host, port):
    """The system's own reading of a host, without asking any name server."""
    if host.rstrip(".") == "localhost":
        return ["127.0.0.1"]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [entry[4][0] for entry in found]


@pytest.mark.parametrize("url", SPELLINGS)
async def test_no_spelling_reaches_this_machine(url):
    http = GuardedHttp(resolve=numeric)
    try:
        with pytest.raises((AuthorError, ProviderError)) as caught:
            await http.send(HttpRequest("GET", url, timeout=5))
    finally:
        await http.close()
    assert any(
        word in caught.value.what for word in ("may not call", "leads to no address", "not an address", "password")
    )
    assert caught.value.mend


@pytest.mark.parametrize(
    ("entry", "address", "port", "covered"),
    [
        ("127.0.0.1", "127.0.0.1", 80, True),
        ("127.0.0.1", "127.0.0.2", 80, False),
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "127.0.0.1", 80, False),
        ("10.0.0.0/8", "10.9.8.7", 5, True),
        ("10.0.0.0/8", "11.0.0.1", 5, False),
        ("10.0.0.0/8:443", "10.9.8.7", 443, True),
        ("10.0.0.0/8:443", "10.9.8.7", 80, False),
        ("10.1.2.3/8", "10.200.0.1", 80, True),
        ("::1", "::1", 80, True),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "::1", 80, False),
        ("[fd00::/8]:80", "fd12::1", 80, True),
        ("127.0.0.1", "::1", 80, False),
        ("127.0.0.1", "::ffff:127.0.0.1", 80, True),
    ],
)
def test_allowed_ranges(entry, address, port, covered):
    assert Allowed.parse([entry]).covers(ip_address(address), port) is covered


@pytest.mark.parametrize(
    ("entry", "host", "port", "covered"),
    [
        ("intranet.example", "intranet.example", 80, True),
        ("Intranet.Example.", "INTRANET.example", 80, True),
        ("intranet.example", "intranet.example.", 80, True),
        ("intranet.example", "evil.intranet.example", 80, False),
        ("intranet.example:8443", "intranet.example", 8443, True),
        ("intranet.example:8443", "intranet.example", 443, False),
        ("büro.example", "xn--bro-hoa.example", 80, True),
    ],
)
def test_allowed_names(entry, host, port, covered):
    assert Allowed.parse([entry]).covers_name(host, port) is covered


@pytest.mark.parametrize(
    "entry", ["http://x.example", "10.0.0.0/33", "a b", "x:port", "x@y", "[::1", "", "x/y", "::1:99999:"]
)
def test_a_wrong_entry_is_the_operators_error(entry):
    with pytest.raises(OperatorError) as caught:
        Allowed.parse([entry])
    assert caught.value.mend
