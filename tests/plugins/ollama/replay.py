"""A server on loopback that plays recorded exchanges over a real socket, as they came: chunk by chunk, with their ends.

How a request finds its recording and how one is played: ../../recordings/README.md, "Replaying". Nothing is passed on
to a real server: a request that has no answer gets status 599, and the test that sent it fails.
"""

import select
import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from dataclasses import replace

import pytest
from exchanges import Exchange, Request, answer, bytes_of, differences, index, place, recording

__all__ = ["Exchange", "Replay", "Request", "answer", "index", "recording", "replay"]


class Replay:
    """The server. Answers come from, in this order:

    ``respond``: a function of the request that gives an `Exchange` or None; the exchanges queued by `play`, the first
    with the request's method and path; those added by `match`, the first whose body fits too and that was not served
    yet, then the last of them again.
    """

    def __init__(self):
        self.requests = []
        self.unmatched = []
        self.respond = None
        self._queue = deque()
        self._known = []
        self._served = set()
        self._changed = threading.Condition()
        self._open = set()
        self._ended = set()
        self._threads = []
        self._closing = threading.Event()
        self._woken, self._wake = socket.socketpair()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def play(self, *exchanges, **how):
        """Queue recordings (ids) or exchanges; returns them as exchanges."""
        added = [recording(one, **how) if isinstance(one, str) else replace(one, **how) for one in exchanges]
        self._queue.extend(added)
        return added

    def match(self, *exchanges):
        """Add recordings (ids) or exchanges that are found by what is asked, any number of times; all without names."""
        ids = exchanges or [entry["id"] for entry in index()]
        self._known += [recording(one) if isinstance(one, str) else one for one in ids]

    def left(self):
        """What was queued and not asked for."""
        return [exchange.id for exchange in self._queue]

    def wait_for(self, count):
        """Wait until so many requests have come, and give them."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.requests) >= count, 20)
        assert came, f"{len(self.requests)} of {count} requests came"
        return self.requests[:count]

    def hang_up(self):
        """Close every connection, as a server that starts anew does."""
        with self._changed:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)
            assert self._changed.wait_for(lambda: not self._open, 20)

    def closed(self, number):
        """Wait until a connection (they count from 1) is closed; False if it stays open."""
        with self._changed:
            return self._changed.wait_for(lambda: number in self._ended, 20)

    def close(self):
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake.send(b"x")
        with self._changed:
            for connection in self._open:
                with suppress(OSError):  # closed this very moment
                    connection.shutdown(socket.SHUT_RDWR)
        for exchange in (*self._queue, *self._known):
            exchange.go_on.set()
        for thread in self._threads:
            thread.join(20)
        for one in (self._listener, self._woken, self._wake):
            one.close()

    # ── the wire ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _spawn(self, work, *args):
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        number = 0
        while not self._closing.is_set():
            ready, _, _ = select.select([self._listener, self._woken], [], [])
            if self._listener in ready and not self._closing.is_set():
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._changed:
                    self._open.add(connection)
                number += 1
                self._spawn(self._serve, connection, number)

    def _serve(self, connection, number):
        try:
            with connection, connection.makefile("rb") as stream:
                while not self._closing.is_set() and (request := _received(stream, number)):
                    exchange = self._answer_to(request)
                    try:
                        again = self._send(connection, request, exchange)
                    except OSError:
                        request.left.set()
                        again = False
                    request.done.set()
                    if not again:
                        return
        except OSError:  # the client is gone, between two requests or within one
            return
        finally:
            with self._changed:
                self._open.discard(connection)
                self._ended.add(number)
                self._changed.notify_all()

    def _send(self, connection, request, exchange):
        """Play an answer; whether the connection takes another request."""
        response = exchange.response
        chunked = response["headers"].get("transfer-encoding") == "chunked"
        head = f"HTTP/1.1 {response['status']} {response.get('reason', 'Recorded')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in response["headers"].items())
        chunks = [(chunk["t"], bytes_of(chunk)) for chunk in response["chunks"]]
        sizes = sum(len(data) for _, data in chunks)
        if not chunked and "content-length" not in response["headers"] and request.method != "HEAD":
            head += f"content-length: {sizes}\r\n"
        pending, clock = f"{head}\r\n".encode(), 0
        for number, (due, data) in enumerate(chunks):
            if exchange.hold == number:
                exchange.held.set()
                if self._gone(connection, exchange.go_on):
                    raise OSError
            if exchange.pace and self._gone(connection, None, (due - clock) * exchange.pace / 1000):
                raise OSError
            clock = due
            connection.sendall(pending + (b"%x\r\n%s\r\n" % (len(data), data) if chunked else data))
            pending = b""
        if pending:
            connection.sendall(pending)
        end = response["end"]
        if end == "complete":
            if chunked and request.method != "HEAD":
                connection.sendall(b"0\r\n\r\n")
            return response["headers"].get("connection") != "close"
        if end == "hang":
            exchange.held.set()
            if self._gone(connection, exchange.go_on):
                raise OSError
        elif end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def _gone(self, connection, until, seconds=None):
        """Wait for ``until``, or so long; True if the client closed meanwhile, or the server does."""
        deadline = 0.02 if until is not None else seconds
        while not self._closing.is_set() and not (until is not None and until.is_set()):
            ready, _, _ = select.select([connection, self._woken], [], [], deadline)
            if connection in ready and not connection.recv(1, socket.MSG_PEEK):
                return True
            if until is None:
                return self._closing.is_set()
        return self._closing.is_set()

    # ── finding the answer ────────────────────────────────────────────────────────────────────────────────────────

    def _answer_to(self, request):
        with self._changed:
            self.requests.append(request)
            exchange = self._found(request)
            if exchange is None:
                what = f"{request.method} {request.path}: {self._nearest(request)}"
                self.unmatched.append(what)
                exchange = answer("", "", {"error": what}, status=599, id="nothing")
            request.exchange = exchange.id
            self._changed.notify_all()
        return exchange

    def _found(self, request):
        if self.respond is not None and (made := self.respond(request)) is not None:
            return made
        for exchange in self._queue:
            if place(exchange.match) == (request.method, request.path):
                self._queue.remove(exchange)
                return exchange
        fitting = [exchange for exchange in self._known if not differences(exchange.match, request)]
        fitting.sort(key=lambda exchange: "headers" not in exchange.match)  # where a header decides, it does so first
        fresh = [exchange for exchange in fitting if id(exchange) not in self._served]
        for exchange in [*fresh, *fitting[-1:]]:
            self._served.add(id(exchange))
            return exchange
        return None

    def _nearest(self, request):
        """How the request differs from the recording that is nearest to it."""
        found = [
            (
                place(exchange.match) != (request.method, request.path),
                differences(exchange.match, request),
                exchange.id,
            )
            for exchange in (*self._queue, *self._known)
        ]
        if not found:
            return "nothing was to be asked"
        _, what, id = min(found, key=lambda one: (one[0], len(one[1])))
        return f"nearest is {id}, which differs: {'; '.join(what) or 'nothing'}"


def _received(stream, connection):
    line = stream.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers = {}
    while text := stream.readline().decode("latin-1").strip():
        name, _, value = text.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    elif "content-length" in headers:
        body = stream.read(int(headers["content-length"]))
    return Request(line[0], line[1], headers, body, connection)


@pytest.fixture
def replay(monkeypatch):
    """The server for one test, which fails if anything was asked that has no answer; ``OLLAMA_HOST`` names it."""
    server = Replay()
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    yield server
    server.close()
    assert server.unmatched == []
