"""The process of an isolated engine: ``python -m llmspell_gguf.child DESCRIPTOR``, one model in one engine.

It lives as long as the socket whose descriptor it was given: when the parent is gone, however that came about, the
socket is at its end and this process ends with it.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import pickle
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from llmspell import ChatEvent
from llmspell_gguf import engine, wire


class Child:
    """Carries out orders on its event loop. The events of a chat go up from the engine's thread, past the loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._channel = wire.Channel(sock, self._obey, _leave)
        self._engine: Any = None
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Obey until the parent is gone."""
        self._loop = asyncio.get_running_loop()
        self._channel.watch()
        await asyncio.Event().wait()

    def _obey(self, body: bytes) -> None:
        order: wire.Order = pickle.loads(body)
        if isinstance(order, wire.Stop):
            if task := self._tasks.get(order.number):
                task.cancel()
        elif isinstance(order, wire.Ask):
            self._begin(order.number, self._answer(order))
        else:
            self._begin(0, self._load(order))

    def _begin(self, number: int, work: Coroutine[Any, Any, Any]) -> None:
        self._tasks[number] = self._loop.create_task(self._carry_out(number, work))

    async def _carry_out(self, number: int, work: Coroutine[Any, Any, Any]) -> None:
        try:
            self._hand_up(number, wire.END, await work)
        except asyncio.CancelledError:
            self._hand_up(number, wire.END, None)
        except Exception as error:  # noqa: BLE001 - raised again in the parent
            self._hand_up(number, wire.ERROR, wire.taken_apart(error))
        finally:
            del self._tasks[number]

    async def _load(self, order: wire.Load) -> str:
        """Load in a thread, so that the end of the parent is heard, and give the engine's title."""
        self._engine = await asyncio.to_thread(engine.load, order.engine, order.metadata, order.plan)
        return str(self._engine.title)

    async def _answer(self, order: wire.Ask) -> Any:
        call = getattr(self._engine, order.method)
        if order.method != "chat":
            return await (call(*order.arguments) if inspect.iscoroutinefunction(call) else asyncio.to_thread(call))
        (work,) = order.arguments
        say = partial(self._say, order.number)
        async with aclosing(call(replace(work, emit=say))) as events:
            async for event in events:
                say(event)
        return None

    def _say(self, number: int, event: ChatEvent) -> None:
        self._hand_up(number, type(event).__name__, event)

    def _hand_up(self, number: int, kind: str, value: Any) -> None:
        self._channel.send(wire.framed(wire.pack((number, kind, value))))


def _leave() -> None:
    os._exit(0)  # at once: unwinding the interpreter while an engine decodes crashes


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to both; the parent decides what becomes of it
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)
    asyncio.run(Child(sock).serve())


if __name__ == "__main__":
    main()
