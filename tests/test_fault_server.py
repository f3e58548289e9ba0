"""The server that fails as told does so on the wire, and its good answers are what the official clients read."""

import asyncio

import anthropic
import httpx
import openai
import pytest

import fault_server
from fault_server import FaultServer


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


def post(server, path="/v1/chat/completions", **more):
    with httpx.Client(trust_env=False, timeout=20) as client:
        return client.post(server.url + path, json={"model": "good", "messages": [], "stream": True, **more})


def test_openai_reads_the_good_answers(server):
    client = openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=0)
    messages = [{"role": "user", "content": "hi"}]
    with client:
        chunks = list(client.chat.completions.create(model="good", messages=messages, stream=True))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text == "The keeper lit the lamp."
        assert chunks[-1].usage.completion_tokens == 5
        assert client.chat.completions.create(model="good", messages=messages).choices[0].message.content == text
        assert len(client.embeddings.create(model="e", input=["a", "b"], encoding_format="float").data) == 2
        assert [model.id for model in client.models.list()] == ["good", "better"]
        assert client.completions.create(model="good", prompt="x").choices[0].text == text


def test_anthropic_reads_the_good_answers(server):
    client = anthropic.Anthropic(base_url=server.anthropic_url, api_key="k", max_retries=0)
    messages = [{"role": "user", "content": "hi"}]
    with client:
        with client.messages.stream(model="good", max_tokens=9, messages=messages) as stream:
            assert "".join(stream.text_stream) == "The keeper lit the lamp."
        assert client.messages.create(model="good", max_tokens=9, messages=messages).usage.output_tokens == 5
        assert client.messages.count_tokens(model="good", messages=messages).input_tokens == 5
        assert [model.id for model in client.models.list()] == ["good", "better"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (fault_server.rate_limited(7), 429),
        (fault_server.status(500), 500),
        (fault_server.OVERLOADED, 529),
        (fault_server.UNAUTHORIZED, 401),
    ],
)
def test_errors_before_the_answer(server, fault, code):
    server.enqueue(fault)
    response = post(server)
    assert response.status_code == code
    assert response.json()["error"]["message"]
    if code == 429:
        assert response.headers["retry-after"] == "7"


def test_a_date_to_come_back_at(server):
    server.enqueue(fault_server.rate_limited(3600, as_date=True))
    assert post(server).headers["retry-after"].endswith("GMT")


def test_a_model_that_is_not_there(server):
    server.models = ["better"]
    assert post(server).status_code == 404
    assert post(server, model="better").status_code == 200


def test_bodies_that_break_off(server):
    server.enqueue(fault_server.cut(200), fault_server.reset(200), fault_server.reset())
    with pytest.raises(httpx.RemoteProtocolError):
        post(server)
    with pytest.raises(httpx.HTTPError):
        post(server)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        post(server)


def test_events_that_break(server):
    server.enqueue(fault_server.malformed(1), fault_server.error_event(1), fault_server.ends_early(2))
    assert "data: {oops" in post(server).text
    assert "overloaded_error" in post(server).text
    assert "DONE" not in post(server).text


def test_a_client_that_leaves_while_it_waits(server):
    server.enqueue(fault_server.slow_headers(), fault_server.slow_events(after=1))
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout), httpx.Client(trust_env=False, timeout=0.05) as client:
            client.post(f"{server.url}/v1/chat/completions", json={"model": "m", "stream": True})
    assert all(received.left.wait(20) for received in server.wait_for(2))


def test_release_ends_the_waits(server):
    server.enqueue(fault_server.slow_headers())

    async def main():
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            waiting = asyncio.create_task(client.post(f"{server.url}/v1/chat/completions", json={"model": "m"}))
            await asyncio.to_thread(server.wait_for, 1)
            server.release()
            return await waiting

    assert asyncio.run(main()).status_code == 200


def test_the_same_seed_gives_the_same_faults():
    def statuses(seed):
        with FaultServer(rate=0.5, seed=seed, mix=(fault_server.status(500),)) as server:
            return [post(server).status_code for _ in range(12)]

    first = statuses(1)
    assert first == statuses(1) != statuses(2)
    assert set(first) == {200, 500}
