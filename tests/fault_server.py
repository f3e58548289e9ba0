"""A server on loopback that speaks the OpenAI and the Anthropic format over a real socket, and fails as told.

    with FaultServer() as server:
        server.enqueue(rate_limited(retry_after=0.01), cut(after=200), GOOD)
        … base_url = server.openai_url, or server.anthropic_url …
        assert len(server.requests) == 3

Each request takes the next fault of the queue; without one, ``rate`` of them (0 to 1) take one of ``mix`` by a
generator seeded with ``seed``, and all others are answered well. What is waited for without end is left when the
client goes, when `release` is called and when the server is closed.
"""

import asyncio
import json
import random
import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import fault_wire

FOREVER = float("inf")
WORDS = ("The ", "keeper ", "lit ", "the ", "lamp.")


@dataclass(frozen=True)
class Fault:
    """How one request is answered.

    ``status`` of 200 is an answer of ``words``, or of ``events`` where they are given: texts as they go over the wire,
    one per chunk. Any other is an error, with ``body`` (JSON or text) in place of the format's own words.
    ``after_events`` counts the events that are sent before ``then``: ``error`` (an error event of ``then_status``),
    ``malformed``, ``stop`` (a clean end of the body) or ``wait`` (for ``seconds``). ``cut_after`` counts the bytes of
    the body before the connection closes; ``reset`` makes it a RST instead, before any byte without ``cut_after``.
    Times are in seconds: ``before_headers`` and ``between_events`` may be `FOREVER`.
    """

    status: int = 200
    headers: dict = field(default_factory=dict)
    body: object = None
    message: str | None = None
    words: tuple = WORDS
    events: tuple | None = None
    filtered: bool = False
    cut_after: int | None = None
    reset: bool = False
    before_headers: float = 0.0
    between_events: float = 0.0
    after_events: int | None = None
    then: str = "stop"
    then_status: int = 500
    seconds: float = FOREVER


GOOD = Fault()


def status(code, message=None, **more):
    """An error before the answer: 400, 401, 404, 500, 503, 529 …"""
    return Fault(status=code, message=message, **more)


def rate_limited(retry_after=None, as_date=False, **more):
    """429; ``retry_after`` in seconds, or as the date on which they are over (which has whole seconds)."""
    if retry_after is None:
        return Fault(status=429, **more)
    date = datetime.now(timezone.utc) + timedelta(seconds=retry_after)
    value = format_datetime(date, usegmt=True) if as_date else f"{retry_after:g}"
    return Fault(status=429, headers={"retry-after": value}, **more)


def cut(after):
    """The connection ends after so many bytes of the body."""
    return Fault(cut_after=after)


def reset(after=None):
    """The connection is reset: at once, or after so many bytes of the body."""
    return Fault(cut_after=after, reset=True)


def slow_headers(seconds=FOREVER):
    return Fault(before_headers=seconds)


def slow_events(seconds=FOREVER, after=2):
    """The answer pauses once, after so many events."""
    return Fault(after_events=after, then="wait", seconds=seconds)


def malformed(after=2):
    """An event that is no JSON."""
    return Fault(after_events=after, then="malformed")


def error_event(after=3, status=529, message=None):
    """An error in the middle of the stream, whose headers said 200."""
    return Fault(after_events=after, then="error", then_status=status, message=message)


def ends_early(after=3):
    """The body ends well-formed before the answer does: no finish reason, no [DONE], no message_stop."""
    return Fault(after_events=after, then="stop")


UNAUTHORIZED = status(401)
NO_MODEL = status(404)
OVERLOADED = status(529)
FILTERED = Fault(filtered=True)
MIX = (rate_limited(0), status(500), status(503), OVERLOADED, reset(), Fault(cut_after=0))
"""Faults after which a request may be sent again: nothing of the answer has come."""


@dataclass
class Received:
    """One request as it came; ``left`` is set when the client closed the connection before the answer's end."""

    method: str
    path: str
    headers: dict
    body: object
    connection: int
    fault: Fault | None = None
    left: threading.Event = field(default_factory=threading.Event)


class FaultServer:
    """The server; it runs in a thread of its own. ``models`` are those that it has: of others it knows nothing (404)
    where the list isn't None. ``together`` is the most requests that were under way at one time."""

    def __init__(self, *, rate=0.0, seed=0, mix=MIX, models=None, words=WORDS):
        self.rate, self.mix, self.models, self.words = rate, mix, models, words
        self.requests = []
        self.together = self._running = self._connections = 0
        self._chance = random.Random(seed)
        self._queue = deque()
        self._came = threading.Condition()
        self._ready = threading.Event()
        self._tasks = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._ready.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self):
        return f"{self.url}/v1"

    anthropic_url = url

    def enqueue(self, *faults):
        """Say how the next requests are answered, one after the other."""
        self._queue.extend(faults)

    def release(self):
        """End every wait that is under way."""
        self._loop.call_soon_threadsafe(self._release)

    def wait_for(self, count):
        """Wait until so many requests have come, and give them."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.requests) >= count, 20), f"{len(self.requests)} came"
        return self.requests[:count]

    def close(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)

    # ── the wire ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self):
        self._loop, self._stop, self._go = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _release(self):
        self._go.set()
        self._go = asyncio.Event()

    async def _connected(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self._connections += 1
        number = self._connections
        try:
            while (received := await _read(reader, number)) is not None:
                if not await self._answer(received, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, received, reader, writer):
        """Answer one request; whether the connection takes another one."""
        fault = self._queue.popleft() if self._queue else self._by_chance()
        received.fault = fault
        self._running += 1
        self.together = max(self.together, self._running)
        with self._came:
            self.requests.append(received)
            self._came.notify_all()
        try:
            if fault.reset and fault.cut_after is None:
                return _reset(writer)
            await self._wait(fault.before_headers, reader, received)
            wire = _wire(received)
            model = received.body.get("model") if isinstance(received.body, dict) else None
            if fault.status == 200 and model and self.models is not None and model not in self.models:
                fault = replace(fault, status=404, message=f"The model '{model}' does not exist")
            if fault.status == 200 and isinstance(received.body, dict) and received.body.get("stream"):
                return await self._stream(fault, wire, model, received, reader, writer)
            body = self._body(fault, wire, model, received)
            text = body if isinstance(body, str) else json.dumps(body)
            kind = "text/html" if isinstance(body, str) else "application/json"
            data = text.encode()
            head = {"content-type": kind, "content-length": str(len(data)), "request-id": "req_1", **fault.headers}
            writer.write(_head(fault.status, head))
            return await self._send(data, fault, 0, writer)
        except ConnectionError:
            received.left.set()
            return False
        finally:
            self._running -= 1

    def _by_chance(self):
        if self.rate and self._chance.random() < self.rate:
            return self._chance.choice(self.mix)
        return replace(GOOD, words=self.words)

    def _body(self, fault, wire, model, received):
        if fault.status != 200:
            return fault.body if fault.body is not None else fault_wire.error_body(wire, fault.status, fault.message)
        if fault.body is not None:
            return fault.body
        if received.path.endswith("/models"):
            return fault_wire.models_body(wire, list(self.models or ("good", "better")))
        if received.path.endswith("/embeddings"):
            return fault_wire.embeddings_body(received.body)
        if received.path.endswith("/count_tokens"):
            return {"input_tokens": 5}
        return fault_wire.whole(wire, model, fault.words, fault.filtered)

    async def _stream(self, fault, wire, model, received, reader, writer):
        head = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **fault.headers}
        writer.write(_head(200, head))
        given = fault.events
        texts = list(given) if given is not None else fault_wire.events(wire, model, fault.words, fault.filtered)
        sent = 0
        for number, text in enumerate(texts):
            if number == fault.after_events:
                if fault.then == "stop":
                    break
                if fault.then == "wait":
                    await self._wait(fault.seconds, reader, received)
                else:
                    text = (
                        "data: {oops\n\n"
                        if fault.then == "malformed"
                        else fault_wire.error_event(wire, fault.then_status, fault.message)
                    )
            if not await self._send(text.encode(), fault, sent, writer, chunked=True):
                return False
            sent += len(text.encode())
            if number == fault.after_events and fault.then == "error":
                break
            if fault.between_events:
                await self._wait(fault.between_events, reader, received)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _send(self, data, fault, sent, writer, chunked=False):
        """Write a part of the body, up to the byte where the connection is to end; whether it goes on."""
        if fault.cut_after is not None and sent + len(data) > fault.cut_after:
            data, ends = data[: fault.cut_after - sent], True
        else:
            ends = False
        if data:
            writer.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
        await writer.drain()
        if ends and fault.reset:
            return _reset(writer)
        return not ends

    async def _wait(self, seconds, reader, received):
        """Wait; a client that goes meanwhile ends it with ConnectionError."""
        if not seconds:
            return
        gone = asyncio.ensure_future(reader.read(1))
        free = asyncio.ensure_future(self._go.wait())
        try:
            await asyncio.wait(
                {gone, free}, timeout=None if seconds == FOREVER else seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if gone.done():  # no client sends a second request before its first is answered
                raise ConnectionResetError
        finally:
            for task in (gone, free):
                task.cancel()
            await asyncio.gather(gone, free, return_exceptions=True)


async def _read(reader, number):
    """The next request of a connection; None where it is over."""
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers = {}
    while (line := (await reader.readline()).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    data = await reader.readexactly(int(headers.get("content-length", 0)))
    try:
        body = json.loads(data) if data else None
    except ValueError:
        body = data
    return Received(method, path.partition("?")[0], headers, body, number)


def _wire(received):
    if received.path.endswith(("/messages", "/count_tokens")) or "anthropic-version" in received.headers:
        return "anthropic"
    return "openai" if not received.path.endswith("/completions") or "/chat/" in received.path else "completions"


def _head(code, headers):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {code} Said\r\n{lines}\r\n".encode()


def _reset(writer):
    """Close with RST in place of FIN, as a process that died does; False, since nothing more can come."""
    link = writer.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
