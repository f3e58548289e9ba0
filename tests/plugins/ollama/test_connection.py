"""The connection: what is read, how it goes wrong, and what is never sent where."""

import asyncio
import contextlib
import json
import socket
import threading

import httpx
import pytest
from replay import answer, recording

from llmspell.errors import (
    AuthError,
    ContextOverflow,
    ProviderCrashed,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from llmspell_ollama.connection import Connection
from llmspell_ollama.settings import read

ASKED = {"model": "smollm2", "messages": [{"role": "user", "content": "What is the capital of France?"}]}


def gathered(connection, path="/api/chat", **limits):
    """The lines of an answer, and the error that ended them or None."""

    async def run():
        lines = []
        try:
            async for line in connection.lines(path, ASKED, **limits):
                lines.append(line)
        except ProviderError as error:
            return lines, error
        except ContextOverflow as error:
            return lines, error
        return lines, None

    return asyncio.run(run())


def asked(connection, *request, **how):
    return asyncio.run(connection.ask(*request, **how))


def text_of(lines):
    return "".join(line["message"]["content"] for line in lines)


# ── what comes ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("id", ["chat-stream", "syn-one-chunk", "syn-crlf", "syn-blank-lines", "syn-no-final-newline"])
def test_lines_however_they_are_cut(replay, connection, id):
    replay.play(id)
    lines, error = gathered(connection)
    assert error is None
    assert text_of(lines) == "The capital of France is Paris."
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]


def test_letters_that_are_cut_in_two(replay, connection):
    (exchange,) = replay.play("syn-split-7")
    lines, error = gathered(connection)
    whole = "".join(chunk.get("s", "") for chunk in recording("chat-unicode").response["chunks"])
    assert error is None
    assert len(exchange.response["chunks"]) > len(lines) > 3
    assert text_of(lines) == text_of([json.loads(line) for line in whole.splitlines()])


def test_a_next_line_sign_in_a_text_ends_no_line(replay, connection):
    """U+0085 ends a line for `str.splitlines`, which the official client's reader uses."""
    replay.play("chat-nel")
    lines, error = gathered(connection)
    assert error is None
    assert "\u0085" in text_of(lines)


def test_the_request_is_sent_as_it_is(replay, connection):
    replay.play("chat-stream")
    gathered(connection)
    (request,) = replay.requests
    assert (request.method, request.path, request.json) == ("POST", "/api/chat", ASKED)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("ollama-python/")


def test_whole_answers(replay, connection):
    replay.play("version", "root", "delete")
    assert asked(connection, "GET", "/api/version") == {"version": "0.33.0"}
    assert asked(connection, "GET", "/") == "Ollama is running"
    assert asked(connection, "DELETE", "/api/delete", {"model": "corsair:v2"}) == ""
    assert replay.requests[-1].json == {"model": "corsair:v2"}


def test_a_server_below_a_path(replay):
    replay.respond = lambda request: answer("GET", request.path, {"version": "1"})
    settings = read({"host": f"{replay.url}/ollama/"}, {})
    assert asked(Connection(settings), "GET", "/api/version") == {"version": "1"}
    assert replay.requests[0].path == "/ollama/api/version"


def test_one_connection_for_many_requests(replay, connection):
    replay.play("version", "chat-stream", "version")

    async def run():
        await connection.ask("GET", "/api/version")
        async for _ in connection.lines("/api/chat", ASKED):
            pass
        await connection.ask("GET", "/api/version")
        await connection.aclose()

    asyncio.run(run())
    assert {request.connection for request in replay.requests} == {1}


def test_a_connection_that_the_server_closed_meanwhile(replay, connection):
    once = answer("GET", "/api/version", {"version": "1"})
    replay.play(once, once)

    async def run():
        await connection.ask("GET", "/api/version")
        replay.hang_up()
        return await connection.ask("GET", "/api/version")

    assert asyncio.run(run()) == {"version": "1"}


def test_many_at_once(replay, connection):
    """More than the hundred connections that httpx allows itself."""
    exchanges = replay.play(*[answer("POST", "/api/chat", {"done": True}, hold=0) for _ in range(120)])

    async def one():
        return [line async for line in connection.lines("/api/chat", ASKED)]

    async def run():
        tasks = [asyncio.create_task(one()) for _ in exchanges]
        await asyncio.to_thread(replay.wait_for, 120)
        for exchange in exchanges:
            exchange.go_on.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == [[{"done": True}]] * 120


# ── bad ends ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("id", "text", "message"),
    [
        ("syn-cut", "The capital of France", "was cut"),
        ("syn-reset", "The capital of", "was cut"),
        ("syn-half-line", "The capital of", "no JSON or only half of it"),
        ("syn-half-line-cut", "The capital of", "was cut"),
        ("chat-crash-mid-stream", "The sea was", "died"),
        ("newer-chat-repeat", None, "said the same over and over"),
    ],
)
def test_a_stream_that_ends_badly_gives_what_came(replay, connection, id, text, message):
    replay.play(id)
    lines, error = gathered(connection)
    assert isinstance(error, ProviderError)
    assert message in error.message
    assert (error.retryable, bool(error.hint), error.provider) == (True, True, "ollama")
    assert text_of(lines) == text if text else len(lines) > 10


def test_an_error_in_json_in_a_text_in_a_line(replay, connection):
    replay.play("syn-nested-error-mid-stream")
    lines, error = gathered(connection)
    assert isinstance(error, ContextOverflow)
    assert (error.used, error.limit) == (710, 512)
    assert lines


@pytest.mark.parametrize("line", ["[1]\n", '"text"\n', "null\n", "7\n", "\x00\n", "[" * 100_000 + "\n"])
def test_lines_that_are_nothing(replay, connection, line):
    replay.play(answer("POST", "/api/chat", {"done": False}, line))
    lines, error = gathered(connection)
    assert lines == [{"done": False}]
    assert "no JSON or only half of it" in error.message


def test_an_answer_that_is_empty(replay, connection):
    """Whether a stream ended with ``done`` its reader knows."""
    replay.play("syn-empty-200")
    assert gathered(connection) == ([], None)


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_silence_before_the_answer(replay, connection):
    replay.play("chat-stream", hold=0)
    lines, error = gathered(connection, first=0.05)
    assert (type(error), lines) == (ProviderTimeout, [])
    assert "did not answer for 0.05 s" in error.message


@pytest.mark.parametrize(("id", "count"), [("syn-hang", 2), ("syn-hang-after-headers", 0)])
def test_silence_within_the_answer(replay, connection, id, count):
    """The limit for the first byte, which is minutes, doesn't count after it."""
    replay.play(id)
    lines, error = gathered(connection, first=3600, between=0.05)
    assert (type(error), len(lines)) == (ProviderTimeout, count)
    assert "sent nothing more for 0.05 s" in error.message


def test_the_limit_within_the_answer_does_not_count_before_it(replay, connection):
    (exchange,) = replay.play("chat-stream", hold=0)
    threading.Thread(target=lambda: exchange.held.wait(20) and exchange.go_on.set()).start()
    lines, _ = gathered(connection, first=60, between=1e-6)
    assert lines, "the first line comes in one piece with the headers"


def test_the_limits_come_from_the_settings(replay, settings):
    connection = Connection(settings(load_timeout=0.05, silence_timeout=0.06))
    replay.play("chat-stream", hold=0)
    _, error = gathered(connection)
    assert "0.05 s" in error.message
    assert "load_timeout" in error.hint
    replay.play("syn-hang")
    _, error = gathered(connection)
    assert "0.06 s" in error.message
    assert "silence_timeout" in error.hint


def test_a_whole_answer_that_does_not_come(replay, connection):
    replay.play("version", hold=0)
    with pytest.raises(ProviderTimeout, match=r"did not answer for 0\.05 s"):
        asked(connection, "GET", "/api/version", timeout=0.05)


# ── stopping ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_closing_the_lines_closes_the_connection(replay, connection):
    replay.play("chat-stream", hold=3)

    async def run():
        async with contextlib.aclosing(connection.lines("/api/chat", ASKED)) as lines:
            await anext(lines)
        assert await asyncio.to_thread(replay.requests[0].left.wait, 20)

    asyncio.run(run())


def test_cancelling_closes_the_connection(replay, connection):
    (exchange,) = replay.play("chat-stream", hold=0)

    async def run():
        task = asyncio.create_task(anext(connection.lines("/api/chat", ASKED)))
        await asyncio.to_thread(exchange.held.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(replay.requests[0].left.wait, 20)

    asyncio.run(run())


def test_it_serves_one_loop_after_the_other(replay, connection):
    """Whatever is open is closed with its loop; an open socket that is forgotten would fail this test."""
    replay.play(*["version"] * 3)
    for _ in range(3):
        assert asked(connection, "GET", "/api/version")
    assert [request.connection for request in replay.requests] == [1, 2, 3]
    for request in replay.requests:
        assert replay.closed(request.connection)


def test_closing_what_was_never_opened(connection):
    asyncio.run(connection.aclose())


# ── nobody there ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def nobody():
    """A port that nobody listens at, and nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_nobody_listens(nobody, name):
    with pytest.raises(ProviderUnavailable) as caught:
        asked(Connection(read({"host": f"{name}:{nobody}"}, {})), "GET", "/")
    assert caught.value.message == f"cannot reach Ollama at http://{name}:{nobody} (connection refused)"
    assert caught.value.hint == "start it with `ollama serve`, or set [providers.ollama] host"
    assert caught.value.retryable


def test_no_such_host():
    with pytest.raises(ProviderUnavailable, match=r"cannot reach Ollama at http://nobody\.invalid:11434 \([^()]+\)$"):
        asked(Connection(read({"host": "nobody.invalid"}, {})), "GET", "/")


def test_nobody_takes_the_connection():
    """A full backlog is what an address that swallows everything is like."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        settings = read({"host": f"127.0.0.1:{full.getsockname()[1]}", "connect_timeout": 0.05}, {})
        with pytest.raises(ProviderUnavailable, match=r"\(no answer within 0\.05 s\)"):
            asked(Connection(settings), "GET", "/")


def test_the_limit_for_connecting_is_three_seconds():
    assert read({}, {}).connect_timeout == 3


def test_a_server_that_speaks_something_else(replay):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ProviderError, match="was cut"):
            asked(Connection(read({"host": f"127.0.0.1:{server.getsockname()[1]}"}, {})), "GET", "/")
        thread.join()


def test_a_certificate_that_nobody_trusts(replay):
    """The server speaks no TLS at all, which is the same to the user: there is no safe connection."""
    with pytest.raises(ProviderUnavailable, match=r"cannot reach Ollama at https://127\.0\.0\.1:\d+ \(.+\)"):
        asked(Connection(read({"host": replay.url.replace("http", "https")}, {})), "GET", "/")


def test_a_web_page_with_a_good_status(replay, connection):
    page = "<html><head><title>Log in</title></head></html>"
    for method in ("POST", "GET"):
        replay.play(answer(method, "/api/chat", page, headers={"content-type": "text/html; charset=utf-8"}))
    _, error = gathered(connection)
    assert isinstance(error, ProviderUnavailable)
    assert "is no Ollama but a web page: Log in" in error.message
    with pytest.raises(ProviderUnavailable, match="is no Ollama but a web page: Log in"):
        asked(connection, "GET", "/api/chat")


def test_a_server_that_sends_elsewhere(replay, connection):
    """What was asked is not told to whomever a server names."""
    replay.play(answer("POST", "/api/chat", status=307, headers={"location": "https://example.com/api/chat"}))
    _, error = gathered(connection)
    assert isinstance(error, ProviderUnavailable)
    assert "sends requests on to https://example.com/api/chat" in error.message
    assert "[providers.ollama] host" in error.hint


def test_how_long_to_wait(replay, connection):
    replay.play(answer("POST", "/api/chat", {"error": "slow down"}, status=429, headers={"retry-after": "7"}))
    _, error = gathered(connection)
    assert (type(error), error.retry_after) == (RateLimited, 7.0)


def test_a_runner_that_died_comes_back(replay, connection):
    replay.play("chat-crash-mid-stream", "chat-after-crash")
    assert isinstance(gathered(connection)[1], ProviderCrashed)
    lines, error = gathered(connection)
    assert error is None
    assert lines[-1]["done"]


# ── proxies and the key ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
def test_no_proxy_is_used_on_this_machine(replay, connection, monkeypatch, nobody, name):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, f"http://127.0.0.1:{nobody}")
    with pytest.raises(httpx.ConnectError), httpx.Client() as plain:
        plain.get(replay.url)  # it is used otherwise
    replay.play("version")
    assert asked(connection, "GET", "/api/version")


def test_a_proxy_is_used_for_other_machines(replay, monkeypatch):
    monkeypatch.setenv("http_proxy", replay.url)
    replay.respond = lambda request: answer("GET", request.path, {"version": "1"})
    assert asked(Connection(read({"host": "box.invalid"}, {})), "GET", "/api/version") == {"version": "1"}
    assert replay.requests[0].path == "http://box.invalid:11434/api/version"


@pytest.mark.parametrize("proxy", ["socks5h://127.0.0.1:9", "nonsense://127.0.0.1:9"])
def test_a_proxy_that_can_not_be_used(monkeypatch, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ProviderUnavailable, match=r"no request can be sent to http://box\.invalid:11434") as caught:
        asked(Connection(read({"host": "box.invalid"}, {})), "GET", "/")
    assert "ALL_PROXY" in caught.value.hint


def sent_key(replay, monkeypatch, table, environ):
    """The header that a server somewhere else gets, by way of a proxy that is the replay server."""
    monkeypatch.setenv("http_proxy", replay.url)
    monkeypatch.setenv("OLLAMA_API_KEY", environ.get("OLLAMA_API_KEY", ""))
    replay.respond = lambda request: answer("GET", "/", {"error": "unauthorized"}, status=401)
    connection = Connection(read(table, environ))
    with pytest.raises(AuthError) as caught:
        asked(connection, "GET", "/")
    return replay.requests[-1].headers.get("authorization"), connection.notice(), caught.value


def test_a_key_is_sent_to_this_machine(replay):
    replay.play("version")
    connection = Connection(read({"host": replay.url}, {"OLLAMA_API_KEY": "k3y"}))
    asked(connection, "GET", "/api/version")
    assert replay.requests[0].headers["authorization"] == "Bearer k3y"
    assert connection.notice() is None


def test_a_key_of_the_environment_is_not_sent_unencrypted(replay, monkeypatch):
    """The official client reads the variable by itself."""
    header, notice, error = sent_key(replay, monkeypatch, {"host": "box.invalid"}, {"OLLAMA_API_KEY": "k3y"})
    assert header is None
    assert "OLLAMA_API_KEY is not sent to http://box.invalid:11434" in notice
    assert error.hint == notice
    assert "k3y" not in f"{error.message} {error.hint}"


def test_a_key_that_the_configuration_names_is_sent_and_said(replay, monkeypatch):
    table = {"host": "box.invalid", "api_key_env": "OLLAMA_API_KEY"}
    header, notice, error = sent_key(replay, monkeypatch, table, {"OLLAMA_API_KEY": "k3y"})
    assert header == "Bearer k3y"
    assert "unencrypted" in notice
    assert "k3y" not in f"{error.message} {error.hint} {notice}"


def test_the_notice_comes_once():
    connection = Connection(read({"host": "box"}, {"OLLAMA_API_KEY": "k3y"}))
    assert connection.notice()
    assert connection.notice() is None


# ── the official client ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_official_client_is_made_as_we_use_it():
    """Its httpx client is a private attribute: where a new release moves it, this says so."""
    from ollama import AsyncClient

    client = AsyncClient("http://127.0.0.1:1/x", follow_redirects=False, trust_env=False, limits=httpx.Limits())
    inner = client._client
    assert isinstance(inner, httpx.AsyncClient)
    assert str(inner.base_url) == "http://127.0.0.1:1/x/"
    assert (inner.follow_redirects, inner.trust_env) == (False, False)
    asyncio.run(inner.aclose())


def test_a_package_that_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ollama", None)
    with pytest.raises(ProviderUnavailable) as caught:
        asked(Connection(read({"host": "127.0.0.1:1"}, {})), "GET", "/")
    assert caught.value.hint == "pip install 'llmspell[ollama]'"
    assert not caught.value.retryable
