"""The measured process of ``llmspell bench``: one model, from the start of the process to its peak of memory.

What it finds it writes to its stdout at once, one JSON object a line: ``doing`` names the figure that is measured
next, ``figures`` holds some, ``first_token`` says that the first one has just come, ``failed`` what went wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from itertools import count
from statistics import median
from typing import Any, Final, NoReturn

from llmspell.agents.agent import Agent
from llmspell.agents.config import AgentConfig
from llmspell.agents.result import Result
from llmspell.cli.bench_memory import peak_of_tree, peak_reported
from llmspell.cli.bench_table import ANSWER_TOKENS
from llmspell.cli.context import Context
from llmspell.cli.listening import Listener
from llmspell.cli.log_lines import LogLines
from llmspell.errors import LLMSpellError, traceback_of
from llmspell.leaving import READER_GONE, leave
from llmspell.providers.contract import ReasoningDelta, TextDelta
from llmspell.providers.hub import Hub
from llmspell.providers.watching import close

ROUNDS: Final = 3
"""How often a short figure is taken; the median counts."""
SHORT_TOKENS: Final = 8
TOPICS: Final = ("lighthouse", "river", "kitchen", "railway", "orchard", "harbour", "library", "mountain")
PASSAGE: Final = (
    "The keeper climbed the stairs every evening before dusk, trimmed the lamp, wound the clockwork and wrote the "
    "state of the sea and of the sky into the book that lay open on the table by the window. "
)

Tell = Callable[..., None]


def main(words: list[str]) -> NoReturn:
    """Measure what the JSON object in the first word says: ``spec``, ``agents`` and the flags of the command."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as out:
        os.dup2(2, 1)  # a library that prints must not come between the lines
        sys.stdout = sys.stderr
        threading.Thread(target=_end_with_parent, daemon=True).start()

        def tell(**what: Any) -> None:
            out.write(json.dumps(what) + "\n")

        leave(_run(json.loads(words[0]), tell))


def _end_with_parent() -> None:
    """Its end of our stdin stays open for as long as the parent lives, whatever ends it."""
    os.read(0, 1)
    os._exit(1)


def _run(given: dict[str, Any], tell: Tell) -> int:
    context = Context()
    context.arguments = Namespace(**given)
    try:
        peak = context.wait(_Bench(context, tell).measure())
        tell(figures={"peak_memory_bytes": peak or peak_reported()})
        return 0
    except LLMSpellError as error:
        tell(failed={"type": error.type, "message": error.message, "hint": error.hint, "exit_code": error.exit_code})
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return READER_GONE
    except Exception as error:  # noqa: BLE001 - the interpreter must not unwind while an engine computes
        print(traceback_of(error), end="", file=sys.stderr)
        return 1


class _Bench:
    """The measurements of one model, in the order of the table."""

    def __init__(self, context: Context, tell: Tell) -> None:
        self._hub: Hub = context.hub
        self._hub.on_event = Listener(LogLines(context.settings.logs))
        self._spec: str = context.arguments.spec
        self._agents: int = context.arguments.agents
        self._tell = tell
        self._numbers = count(1)

    async def measure(self) -> int | None:
        """Take all figures; returns the peak of memory, which is read before anything is given back."""
        self._tell(doing="load_seconds")
        route = await self._hub.resolve(self._spec)
        self._tell(figures={"provider": route.name})
        if route.provider.can("load"):
            began = time.perf_counter()
            await self._hub.load(self._spec)
            self._tell(figures={"load_seconds": time.perf_counter() - began})
        self._tell(doing="cold_start_seconds")
        await self._first_of_all()
        await self._describe(route.name)
        self._tell(doing="first_token_seconds")
        await self._one_stream()
        self._tell(doing="agents_tokens_per_second")
        await self._at_once()
        self._tell(doing="second_turn_first_token_seconds")
        await self._second_turn()
        return peak_of_tree()

    async def _first_of_all(self) -> None:
        """The parent stops its watch at the first token."""
        told = False
        events = self._agent(SHORT_TOKENS).stream(self._question())
        try:
            async for event in events:
                if not told and isinstance(event, (TextDelta, ReasoningDelta)):
                    told = True
                    self._tell(first_token=True)
        finally:
            await close(events)

    async def _one_stream(self) -> None:
        results = [await self._agent(ANSWER_TOKENS).execute(self._question()) for _ in range(ROUNDS)]
        paces = [result.timings.tokens_per_second for result in results]
        figures = {
            "first_token_seconds": median(map(_first_token, results)),
            "tokens_per_second": median(paces) or None,  # 0 where the provider doesn't count or said one word
            "prompt_tokens": round(median(result.usage.input_tokens for result in results)),
            "answer_tokens": round(median(result.usage.output_tokens for result in results)),
        }
        self._tell(figures=figures)

    async def _at_once(self) -> None:
        agents = [(self._agent(ANSWER_TOKENS), self._question()) for _ in range(self._agents)]
        began = time.perf_counter()
        results = await asyncio.gather(*(agent.execute(question) for agent, question in agents))
        seconds = time.perf_counter() - began
        tokens = sum(result.usage.output_tokens for result in results)
        self._tell(figures={"agents_tokens_per_second": tokens / seconds or None})

    async def _second_turn(self) -> None:
        results = []
        for _ in range(ROUNDS):
            agent = self._agent(SHORT_TOKENS)
            await agent.execute(f"{next(self._numbers)}. {PASSAGE * 4}Who is this about?")
            results.append(await agent.execute("And what does the keeper write?"))
        figures = {
            "second_turn_first_token_seconds": median(map(_first_token, results)),
            "second_turn_prompt_tokens": round(median(result.usage.input_tokens for result in results)),
            "second_turn_cached_tokens": round(median(result.usage.cached_tokens for result in results)),
        }
        self._tell(figures=figures)

    async def _describe(self, provider: str) -> None:
        """What is known of the model; nothing of it is needed."""
        figures: dict[str, Any] = {}
        try:
            info = await self._hub.info(self._spec)
            for name in ("parameter_count", "quantization", "size_bytes"):
                figures[name] = getattr(info, name)
            for one in await self._hub.loaded(provider):
                if one.id == info.id and one.program is None:
                    figures["engine"] = one.engine
        except LLMSpellError:  # a provider may have neither verb
            pass
        self._tell(figures=figures)

    def _agent(self, tokens: int) -> Agent:
        options = {"temperature": 0, "max_tokens": tokens}
        return Agent(0, AgentConfig(self._spec, options=options), self._hub)

    def _question(self) -> str:
        """One that wasn't asked before: its number comes first, so that no cache knows its beginning."""
        number = next(self._numbers)
        return f"{number}. Write a long story about a {TOPICS[number % len(TOPICS)]}."


def _first_token(result: Result) -> float:
    return result.timings.first_token_ms / 1000
