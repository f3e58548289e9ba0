"""What a chunk of a streamed answer costs through the hub, against the official SDK alone, in both formats.

A server in a process of its own sends the same stream to both sides, which take turns in one process and on one event
loop. The SDK's side reads the text of every chunk and does nothing else.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.environments import ROOT
from bench.rounds import Measure, cpu_of, interleaved
from bench.rows import Expected, Row, compared, missing
from llmspell import TextDelta
from llmspell.config import load
from llmspell.plugins.host import PluginHost
from llmspell.providers.contract import Message
from llmspell.providers.hub import Hub

CHUNKS = 500
CONFIG = """
[providers.far]
type = "{kind}"
base_url = "{url}"
"""

Read = Callable[[], AsyncIterator[str]]
"""Ask once and give the text of every chunk."""


def run(quick: bool) -> Iterator[Row]:
    """Yield the processor time of a chunk for each of the two formats."""
    rounds, answers = (2, 1) if quick else (15, 5)
    with _served() as url:
        for kind, path in (("openai", "/v1"), ("anthropic", "")):
            name = f"{kind}: a chunk of {CHUNKS}, processor time"
            if find_spec(kind) is None:
                yield missing("streaming", name, f"{kind} is not installed")
            else:
                yield _compared(name, kind, f"{url}{path}", rounds, answers)


def _compared(name: str, kind: str, url: str, rounds: int, answers: int) -> Row:
    loop, hub, client = asyncio.new_event_loop(), _hub(kind, url), _sdk(kind, url)

    async def ours() -> AsyncIterator[str]:
        async for event in hub.chat("far/good", [Message("user", "go")]):
            if isinstance(event, TextDelta):
                yield event.text

    theirs = _completions if kind == "openai" else _messages
    try:
        figures = interleaved(
            rounds, _processor(loop, ours, answers), _processor(loop, lambda: theirs(client), answers)
        )
    finally:
        loop.run_until_complete(hub.aclose())
        loop.run_until_complete(client.close())
        loop.close()
    mine, peer = ([seconds * 1e6 for seconds in values] for values in figures)
    return compared("streaming", name, "µs", mine, peer, f"{kind} SDK", Expected("ratio", most=1))


def _processor(loop: asyncio.AbstractEventLoop, read: Read, answers: int) -> Measure:
    """Seconds of processor for a chunk: those of whole answers, their requests included, by the number of chunks."""

    async def all_answers() -> None:
        for _ in range(answers):
            texts = [text async for text in read()]
            if len(texts) != CHUNKS:
                raise RuntimeError(f"an answer of {CHUNKS} chunks came in {len(texts)}")

    return lambda: cpu_of(lambda: loop.run_until_complete(all_answers())) / (answers * CHUNKS)


# ── both sides ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sdk(kind: str, url: str) -> Any:
    module = import_module(kind)
    made = {"openai": "AsyncOpenAI", "anthropic": "AsyncAnthropic"}[kind]
    http = module.DefaultAsyncHttpxClient(trust_env=False)
    return getattr(module, made)(api_key="none", base_url=url, max_retries=0, http_client=http)


async def _completions(client: Any) -> AsyncIterator[str]:
    messages = [{"role": "user", "content": "go"}]
    async for chunk in await client.chat.completions.create(model="good", messages=messages, stream=True):
        if chunk.choices and (text := chunk.choices[0].delta.content):
            yield text


async def _messages(client: Any) -> AsyncIterator[str]:
    messages = [{"role": "user", "content": "go"}]
    stream = await client.messages.create(model="good", messages=messages, max_tokens=CHUNKS, stream=True)
    async for event in stream:
        if event.type == "content_block_delta":
            yield event.delta.text


def _hub(kind: str, url: str) -> Hub:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "llmspell.toml").write_text(CONFIG.format(kind=kind, url=url), encoding="utf-8")
        settings = load(environ={"LLMSPELL_HOME": folder}, cwd=folder)
    return Hub(PluginHost({kind: import_module(f"llmspell_{kind}")}, points=()), settings)


@contextmanager
def _served() -> Iterator[str]:
    """The address of the server."""
    script = Path(__file__).with_name("fault_serving.py")
    command = [sys.executable, "-I", "-S", str(script), str(ROOT / "tests"), str(CHUNKS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child.stdout.readline().strip()
        finally:
            child.kill()
