"""Server-sent events, as far as chat completions use them: https://html.spec.whatwg.org/multipage/server-sent-events.html.

The official client reads them too, and keeps from its callers whether the closing ``[DONE]`` came, without which a
stream that was cut looks like one that ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

DONE = "[DONE]"


async def data(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The data of each event, in order. Comments, names of events and fields that nobody knows are left out.

    An event that the end of the stream cuts off before its blank line is given all the same: servers forget it.

    Raises:
        UnicodeDecodeError: an event is no UTF-8.
    """
    rest, lines = b"", list[bytes]()
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            line = line.rstrip(b"\r")
            if line.startswith(b"data:"):
                lines.append(line[5:].removeprefix(b" "))
            elif not line and lines:
                yield b"\n".join(lines).decode()
                lines.clear()
    if rest.startswith(b"data:"):
        lines.append(rest[5:].strip())
    if lines:
        yield b"\n".join(lines).decode()
