"""The guarded client against real servers on loopback: vetting, redirects, caps, headers and broken servers."""

import asyncio
import gzip
import ssl
import time
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runtime.errors import AuthorError, ProviderError
from runtime.graph.messages import HttpRequest
from runtime.outbound.client import GuardedHttp


def response(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def echo(asked, writer):
    return response(b"hello", content_type="text/plain", x_twice="a\r\nx-twice: b")


@pytest.fixture
async def http():
    made = GuardedHttp(["127.0.0.1"])
    yield made
    await made.close()


async def test_a_request_arrives_whole_and_the_answer_comes_back(http, serving):
    async with serving(echo) as server:
        request = HttpRequest(
            "post", f"{server.url}/a%20b?q=é&x=1#part", {"X-Key": "sésame", "Accept": "text/*"}, b"{}"
        )
        answer = await http.send(request)
    asked = server.asked[0]
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-twice"] == "a, b"
    assert (asked.method, asked.target, asked.body) == ("POST", "/a%20b?q=%C3%A9&x=1", b"{}")
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers["x-key"].encode("latin-1").decode() == "sésame"
    assert (asked.headers["accept"], asked.headers["user-agent"]) == ("text/*", "Canevas")


async def test_connections_are_kept(http, serving):
    async with serving(echo) as server:
        for _ in range(5):
            await http.send(HttpRequest("GET", server.url))
        assert (len(server.asked), server.connections) == (5, 1)
        await asyncio.gather(*(http.send(HttpRequest("GET", server.url)) for _ in range(20)))
        assert len(server.asked) == 25


async def test_loopback_is_refused_unless_allowed(serving):
    async with serving(echo) as server:
        for entries, fine in (((), False), (("10.0.0.0/8",), False), ((f"127.0.0.1:{server.port}",), True)):
            http = GuardedHttp(entries)
            if fine:
                assert (await http.send(HttpRequest("GET", server.url))).status == 200
            else:
                with pytest.raises(AuthorError) as caught:
                    await http.send(HttpRequest("GET", server.url))
                assert "CANEVAS_ALLOWED_HOSTS" in caught.value.mend
            await http.close()
    assert len(server.asked) == 1


async def test_a_name_is_resolved_once_and_the_vetted_address_is_dialled(serving):
    answers = [["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"]]
    asked = []

    async def rebind(host, port):
        asked.append(host)
        return answers.pop(0)

    http = GuardedHttp(["127.0.0.2"], resolve=rebind)
    async with serving(echo, "127.0.0.2") as good, serving(echo, "127.0.0.1", good.port) as inside:
        url = f"http://rebind.example:{good.port}/"
        assert (await http.send(HttpRequest("GET", url, {"Connection-Id": "1"}))).status == 200
        assert asked == ["rebind.example"]
        await http.close()
        with pytest.raises(AuthorError):
            await http.send(HttpRequest("GET", url))
    await http.close()
    assert (len(good.asked), len(inside.asked)) == (1, 0)
    assert good.asked[0].headers["host"] == f"rebind.example:{good.port}"


@pytest.mark.parametrize(
    "addresses",
    [
        ["93.184.216.34", "10.0.0.1"],
        ["::1"],
        ["93.184.216.34", "fe80::1%eth0"],
        ["rubbish"],
        ["::ffff:169.254.169.254"],
    ],
)
async def test_one_bad_address_refuses_the_name(addresses):
    async def resolve(host, port):
        return addresses

    http = GuardedHttp(resolve=resolve)
    with pytest.raises(AuthorError) as caught:
        await http.send(HttpRequest("GET", "http://mixed.example/", timeout=5))
    await http.close()
    assert "mixed.example" in caught.value.what
    assert not any(address in str(caught.value) for address in addresses)


async def test_an_allowed_name_may_lead_anywhere_and_dead_addresses_are_passed_over(serving):
    async def resolve(host, port):
        return ["127.0.0.3", "127.0.0.1"]

    http = GuardedHttp(["intranet.example"], resolve=resolve)
    async with serving(echo) as server:
        assert (await http.send(HttpRequest("GET", f"http://intranet.example:{server.port}/"))).status == 200
        with pytest.raises(AuthorError):
            await http.send(HttpRequest("GET", f"http://other.example:{server.port}/"))
    await http.close()


async def test_redirects_are_followed_and_vetted_again(http, serving):
    async def answer(asked, writer):
        if asked.target == "/in":
            return response(status=302, location="http://127.0.0.9:1/secret")
        if asked.target == "/meta":
            return response(status=307, location="http://169.254.169.254/latest/")
        if asked.target == "/scheme":
            return response(status=302, location="file:///etc/passwd")
        if asked.target == "/user":
            return response(status=302, location=f"http://a:b@127.0.0.1:{server.port}/end")
        if asked.target == "/loop":
            return response(status=302, location="/loop")
        if asked.target == "/nowhere":
            return response(b"kept", status=302)
        if asked.target.startswith("/go/"):
            left = int(asked.target[4:])
            return response(status=302, location=f"{left - 1}" if left else "../end")
        return response(b"end")

    async with serving(answer) as server:
        for path in ("/in", "/meta"):
            with pytest.raises(AuthorError, match="may not call"):
                await http.send(HttpRequest("GET", server.url + path))
        for path, word in (("/scheme", "cannot be called"), ("/user", "cannot be called"), ("/loop", "more than 5")):
            with pytest.raises(ProviderError, match=word) as caught:
                await http.send(HttpRequest("GET", server.url + path))
            assert not caught.value.retry
        assert (await http.send(HttpRequest("GET", server.url + "/nowhere"))).body == b"kept"
        answer5 = await http.send(HttpRequest("GET", server.url + "/go/4"))
        assert (answer5.body, answer5.url) == (b"end", server.url + "/end")
        with pytest.raises(ProviderError, match="more than 5"):
            await http.send(HttpRequest("GET", server.url + "/go/5"))


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (301, "PUT", "PUT", b"data"),
        (302, "GET", "GET", b""),
        (307, "POST", "POST", b"data"),
        (308, "DELETE", "DELETE", b""),
        (303, "HEAD", "HEAD", b""),
    ],
)
async def test_methods_across_redirects(http, status, method, then, body, serving):
    async def answer(asked, writer):
        if asked.target == "/":
            return response(status=status, location="/next")
        return response()

    async with serving(answer) as server:
        sent = body if then == method else b"data"
        await http.send(HttpRequest(method, server.url, {"Content-Type": "text/plain"}, sent))
    last = server.asked[-1]
    assert (last.target, last.method, last.body) == ("/next", then, body)
    assert ("content-type" in last.headers) is (then == method)


async def test_secrets_do_not_follow_to_another_origin(http, serving):
    secret = {"Authorization": "Bearer s", "Cookie": "a=b", "X-Api-Key": "s", "Accept": "text/plain"}

    async with serving(echo) as other:

        async def answer(asked, writer):
            return response(status=302, location=other.url) if asked.target == "/away" else await here(asked)

        async def here(asked):
            return response(status=302, location="/end") if asked.target == "/here" else response()

        async with serving(answer) as server:
            await http.send(HttpRequest("GET", server.url + "/away", secret))
            await http.send(HttpRequest("GET", server.url + "/here", secret))
    assert other.asked[0].headers["accept"] == "text/plain"
    assert not {"authorization", "cookie", "x-api-key"} & set(other.asked[0].headers)
    assert server.asked[-1].target == "/end"
    assert {"authorization", "cookie", "x-api-key"} <= set(server.asked[-1].headers)


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (HttpRequest("GET", "ftp://example.com/"), "http://"),
        (HttpRequest("GET", "file:///etc/passwd"), "http://"),
        (HttpRequest("GET", "example.com/x"), "http://"),
        (HttpRequest("GET", ""), "http://"),
        (HttpRequest("GET", "http://"), "no host"),
        (HttpRequest("GET", "http:///path"), "no host"),
        (HttpRequest("GET", "http://[::1"), "not an address"),
        (HttpRequest("GET", "http://a:99999/"), "no host and port"),
        (HttpRequest("GET", "http://user:pass@example.com/"), "password"),
        (HttpRequest("GET", "http://user@example.com/"), "password"),
        (HttpRequest("GET", "http://ex\r\nample.com/"), "not an address"),
        (HttpRequest("GET", "http://example.com/" + "a" * 100_000), "not an address"),
        (HttpRequest("GET / HTTP/1.1\r\nX: y\r\n\r\n", "http://example.com/"), "method"),
        (HttpRequest("CONNECT", "http://example.com/"), "method"),
        (HttpRequest("", "http://example.com/"), "method"),
        (HttpRequest("GET", "http://example.com/", {"X": "a\r\nEvil: 1"}), "line break"),
        (HttpRequest("GET", "http://example.com/", {"X": "a\nb"}), "line break"),
        (HttpRequest("GET", "http://example.com/", {"X": "a\x00"}), "line break"),
        (HttpRequest("GET", "http://example.com/", {"X": "\ud800"}), "line break"),
        (HttpRequest("GET", "http://example.com/", {"X\r\nY": "a"}), "header name"),
        (HttpRequest("GET", "http://example.com/", {"X:": "a"}), "header name"),
        (HttpRequest("GET", "http://example.com/", {"": "a"}), "header name"),
        (HttpRequest("GET", "http://example.com/", {"Host": "127.0.0.1"}), "set by Canevas"),
        (HttpRequest("GET", "http://example.com/", {"content-length": "3"}), "set by Canevas"),
        (HttpRequest("GET", "http://example.com/", {"Transfer-Encoding": "chunked"}), "set by Canevas"),
    ],
)
async def test_a_wrong_request_never_leaves(request_, word):
    async def resolve(host, port):
        raise AssertionError("a wrong request was about to leave")

    http = GuardedHttp(resolve=resolve)
    with pytest.raises(AuthorError, match=word) as caught:
        await http.send(request_)
    await http.close()
    assert caught.value.mend


async def test_the_size_of_an_answer_is_capped(serving):
    async def answer(asked, writer):
        if asked.target == "/told":
            return response(b"x" * 1001)
        if asked.target == "/exact":
            return response(b"x" * 1000)
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    http = GuardedHttp(["127.0.0.1"], most_bytes=1000)
    async with serving(answer) as server:
        assert len((await http.send(HttpRequest("GET", server.url + "/exact"))).body) == 1000
        for path in ("/told", "/endless"):
            with pytest.raises(ProviderError, match="larger than 1,000 bytes"):
                await http.send(HttpRequest("GET", server.url + path, timeout=5))
    await http.close()


async def test_compressed_bodies(http, serving):
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    bodies = {
        "/gzip": (gzip.compress(b"hello" * 100), "gzip"),
        "/deflate": (zlib.compress(b"hello" * 100), "deflate"),
        "/bomb": (bomb, "gzip"),
        "/layers": (gzip.compress(gzip.compress(b"hello")), "gzip, gzip"),
        "/br": (b"\x0b\x02\x80hello\x03", "br"),
        "/broken": (b"not gzip at all", "gzip"),
        "/short": (gzip.compress(b"hello" * 100)[:-10], "gzip"),
    }

    async def answer(asked, writer):
        if asked.method == "HEAD":
            return b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\ncontent-encoding: gzip\r\n\r\n"
        body, coding = bodies[asked.target]
        return response(body, content_encoding=coding)

    async with serving(answer) as server:
        for path in ("/gzip", "/deflate"):
            got = await http.send(HttpRequest("GET", server.url + path))
            assert got.body == b"hello" * 100
            assert not {"content-encoding", "content-length"} & set(got.headers)
        assert (await http.send(HttpRequest("HEAD", server.url + "/gzip"))).headers["content-length"] == "40"
        started = time.perf_counter()
        for path, word in {
            "/bomb": "larger than",
            "/layers": "encoded as",
            "/br": "encoded as",
            "/broken": "cannot be read",
            "/short": "ends too early",
        }.items():
            with pytest.raises(ProviderError, match=word):
                await http.send(HttpRequest("GET", server.url + path))
        assert time.perf_counter() - started < 5


async def test_the_time_of_a_whole_exchange_is_capped(http, serving):
    async def answer(asked, writer):
        if asked.target == "/silent":
            await asyncio.sleep(30)
        if asked.target == "/redirects":
            await asyncio.sleep(0.15)
            return response(status=302, location="/redirects")
        while True:  # a byte now and then defeats every time-out between bytes
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if asked.target == "/" else b"x")
            asked.target = "/drip"
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(answer) as server:
        for path in ("/silent", "/", "/redirects"):
            started = time.perf_counter()
            with pytest.raises(ProviderError, match="no complete answer") as caught:
                await http.send(HttpRequest("GET", server.url + path, timeout=0.4))
            assert caught.value.retry
            assert time.perf_counter() - started < 3


async def test_a_slow_resolver_counts_too():
    async def resolve(host, port):
        await asyncio.sleep(30)

    http = GuardedHttp(resolve=resolve)
    with pytest.raises(ProviderError, match="within"):
        await http.send(HttpRequest("GET", "http://slow.example/", timeout=0.2))
    await http.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_broken_servers_are_the_providers_error(http, raw, serving):
    async def answer(asked, writer):
        writer.write(raw)
        await writer.drain()

    async with serving(answer) as server:
        with pytest.raises(ProviderError) as caught:
            await http.send(HttpRequest("GET", f"{server.url}/x?key=hidden", timeout=5))
    assert caught.value.retry
    assert "hidden" not in str(caught.value)


async def test_nobody_listening_and_unknown_names(http, serving):
    async with serving(echo) as server:
        pass
    with pytest.raises(ProviderError) as caught:
        await http.send(HttpRequest("GET", server.url))
    assert caught.value.retry

    async def nobody(host, port):
        return []

    lost = GuardedHttp(resolve=nobody)
    with pytest.raises(ProviderError, match="no address"):
        await lost.send(HttpRequest("GET", "http://lost.example/"))
    await lost.close()


async def test_the_environments_proxy_is_not_used(http, monkeypatch, serving):
    async with serving(echo) as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert (await http.send(HttpRequest("GET", server.url))).status == 200


async def test_a_cancelled_call_lets_go_of_its_connection(http, serving):
    async def answer(asked, writer):
        if asked.target == "/wait":
            await asyncio.sleep(30)
        return response()

    async with serving(answer) as server:
        for _ in range(3):
            task = asyncio.create_task(http.send(HttpRequest("GET", server.url + "/wait")))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await http.send(HttpRequest("GET", server.url))).status == 200


async def test_tls_keeps_the_name_and_refuses_a_stranger(tmp_path, serving):
    certificate = _certificate(tmp_path, "secure.example")
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(certificate)

    async def resolve(host, port):
        return ["127.0.0.1"]

    trusting = ssl.create_default_context(cafile=str(certificate))
    async with serving(echo, tls=server_side) as server:
        url = f"https://secure.example:{server.port}/"
        http = GuardedHttp(["127.0.0.1"], resolve=resolve, tls=trusting)
        assert (await http.send(HttpRequest("GET", url))).status == 200
        with pytest.raises(ProviderError, match="not trusted") as caught:
            await http.send(HttpRequest("GET", f"https://other.example:{server.port}/"))
        assert not caught.value.retry
        await http.close()
        plain = GuardedHttp(["127.0.0.1"], resolve=resolve)
        with pytest.raises(ProviderError, match="not trusted"):
            await plain.send(HttpRequest("GET", url))
        await plain.close()


def _certificate(folder, host):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path
