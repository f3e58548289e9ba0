"""Peaks of resident memory of whole processes: a small script, many waiting tasks, a local chat.

The peers: an interpreter and `llm` that say their version, asyncio with as many tasks, and the engine called directly
with the parameters that llmspell gives it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import environments
from bench.models import THREADS, model_file
from bench.processes import cost_of
from bench.rounds import Measure, interleaved
from bench.rows import Row, compared

TASKS = 10_000
ONE = "print('hello')"
WAITING = f"""
local tasks = {{}}
for i = 1, {TASKS} do tasks[i] = Task.spawn(function() sleep(0.5) return i end) end
local sum = 0
for i = 1, {TASKS} do sum = sum + tasks[i]:wait() end
print(sum)
"""
WAITING_PEER = f"""
import asyncio
async def one(i):
    await asyncio.sleep(0.5)
    return i
async def main():
    print(sum(await asyncio.gather(*(one(i) for i in range({TASKS})))))
asyncio.run(main())
"""
QUESTION = "Write a long story about a lighthouse."
CHAT = f"""
local agent = Agent.create{{ model = arg[1], max_tokens = 64, temperature = 0 }}
for text in agent:stream("{QUESTION}") do io.write(text) end
"""
CHAT_PEER = f"""
import sys
from llmspell_gguf import metadata, sizing
from llmspell_gguf.xllamacpp_engine import _start
found = metadata.read(sys.argv[1])
server = _start(found, sizing.plan(found, {{"threads": {THREADS}}}))
def take(chunk):
    for choice in chunk["choices"]:
        sys.stdout.write(choice["delta"].get("content") or "")
    return False
question = {{"role": "user", "content": "{QUESTION}"}}
server.handle_chat_completions({{"messages": [question], "max_tokens": 64, "temperature": 0.0, "stream": True}}, take)
"""
FILES = {
    "one.lua": ONE,
    "waiting.lua": WAITING,
    "waiting.py": WAITING_PEER,
    "chat.lua": CHAT,
    "chat.py": CHAT_PEER,
    "llmspell.toml": f"[providers.gguf]\nthreads = {THREADS}\n",
}


def run(quick: bool) -> Iterator[Row]:
    """Yield a script of one line, waiting tasks and a chat."""
    programs, peer = environments.llmspell(), environments.llm()
    python, llmspell, file = str(programs / "python"), str(programs / "llmspell"), str(model_file())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in FILES.items():
            (folder / path).write_text(text)
        variables = {"LLMSPELL_HOME": name, "LLM_USER_PATH": name}

        def megabytes(*command: str) -> Measure:
            return lambda: cost_of(command, folder, variables).peak / 1e6

        rounds = 1 if quick else 5
        script, bare, llm, waiting, tasks, chat, engine = interleaved(
            rounds,
            megabytes(llmspell, "run", "one.lua"),
            megabytes(python, "-c", "pass"),
            megabytes(str(peer / "llm"), "--version"),
            megabytes(llmspell, "run", "waiting.lua"),
            megabytes(python, "waiting.py"),
            megabytes(llmspell, "run", "chat.lua", file),
            megabytes(python, "chat.py", file),
        )
    yield compared("memory", "a script of one line", "MB", script, llm, "llm --version")
    yield compared("memory", "a script of one line", "MB", script, bare, "python -c pass")
    yield compared("memory", f"{TASKS:,} waiting tasks", "MB", waiting, tasks, "asyncio")
    yield compared("memory", "a local chat", "MB", chat, engine, "engine")
