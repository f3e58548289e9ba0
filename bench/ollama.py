"""What the Ollama provider adds to httpx: to a request, to its first token and to each token after that.

A server in a process of its own plays one recorded answer. The provider's events and httpx's lines are read in turn, in
one process and on one event loop; httpx's side parses each line and does nothing else. What the runtime adds to any
provider is measured by `provider`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bench.environments import ROOT
from bench.processes import cost_of
from bench.rounds import Measure, cpu_of, interleaved
from bench.rows import Expected, Row, Spread, compared, missing
from llmspell import ChatRequest, Message, ModelRef

MODEL, PROMPT = "smollm2", "A JSON object with a name."
PACE = 0.002
"""Seconds between two tokens of the server that paces: 500 tokens a second."""

Read = Callable[[int], AsyncIterator[object]]
"""Ask for so many tokens and give what comes, first to last."""


def run(quick: bool) -> Iterator[Row]:
    """Yield what is added to a request and to each token, then what the plugin costs a program without Ollama."""
    if find_spec("ollama") is None:
        yield missing("ollama", "against httpx", "ollama is not installed")
    else:
        yield from _requests(quick)
    yield from _start(quick)


# ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _requests(quick: bool) -> Iterator[Row]:
    tokens, rounds, repeated = (20, 2, 2) if quick else (300, 30, 20)
    most = Expected("ours", most=20)
    with _served(0) as url, _sides(url) as (loop, ours, peer):
        one, other_one, first, other_first, many, other_many = interleaved(
            rounds,
            _processor(loop, ours, 1, repeated),
            _processor(loop, peer, 1, repeated),
            _first(loop, ours),
            _first(loop, peer),
            _processor(loop, ours, tokens),
            _processor(loop, peer, tokens),
        )
    yield _added("request of one token, processor time added", "ms", one, other_one, Expected("ours", most=0.5))
    yield _added("first token, added", "ms", first, other_first, Expected("ours", most=0.5))
    later, other_later = _later(many, one, tokens), _later(other_many, other_one, tokens)
    yield _added("further token that is there already, processor time added", "µs", later, other_later, most)
    with _served(PACE) as url, _sides(url) as (loop, ours, peer):
        one, other_one, many, other_many = interleaved(
            2 if quick else 9,
            _processor(loop, ours, 1, repeated),
            _processor(loop, peer, 1, repeated),
            _processor(loop, ours, tokens),
            _processor(loop, peer, tokens),
        )
    later, other_later = _later(many, one, tokens), _later(other_many, other_one, tokens)
    yield _added("further token, 500 a second, processor time added", "µs", later, other_later, most)


@contextmanager
def _served(pace: float) -> Iterator[str]:
    """The address of a server; ``pace`` is in seconds."""
    script, recordings = Path(__file__).with_name("ollama_server.py"), ROOT / "tests" / "recordings" / "ollama"
    command = [sys.executable, "-I", "-S", str(script), str(recordings), str(pace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            yield f"http://127.0.0.1:{int(child.stdout.readline())}"
        finally:
            child.kill()


@contextmanager
def _sides(url: str) -> Iterator[tuple[asyncio.AbstractEventLoop, Read, Read]]:
    """The provider and httpx, each with connections of its own, on one event loop."""
    import httpx

    loop = asyncio.new_event_loop()
    (spec,) = import_module("llmspell_ollama").llmspell_providers()
    provider = spec.factory({"host": url})
    client = httpx.AsyncClient(trust_env=False, timeout=60)

    def ours(tokens: int) -> AsyncIterator[object]:
        options = {"temperature": 0, "max_tokens": tokens}
        events: AsyncIterator[object] = provider.chat(
            ChatRequest(ModelRef(MODEL), (Message("user", PROMPT),), options=options)
        )
        return events

    async def theirs(tokens: int) -> AsyncIterator[object]:
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": PROMPT}],
            "options": {"temperature": 0, "num_predict": tokens},
        }
        async with client.stream("POST", f"{url}/api/chat", json=body) as answer:
            async for line in answer.aiter_lines():
                yield json.loads(line)

    try:
        yield loop, ours, theirs
    finally:
        loop.run_until_complete(provider.aclose())
        loop.run_until_complete(client.aclose())
        loop.close()


def _processor(loop: asyncio.AbstractEventLoop, read: Read, tokens: int, times: int = 1) -> Measure:
    """Seconds of processor that one whole answer takes, of several one after the other."""

    async def answers() -> None:
        for _ in range(times):
            count = 0
            async for _ in read(tokens):
                count += 1
            if count <= tokens:
                raise RuntimeError(f"an answer of {tokens} tokens came in {count} pieces")

    return lambda: cpu_of(lambda: loop.run_until_complete(answers())) / times


def _first(loop: asyncio.AbstractEventLoop, read: Read) -> Measure:
    """Seconds until the first piece of an answer is here."""

    async def answer() -> float:
        began, first = time.perf_counter(), 0.0
        async for _ in read(1):
            first = first or time.perf_counter() - began
        return first

    return lambda: loop.run_until_complete(answer())


def _later(many: Sequence[float], one: Sequence[float], tokens: int) -> list[float]:
    """What each token after the first takes."""
    return [(whole - single) / (tokens - 1) for whole, single in zip(many, one, strict=True)]


def _added(name: str, unit: str, ours: Sequence[float], peer: Sequence[float], expected: Expected) -> Row:
    """A row of seconds, shown in the unit."""
    scale = {"ms": 1e3, "µs": 1e6}[unit]
    added = [(mine - other) * scale for mine, other in zip(ours, peer, strict=True)]
    row = compared("ollama", name, unit, added, expected=expected)
    return replace(row, peer=Spread.of([value * scale for value in peer]), peer_name="httpx")


# ── start-up ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _start(quick: bool) -> Iterator[Row]:
    """The plugin in a program that uses no model of Ollama, and the package that it leaves alone there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "one.lua").write_text("print('hello')\n")

        def milliseconds(*command: str, plugins: str = "") -> Measure:
            variables = {"LLMSPELL_HOME": name, "LLMSPELL_PLUGINS": plugins}
            return lambda: cost_of([sys.executable, *command], folder, variables).cpu * 1000

        script = ("-m", "llmspell", "run", "one.lua")
        commands = [
            milliseconds(*script, plugins="gguf,ollama"),
            milliseconds(*script, plugins="gguf"),
            milliseconds("-c", "pass"),
        ]
        if find_spec("ollama") is not None:
            commands.append(milliseconds("-c", "import ollama"))
        with_it, without, interpreter, *client = interleaved(2 if quick else 15, *commands)
    added = [ours - other for ours, other in zip(with_it, without, strict=True)]
    row = compared(
        "ollama", "a script of one line, added by the plugin", "ms", added, expected=Expected("ours", most=3)
    )
    yield replace(row, peer=Spread.of(without), peer_name="without it")
    for figures in client:
        imported = [whole - other for whole, other in zip(figures, interpreter, strict=True)]
        yield compared("ollama", "the package's import, put off until a model of Ollama is used", "ms", imported)
