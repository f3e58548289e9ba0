"""The server that replays: what its tests rest on."""

import http.client
import json
import socket

import pytest
import replay as module
from replay import Replay, answer, index, recording


@pytest.fixture
def server():
    server = Replay()
    yield server
    server.close()


def sent(server, method, path, body=None, **headers):
    """Status, body and headers of an answer, read by the standard library."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    client.request(method, path, None if body is None else json.dumps(body), headers)
    response = client.getresponse()
    text = response.read().decode()
    client.close()
    return response.status, text, dict(response.getheaders())


def test_every_recording_is_found_by_what_was_asked(server):
    """Also where several share a request: all of them come, one after the other."""
    whole = [entry["id"] for entry in index() if recording(entry["id"]).response["end"] == "complete"]
    server.match(*whole)
    for id in whole:
        exchange = recording(id)
        match, body = exchange.match, exchange.match.get("body_text", "")
        if "body" in match:
            body = json.dumps(match["body"])
        if "body_sha256" in match:
            continue  # what was uploaded is not among the recordings
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        client.request(match["method"], match["path"], body or None, match.get("headers", {}))
        response = client.getresponse()
        assert response.status == exchange.response["status"], id
        response.read()
        client.close()
    assert server.unmatched == []
    uploads = {id for id in whole if "body_sha256" in recording(id).match}
    assert {request.exchange for request in server.requests} == set(whole) - uploads


def test_the_bytes_are_those_that_came(server):
    server.play("chat-stream")
    status, text, headers = sent(server, "POST", "/api/chat", {})
    recorded = recording("chat-stream").response
    assert (status, text) == (200, "".join(chunk["s"] for chunk in recorded["chunks"]))
    assert headers["content-type"] == "application/x-ndjson"


@pytest.mark.parametrize(("id", "ending"), [("syn-cut", b"\n\r\n"), ("chat-stream", b"0\r\n\r\n")])
def test_a_cut_stream_lacks_its_end(server, id, ending):
    server.play(id)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"POST /api/chat HTTP/1.1\r\nconnection: close\r\n\r\n")
        received = b""
        while not received.endswith(ending) and (more := client.recv(65536)):
            received += more
    assert received.endswith(ending)


def test_a_reset_is_one(server):
    server.play("syn-reset")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"POST /api/chat HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            while client.recv(65536):
                pass


def test_the_client_that_leaves_is_noticed(server):
    (exchange,) = server.play("syn-hang")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"POST /api/chat HTTP/1.1\r\n\r\n")
        assert exchange.held.wait(20)
        assert not server.requests[0].left.is_set()
    assert server.requests[0].left.wait(20)


def test_scripted_ones_come_in_order_and_by_path(server):
    server.play("chat-busy", "version", "chat-stream")
    assert sent(server, "GET", "/api/version")[0] == 200
    assert sent(server, "POST", "/api/chat", {"anything": 1})[0] == 503
    assert server.left() == ["chat-stream"]
    assert sent(server, "POST", "/api/chat", {})[0] == 200
    assert [request.exchange for request in server.requests] == ["version", "chat-busy", "chat-stream"]


@pytest.mark.parametrize(
    "body",
    [
        {"stream": True}, {"stream": None}, {"tools": []}, {"format": ""}, {"keep_alive": None},
        {"options": {"temperature": 0.0, "seed": 42, "num_predict": 24.0}},
        {"messages": [{"role": "user", "content": "What is the capital of France?", "images": [], "tool_calls": None}]},
    ],
    ids=repr,
)  # fmt: skip
def test_spellings_that_are_the_same(server, body):
    server.match("chat-stream")
    assert sent(server, "POST", "/api/chat", {**recording("chat-stream").match["body"], **body})[0] == 200


@pytest.mark.parametrize(
    ("body", "difference"),
    [
        ({"stream": False}, "/stream is one more"),
        ({"options": {"temperature": 0, "seed": 42}}, "/options/num_predict is missing"),
        ({"model": "other"}, '/model is "other", not "smollm2"'),
    ],
)
def test_what_has_no_answer_is_599_and_noted(server, body, difference):
    server.match("chat-stream", "version")
    status, text, _ = sent(server, "POST", "/api/chat", {**recording("chat-stream").match["body"], **body})
    assert status == 599
    assert difference in json.loads(text)["error"]
    assert "chat-stream" in server.unmatched[0]


def test_the_fixture_fails_a_test_that_asked_for_more(monkeypatch):
    fixture = module.replay.__wrapped__(monkeypatch)
    server = next(fixture)
    assert sent(server, "GET", "/api/version")[0] == 599
    with pytest.raises(AssertionError):
        next(fixture)


def test_answers_of_ones_own(server):
    server.play(answer("POST", "/api/chat", {"done": False}, {"done": True}), answer("GET", "/x", {"a": 1}, status=404))
    assert sent(server, "POST", "/api/chat", {})[1] == '{"done": false}\n{"done": true}\n'
    assert sent(server, "GET", "/x")[:2] == (404, '{"a": 1}')


def test_a_function_that_answers(server):
    server.respond = lambda request: answer("", "", {"path": request.path}) if request.method == "GET" else None
    server.play("chat-busy")
    assert json.loads(sent(server, "GET", "/anything")[1]) == {"path": "/anything"}
    assert sent(server, "POST", "/api/chat", {})[0] == 503


def test_pauses_are_kept_only_where_they_are_asked_for(server):
    """A pause is a wait for the client to leave, so that a client that leaves ends it."""
    server.play("syn-slow-gap")
    assert sent(server, "POST", "/api/chat", {})[0] == 200
    server.play("syn-slow-gap", pace=1000.0)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"POST /api/chat HTTP/1.1\r\n\r\n")
        server.wait_for(2)
    assert server.requests[1].left.wait(20)
