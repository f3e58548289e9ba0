"""The same over a real socket: what the server does, what becomes of it, and how many connections it took."""

import asyncio
import socket

import pytest

import fault_server
from fault_server import GOOD, FaultServer
from llmspell.errors import AuthError, ProviderError, ProviderTimeout, ProviderUnavailable, RateLimited
from llmspell.plugins.host import PluginHost
from llmspell.providers.hub import Hub

openai = pytest.importorskip("openai")


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.fixture
def hub_of(tmp_path, monkeypatch):
    """``hub_of(server, "toml of the provider", fallback="…")``: a hub with the provider ``far`` at the server."""
    import llmspell_openai
    from llmspell.config import load

    monkeypatch.setenv("FAR_KEY", "sk-planted")

    def hub_of(url, toml="", requests="first_wait = 0.001"):
        table = f'type = "openai"\nbase_url = "{url}"\napi_key_env = "FAR_KEY"\n'
        text = f"[requests]\n{requests}\n[providers.far]\n{table}{toml}\n"
        (tmp_path / "llmspell.toml").write_text(text)
        settings = load(environ={}, cwd=str(tmp_path))
        return Hub(PluginHost({"openai": llmspell_openai}, points=[], warn=pytest.fail), settings)

    return hub_of


@pytest.fixture
def asked(ask):
    """Ask once and close the hub."""

    async def asked(hub, spec="far/good", **more):
        try:
            return await ask(hub, spec, **more)
        finally:
            await hub.aclose()

    return asked


@pytest.mark.parametrize(
    "fault",
    [
        fault_server.rate_limited(0),
        fault_server.rate_limited(),
        fault_server.status(500),
        fault_server.status(503),
        fault_server.OVERLOADED,
        fault_server.reset(),
        fault_server.cut(0),
        fault_server.error_event(after=0, status=500),
    ],
    ids=["429 now", "429", "500", "503", "529", "reset", "cut", "error event"],
)
def test_faults_that_pass(server, hub_of, asked, run, fault):
    server.enqueue(fault, fault, GOOD)
    told = run(asked(hub_of(server.openai_url)))
    assert told.error is None
    assert told.text == "The keeper lit the lamp." and len(told.attempts) == 3
    assert len(server.requests) == 3, "the SDK repeats nothing by itself"


@pytest.mark.parametrize("as_date", [False, True])
def test_the_server_says_when(server, hub_of, asked, run, as_date):
    server.enqueue(fault_server.rate_limited(0.1 if not as_date else 1, as_date=as_date))
    told = run(asked(hub_of(server.openai_url)))
    assert told.error is None and told.attempts[1].waited_ms >= (0 if as_date else 100)
    server.enqueue(fault_server.rate_limited(3600, as_date=as_date))
    told = run(asked(hub_of(server.openai_url)))
    assert isinstance(told.error, RateLimited) and 3590 < told.error.retry_after <= 3600
    assert len(told.attempts) == 1


def test_faults_that_stay(server, hub_of, asked, run):
    server.enqueue(fault_server.UNAUTHORIZED, GOOD)
    told = run(asked(hub_of(server.openai_url)))
    assert isinstance(told.error, AuthError) and len(server.requests) == 1
    assert "sk-planted" not in f"{told.error!r} {told.error.plain()} {told.attempts}"


@pytest.mark.parametrize("fault", [fault_server.cut(700), fault_server.reset(700), fault_server.error_event(4)])
def test_an_answer_that_has_begun_is_not_asked_for_again(server, hub_of, asked, run, fault):
    server.enqueue(fault, GOOD)
    told = run(asked(hub_of(server.openai_url)))
    assert isinstance(told.error, ProviderError) and told.error.partial == told.text
    assert told.text and "The keeper lit the lamp.".startswith(told.text)
    assert len(server.requests) == 1


def test_headers_that_do_not_come(server, hub_of, asked, run):
    server.enqueue(fault_server.slow_headers())
    told = run(asked(hub_of(server.openai_url, "first_event_timeout = 0.1\nretries = 0")))
    assert isinstance(told.error, ProviderTimeout)
    assert server.requests[0].left.wait(20), "the connection was closed"


def test_events_that_stop_coming(server, hub_of, asked, run):
    server.enqueue(fault_server.slow_events(after=4))
    told = run(asked(hub_of(server.openai_url, "between_events_timeout = 0.1")))
    assert isinstance(told.error, ProviderTimeout) and told.error.partial == told.text != ""
    assert server.requests[0].left.wait(20)


def test_a_server_that_is_not_there(hub_of, asked, run):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    told = run(asked(hub_of(f"http://127.0.0.1:{port}/v1", "retries = 2")))
    assert isinstance(told.error, ProviderUnavailable) and len(told.attempts) == 1, "nobody starts it meanwhile"
    assert "connection refused" in told.error.message


def test_another_model_in_place_of_a_server_that_is_not_there(server, hub_of, asked, run):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    near = f'[providers.near]\ntype = "openai"\nbase_url = "http://127.0.0.1:{port}/v1"'
    told = run(asked(hub_of(server.openai_url, near), "near/good", fallback=["far/good"]))
    assert told.went == [("near/good", "provider_unavailable"), ("far/good", None)]


def test_a_dead_server_costs_nothing_the_second_time(hub_of, ask, run, monkeypatch):
    monkeypatch.setattr("llmspell.providers.resilience.breaker.SLOW", 0.2)
    with socket.create_server(
        ("127.0.0.1", 0), backlog=0
    ) as deaf:  # it lets nobody in: the queue is full, and stays so
        port = deaf.getsockname()[1]
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))

        async def main():
            hub = hub_of(f"http://127.0.0.1:{port}/v1", "connect_timeout = 0.3\nretries = 0")
            first = await ask(hub, "far/good")
            assert isinstance(first.error, (ProviderUnavailable, ProviderTimeout)), first.error
            second = await ask(hub, "far/good")
            await hub.aclose()
            return second

        second = run(main())
        for one in crowd:
            one.close()
    assert "far failed and is tried again in 15 s" in second.error.message, "nobody waited for a connection again"


def test_a_fallback_over_there(server, hub_of, asked, run):
    server.models = ["better"]
    told = run(asked(hub_of(server.openai_url), fallback=["far/better"]))
    assert told.text == "The keeper lit the lamp."
    assert told.went == [("far/good", "model_not_found"), ("far/better", None)]


def test_no_more_connections_than_are_allowed(server, hub_of, ask, run):
    server.enqueue(*[fault_server.Fault(between_events=0.002)] * 40)

    async def main():
        hub = hub_of(server.openai_url, "max_concurrency = 4")
        told = await asyncio.gather(*(ask(hub, "far/good") for _ in range(40)))
        await hub.aclose()
        assert all(one.text for one in told)

    run(main())
    assert 1 < server.together <= 4


def test_of_many_at_once_none_is_lost(hub_of, ask, run):
    with FaultServer(rate=0.2, seed=7) as server:

        async def main():
            hub = hub_of(server.openai_url, "retries = 5", "first_wait = 0.01\nattempts = 6")
            told = await asyncio.gather(*(ask(hub, "far/good") for _ in range(200)))
            await hub.aclose()
            return told

        told = run(main())
        assert [one.error for one in told if one.error] == []
        assert {one.text for one in told} == {"The keeper lit the lamp."}
        attempts = sum(len(one.attempts) for one in told)
        faults = sum(received.fault.status != 200 or received.fault.cut_after == 0 or received.fault.reset
                     for received in server.requests)  # fmt: skip
        assert attempts == len(server.requests) == 200 + faults > 220
