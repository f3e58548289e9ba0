"""http-request against real servers on loopback."""

import asyncio
import base64
import gzip
import json
import shutil
import socket
import ssl
import subprocess
import threading
import tracemalloc
import zlib

import pytest

from llmspell import ToolContext
from llmspell.config.sandbox import Grants
from llmspell.errors import InvalidRequest, SandboxError, ToolError
from llmspell_tools import fetching


@pytest.fixture
def get(ask, server):
    """Ask the server for a path."""

    def get(path, **arguments):
        return ask("http-request", {"input": server.url + path, **arguments})

    return get


# ── what is sent, and what comes back ─────────────────────────────────────────────────────────────────────────────────


def test_a_page(get, server):
    server.pages["/hello"] = "hello wörld"
    result = get("/hello?x=1")
    assert result["status"] == result["status_code"] == 200
    assert result["body"] == "hello wörld"
    assert result["url"] == f"{server.url}/hello?x=1"
    assert result["headers"]["content-type"] == "text/plain"
    assert isinstance(result["elapsed_ms"], int) and "json" not in result and "truncated" not in result
    assert server.seen[0].path == "/hello?x=1"


def test_json_is_read_and_shown(get, server):
    server.pages["/data"] = lambda page: page.give('{"a": [1, null]}', content_type="application/problem+json")
    server.pages["/broken"] = lambda page: page.give('{"a": [', content_type="application/json")
    assert get("/data")["json"] == {"a": [1, None]}
    assert get("/data")["body"] == '{"a": [1, null]}'
    assert get("/broken")["body"] == '{"a": [' and "json" not in get("/broken")


def test_bytes_come_as_base64(get, server):
    server.pages["/image"] = lambda page: page.give(b"\x89PNG\0", content_type="image/png")
    server.pages["/unknown"] = lambda page: page.give(b"\0\1", content_type="")
    for path, data in (("/image", b"\x89PNG\0"), ("/unknown", b"\0\1")):
        result = get(path)
        assert base64.b64decode(result["body_base64"]) == data and "body" not in result


@pytest.mark.parametrize(
    "charset", ["latin-1", "UTF-16", "nonsense", "", "idna", "punycode", "base64", "undefined", "a b", "utf-8"]
)
def test_the_encoding_is_the_one_that_is_named(get, server, charset):
    data = "grün".encode(charset if charset in ("latin-1", "UTF-16") else "utf-8")
    server.pages["/text"] = lambda page: page.give(data, content_type=f"text/plain; charset={charset}")
    assert get("/text")["body"] == "grün"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods(get, server, method):
    server.pages["/"] = "x"
    assert get("/", method=method)["status"] == 200
    assert server.seen[0].command == method


def test_what_is_sent(get, server):
    server.pages["/"] = "x"
    get("/", method="POST", body="grün", headers={"X-One": "1", "Content-Type": "text/plain"})
    get("/", method="POST", json={"a": "grün"})
    get("/", method="PUT", json=[])
    text, data, empty = server.seen
    assert (text.body, text.headers["x-one"], text.headers["content-type"]) == ("grün".encode(), "1", "text/plain")
    assert (json.loads(data.body), data.headers["content-type"]) == ({"a": "grün"}, "application/json")
    assert empty.body == b"[]"


def test_who_asks(get, server):
    server.pages["/"] = "x"
    get("/", auth={"type": "bearer", "token": "t"})
    get("/", auth={"type": "basic", "username": "u", "password": "p"})
    get("/", auth={"type": "api_key", "token": "k"})
    get("/", auth={"type": "api_key", "token": "k", "header": "X-Own"})
    bearer, basic, key, own = (page.headers for page in server.seen)
    assert bearer["authorization"] == "Bearer t"
    assert base64.b64decode(basic["authorization"].removeprefix("Basic ")) == b"u:p"
    assert key["x-api-key"] == own["x-own"] == "k"


def test_a_refusal_of_the_server_is_an_answer(get, server):
    server.pages["/no"] = lambda page: page.give("why", status=403)
    assert get("/no")["status"] == 403 and get("/no")["body"] == "why"
    assert get("/nothing")["status"] == 404


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"body": "x", "json": {}}, "one of them"),
        ({"auth": {"type": "basic"}}, "needs username"),
        ({"auth": {"type": "bearer"}}, "needs token"),
        ({"auth": {"type": "magic"}}, "auth: Invalid enum value 'magic'"),
        ({"auth": {"type": "bearer", "secret": "x"}}, "unknown field `secret`"),
        ({"headers": {"Host": "other"}}, "the header Host"),
        ({"headers": {"transfer-encoding": "chunked"}}, "the header transfer-encoding"),
        ({"headers": {"X": "a\r\nY: b"}}, "no request can be made"),
        ({"headers": {"X Y": "a"}}, "no request can be made"),
        ({"headers": {"X": "grün€"}}, "no request can be made"),
        ({"method": "BREW"}, "BREW"),
        ({"retry": 6}, "retry"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_requests_that_are_wrong(get, server, arguments, said):
    with pytest.raises(InvalidRequest) as error:
        get("/", **arguments)
    assert said in error.value.message
    assert server.seen == []


@pytest.mark.parametrize("url", ["", "example.org", "http://", "file:///etc/passwd", "http://x:y/", "//x"])
def test_urls_that_are_none(ask, url):
    with pytest.raises(InvalidRequest):
        ask("http-request", {"input": url}, hosts=["*"])


# ── whom it may ask ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_host_must_be_granted(ask, server):
    with pytest.raises(SandboxError) as error:
        ask("http-request", {"input": server.url}, env=["X"])
    assert 'add "127.0.0.1" to `[sandbox] hosts`' in error.value.hint
    assert server.seen == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "017700000001", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"],
)
def test_no_way_to_write_this_machine_gets_there(ask, server, host):
    with pytest.raises(SandboxError) as error:
        ask("http-request", {"input": f"http://{host}:{server.port}/"}, hosts=["*"])
    assert "`[sandbox] private_hosts`" in error.value.hint
    assert server.seen == []


@pytest.mark.parametrize(
    "trick",
    [
        "http://good.test@{there}/",
        "http://{there}#@good.test/",
        "http://{there}?@good.test",
        "http://{there}\\@good.test/",
    ],
)
def test_what_stands_beside_the_host_grants_nothing(ask, server, names, trick):
    names["good.test"] = ["127.0.0.1"]
    with pytest.raises((SandboxError, InvalidRequest)):
        ask("http-request", {"input": trick.format(there=f"127.0.0.1:{server.port}")}, hosts=["good.test"])
    assert server.seen == []


def test_a_name_may_not_stand_for_this_machine(ask, server, names):
    names["innocent.test"] = ["127.0.0.1"]
    names["mixed.test"] = ["8.8.8.8", "127.0.0.1"]
    for name in names:
        with pytest.raises(SandboxError, match="its address 127"):
            ask("http-request", {"input": f"http://{name}:{server.port}/"}, hosts=["*.test"])
    assert server.seen == []


def test_a_name_is_looked_up_once_and_what_was_found_is_connected_to(ask, server, names):
    """Or it could stand for a public address when it is checked, and for a private one a moment later."""
    names["box.test"] = ["127.0.0.1"]
    server.pages["/"] = "in"
    grants = {"private_hosts": [f"box.test:{server.port}"]}
    result = ask("http-request", {"input": f"http://box.test:{server.port}/"}, **grants)
    assert result["body"] == "in" and result["url"] == f"http://box.test:{server.port}/"
    assert server.seen[0].headers["host"] == f"box.test:{server.port}"
    assert names.asked.count("box.test") == 1


def test_the_next_address_is_tried_where_nobody_answers(ask, server, names):
    names["box.test"] = ["127.0.0.2", "127.0.0.1"]  # the server listens at the second only
    server.pages["/"] = "in"
    assert ask("http-request", {"input": f"http://box.test:{server.port}/"}, private_hosts=["box.test"])["body"] == "in"


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:{port}/",
        "http://127.0.0.1:{port}/",
        "//[::1]:{port}/",
    ],
)
def test_redirects_lead_nowhere_else(ask, server, start_server, target):
    other = start_server()
    server.pages["/"] = lambda page: page.give("", status=302, location=target.format(port=other.port))
    for more in ({}, {"hosts": ["*"]}):
        with pytest.raises(SandboxError):
            ask("http-request", {"input": server.url}, private_hosts=[f"127.0.0.1:{server.port}"], **more)
    assert other.seen == []


def test_redirects_to_what_is_no_web_server(get, server):
    server.pages["/"] = lambda page: page.give("", status=302, location="file:///etc/passwd")
    with pytest.raises((InvalidRequest, ToolError)):
        get("/")


@pytest.mark.parametrize("auth", [{"type": "bearer", "token": "s"}, {"type": "api_key", "token": "s"}])
def test_a_redirect_is_followed_where_it_is_granted(ask, server, start_server, auth):
    other = start_server()
    other.pages["/there"] = "arrived"
    server.pages["/"] = lambda page: page.give("", status=302, location="/again")
    server.pages["/again"] = lambda page: page.give("", status=302, location=f"{other.url}/there")
    result = ask("http-request", {"input": server.url, "auth": auth}, private_hosts=["127.0.0.1"])
    assert (result["body"], result["url"]) == ("arrived", f"{other.url}/there")
    keys = [
        {"authorization", "x-api-key"} & {name.lower() for name in page.headers} for page in (*server.seen, *other.seen)
    ]
    assert [bool(key) for key in keys] == [True, True, False], "the key is for the first server only"


def test_a_password_in_a_url_is_sent_and_not_shown(ask, server):
    server.pages["/"] = "x"
    url = f"http://ada:se%40cret@127.0.0.1:{server.port}/"
    result = ask("http-request", {"input": url}, private_hosts=["127.0.0.1"])
    assert base64.b64decode(server.seen[0].headers["authorization"].removeprefix("Basic ")) == b"ada:se@cret"
    assert result["url"] == f"{server.url}/"
    server.pages["/"] = lambda page: page.give("", content_encoding="gzip", location="/", status=302)
    with pytest.raises(ToolError) as error:
        ask("http-request", {"input": url, "retry": 0}, private_hosts=["127.0.0.1"])
    assert "redirects" in error.value.message and "cret" not in error.value.message


def test_a_circle_of_redirects_ends(get, server):
    server.pages["/"] = lambda page: page.give("", status=302, location="/")
    with pytest.raises(ToolError, match="more than 5 times"):
        get("/")
    assert len(server.seen) == 6


def test_proxies_of_the_environment_are_not_used(get, server, start_server, monkeypatch):
    proxy = start_server()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    server.pages["/"] = "direct"
    assert get("/")["body"] == "direct"
    assert proxy.seen == []


# ── how long, and how much ────────────────────────────────────────────────────────────────────────────────────────────


def drip(page):
    """Send a header, and never the end of them."""
    page.connection.settimeout(0.02)
    page.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        page.wfile.write(b"X-Slow: very\r\n")
        try:
            if page.connection.recv(1) == b"":
                return
        except TimeoutError:
            continue


def never(page):
    page.until_they_are_gone()


def begin_only(page):
    page.send_response(200)
    page.send_header("content-length", "10")
    page.end_headers()
    page.wfile.write(b"half")
    page.until_they_are_gone()


@pytest.mark.parametrize("page", [drip, never, begin_only])
def test_a_server_that_takes_too_long(get, server, page):
    server.pages["/"] = page
    with pytest.raises(ToolError, match=r"took longer than 0\.[23]\d* s") as error:
        get("/", timeout=0.3, retry=0)
    assert error.value.retryable


def test_a_cancelled_request_is_closed(tools, server):
    server.pages["/"] = never
    context = ToolContext(grants=Grants(private_hosts=["127.0.0.1"]))

    async def cancel():
        task = asyncio.create_task(tools["http-request"].run({"input": server.url}, context))
        await asyncio.to_thread(server.waiting.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert server.gone.wait(10)


def endless(page):
    page.send_response(200)
    page.send_header("content-type", "text/plain")
    page.send_header("connection", "close")
    page.end_headers()
    page.close_connection = True
    try:
        while True:
            page.wfile.write(b"x" * 65536)
    except OSError:
        page.server.gone.set()


def test_a_body_without_an_end_is_cut(get, server):
    server.pages["/"] = endless
    result = get("/")
    assert len(result["body"]) == fetching.MOST_BYTES and result["truncated"]
    assert server.gone.wait(10), "the connection is closed"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
def test_a_bomb_is_unpacked_as_far_as_it_is_wanted(get, server, encoding):
    data = b"0" * 200_000_000
    packed = zlib.compress(data) if encoding == "deflate" else gzip.compress(data, 6)
    if encoding == "gzip, gzip":
        packed = gzip.compress(packed)
    server.pages["/"] = lambda page: page.give(packed, content_encoding=encoding)
    del data
    tracemalloc.start()
    try:
        result = get("/")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(result["body"]) == fetching.MOST_BYTES and result["truncated"]
    assert peak < 40_000_000


def test_what_is_packed_wrongly(get, server):
    server.pages["/"] = lambda page: page.give("this is no gzip", content_encoding="gzip")
    with pytest.raises(ToolError, match="no answer from"):
        get("/", retry=0)


@pytest.mark.parametrize(
    "words", [b"SSH-2.0-OpenSSH_9\r\n", b"", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX\r\n\r\n"]
)
def test_who_doesnt_speak_http(ask, words):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def speak():
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(words)

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        with pytest.raises(ToolError, match="no answer from"):
            ask("http-request", {"input": f"http://127.0.0.1:{port}", "retry": 0}, private_hosts=["127.0.0.1"])
        thread.join(10)


def test_nobody_there(ask):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ToolError, match=f"no answer from http://127.0.0.1:{port}") as error:
        ask("http-request", {"input": f"http://127.0.0.1:{port}", "retry": 0}, private_hosts=["127.0.0.1"])
    assert error.value.retryable
    with pytest.raises(ToolError, match="no address is known for nowhere"):
        ask("http-request", {"input": "http://nowhere.invalid", "retry": 0}, hosts=["*"])


# ── again ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def busy(times):
    """Refuse so many requests, and ask for no pause."""
    left = [times]

    def page(page):
        left[0] -= 1
        page.give("now", **({"status": 503, "retry_after": "0"} if left[0] >= 0 else {}))

    return page


@pytest.mark.parametrize(
    ("method", "retry", "refused", "status", "requests"),
    [
        ("GET", 2, 2, 200, 3),
        ("GET", 2, 3, 503, 3),
        ("PUT", 1, 1, 200, 2),
        ("GET", 0, 1, 503, 1),
        ("POST", 2, 1, 503, 1),
        ("PATCH", 2, 1, 503, 1),
    ],
)
def test_what_may_be_repeated_is(get, server, method, retry, refused, status, requests):
    server.pages["/"] = busy(refused)
    assert get("/", method=method, retry=retry)["status"] == status
    assert len(server.seen) == requests


def test_nobody_waits_longer_than_they_may(get, server):
    server.pages["/"] = lambda page: page.give("later", status=429, retry_after="3600")
    assert get("/", timeout=5)["status"] == 429
    assert len(server.seen) == 1


def test_a_connection_that_breaks_is_made_again(get, server):
    def once(page):
        if len(server.seen) == 1:
            page.close_connection = True
            page.connection.shutdown(socket.SHUT_RDWR)
        else:
            page.give("again")

    server.pages["/"] = once
    assert get("/")["body"] == "again"


# ── https ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def secure(start_server, tmp_path, monkeypatch, names):
    """A server that speaks TLS and is called box.test, with a certificate that it has signed itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=box.test -addext subjectAltName=DNS:box.test"
    subprocess.run(
        [*command.split(), "-keyout", "key", "-out", "certificate"], cwd=tmp_path, check=True, capture_output=True
    )
    server = start_server()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.pages["/"] = "safe"
    names["box.test"] = names["other.test"] = ["127.0.0.1"]
    fetching._tls.cache_clear()
    yield server
    fetching._tls.cache_clear()


def test_a_certificate_that_nobody_knows_is_refused(ask, secure):
    with pytest.raises(ToolError, match=r"(?i)certificate"):
        ask("http-request", {"input": f"https://box.test:{secure.port}/", "retry": 0}, private_hosts=["*"])


def test_a_certificate_is_checked_for_the_name_although_the_address_is_connected_to(ask, secure, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate"))
    assert ask("http-request", {"input": f"https://box.test:{secure.port}/"}, private_hosts=["*"])["body"] == "safe"
    for host in ("other.test", "127.0.0.1"):
        with pytest.raises(ToolError, match=r"(?i)certificate"):
            ask("http-request", {"input": f"https://{host}:{secure.port}/", "retry": 0}, private_hosts=["*"])
