"""What an engine in a process of its own and its parent say to each other, and how it gets across their socket.

A frame is the length of its body (4 bytes, little-endian) and the body. Down goes a pickled order, up comes
an `Item` in MessagePack, from which nothing is built but events and errors of llmspell: it was written by a process in
whose memory native code may have done damage.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar, get_args

import msgspec

from llmspell import ChatEvent, TextDelta, errors
from llmspell.errors import LLMSpellError, ProviderError
from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan

T = TypeVar("T")

LENGTH: Final = struct.Struct("<I")
MOST: Final = 1 << 30
"""A longer frame is damage."""
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Load:
    """The first order: load a model with an engine. Answered by one item of number 0."""

    engine: str
    metadata: Metadata
    plan: Plan


@dataclass(frozen=True, slots=True)
class Ask:
    """Call a method of the engine; answered by items with this ``number``, the last of kind `END` or `ERROR`."""

    number: int
    method: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """Cancel what was asked under a ``number``. Its last item still comes, once the engine has stopped."""

    number: int


Order: TypeAlias = "Load | Ask | Stop"
Item: TypeAlias = tuple[int, str, Any]
"""The number of what was asked, a kind, and a value: the name of an event's class and its fields, `END` and the
result, or `ERROR` and what `taken_apart` gave."""

DAMAGE: Final = (ValueError, msgspec.MsgspecError)
"""What is raised for a frame that can't be what the other side meant to send."""
END: Final = "end"
ERROR: Final = "error"
_EVENTS: Final[dict[str, Any]] = {event.__name__: event for event in get_args(ChatEvent)}

pack = msgspec.msgpack.Encoder(enc_hook=str).encode
_unpack = msgspec.msgpack.Decoder(Item).decode


def unpack(body: bytes) -> Item:
    """The item of a frame.

    Raises:
        DAMAGE: the bytes are damaged.
    """
    item: Item = _unpack(body)
    return item


def event(kind: str, fields: Any) -> Any:
    """The event of an item.

    Raises:
        DAMAGE: there is no such event, or its fields are wrong.
    """
    if kind == "TextDelta" and type(fields) is dict and type(text := fields.get("text")) is str:
        return TextDelta(text)  # nearly all are
    found = _EVENTS.get(kind)
    if found is None:
        raise ValueError(f"there is no event {kind!r}")
    return msgspec.convert(fields, found)


def taken_apart(error: Exception) -> tuple[str, dict[str, Any]]:
    """An error as plain values; one that is none of llmspell's becomes a `ProviderError`."""
    if not isinstance(error, LLMSpellError):
        text = " ".join(str(error).split())
        error = ProviderError(f"the engine failed: {type(error).__name__}: {text}", provider="gguf")
    fields = {name: _sendable(value) for name, value in vars(error).items() if not name.startswith("_")}
    return type(error).__name__, fields


def put_together(value: Any) -> LLMSpellError:
    """The error that `taken_apart` took apart, with all its fields.

    Raises:
        DAMAGE: there is no such error.
    """
    name, fields = msgspec.convert(value, tuple[str, dict[str, Any]])
    found, message = getattr(errors, name, None), fields.get("message")
    if not (isinstance(found, type) and issubclass(found, LLMSpellError) and isinstance(message, str)):
        raise ValueError(f"there is no error {name!r}")
    error = found.__new__(found, message)  # not its __init__: each class has another one
    vars(error).update((field, tuple(each) if isinstance(each, list) else each) for field, each in fields.items())
    return error


def _sendable(value: Any) -> Any:
    """A path whose name is no UTF-8 is in Python's texts as what no format takes."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def result(value: Any, kind: type[T]) -> T:
    """What a method of the engine returned.

    Raises:
        DAMAGE: it is no such value.
    """
    return msgspec.convert(value, kind)


def framed(body: bytes) -> bytes:
    return LENGTH.pack(len(body)) + body


def order(given: Order) -> bytes:
    """The frame of an order."""
    return framed(pickle.dumps(given, pickle.HIGHEST_PROTOCOL))


def receive(sock: socket.socket) -> bytes | None:
    """Wait for one frame on a blocking socket and return its body; None where the other side is gone."""
    parts, missing, length = bytearray(), LENGTH.size, None
    while missing:
        try:
            data = sock.recv(missing)
        except ConnectionError:
            return None
        if not data:
            return None
        parts += data
        missing -= len(data)
        if not missing and length is None:
            (length,) = LENGTH.unpack(parts)
            parts, missing = bytearray(), min(length, MOST)
    return bytes(parts)


class Channel:
    """One end of the socket while an event loop watches it.

    ``on_frame`` gets each body; ``on_end`` is called once, when the other side is gone or what it sent is damaged. No
    call waits: what the socket doesn't take at once is sent when it does.
    """

    def __init__(self, sock: socket.socket, on_frame: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        self._sock, self._on_frame, self._on_end = sock, on_frame, on_end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._in, self._out = bytearray(), bytearray()
        self._sending = threading.Lock()
        sock.setblocking(False)

    def watch(self) -> None:
        """Read on the running loop from now on."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._sock.fileno(), self._read)

    @property
    def lost(self) -> bool:
        """Whether the loop that watched was closed."""
        return self._loop is not None and self._loop.is_closed()

    def rest(self) -> None:
        """Leave the loop; nothing is expected and nothing left to be sent."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._sock.fileno())
            self._loop.remove_writer(self._sock.fileno())
        self._loop = None

    def send(self, frame: bytes) -> None:
        """Send a frame, from any thread; after `watch`."""
        with self._sending:
            if not self._out:
                try:
                    frame = frame[self._sock.send(frame) :]
                except BlockingIOError:
                    pass
                except OSError:
                    return  # the reader hears of it too, after what was sent before the end
                if frame and self._loop is not None:
                    self._loop.call_soon_threadsafe(self._loop.add_writer, self._sock.fileno(), self._write)
            self._out += frame

    def _write(self) -> None:
        with self._sending:
            try:
                del self._out[: self._sock.send(self._out)]
            except BlockingIOError:
                return
            except OSError:
                self._out.clear()
            if not self._out and self._loop is not None:
                self._loop.remove_writer(self._sock.fileno())

    def _read(self) -> None:
        try:
            data = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._finish()
            return
        try:
            if self._in or len(data) < LENGTH.size or LENGTH.unpack_from(data)[0] != len(data) - LENGTH.size:
                self._in += data
                self._take_apart()
            else:
                self._on_frame(data[LENGTH.size :])  # one frame, as nearly always
        except DAMAGE:
            self._finish()

    def _take_apart(self) -> None:
        while self._loop is not None and len(self._in) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._in)
            if length > MOST:
                raise ValueError(length)
            end = LENGTH.size + length
            if len(self._in) < end:
                break
            body = bytes(self._in[LENGTH.size : end])
            del self._in[:end]
            self._on_frame(body)

    def _finish(self) -> None:
        self.rest()
        self._on_end()
