"""Tokens a second and first tokens of a model in this process: through Lua, against the engine called directly.

Both sides load the same file with the same parameters and answer in turn, with bodies of the same shape; every prompt
begins with a number of its own, so that none profits from what another one left in the cache. The direct side calls
`handle_chat_completions` from one thread for each conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.answers import Prompts, Round
from bench.engine_peers import Ask, direct, user
from bench.models import model_file
from bench.one_model import OneModel, settings_of
from bench.programs import run_program
from bench.rows import Expected, Row, compared
from llmspell import ProviderSpec, hookimpl

ENGINE = "xllamacpp"

PROGRAM = """
local rounds, tokens, second_tokens = %d, %d, 8

local function answered(agent, side, prompt, limit)
  Bench.mark("begin", side)
  local first = true
  for text in agent:stream{ text = prompt, max_tokens = limit, temperature = 0 } do
    if first and text ~= "" then
      first = false
      Bench.mark("first", side)
    end
  end
  Bench.mark("end", side, agent:last().usage.output_tokens)
end

local function executed(agent, side, prompt, limit)
  Bench.mark("begin", side)
  local result = agent:execute{ text = prompt, max_tokens = limit, temperature = 0 }
  Bench.mark("end", side, result.usage.output_tokens)
end

-- The prompts of a round come from Python; `ask` answers all of them at the same time.
local function through(kind, ask, count)
  local prompts = Bench.direct("prompts", kind, count)
  Bench.mark("round", kind)
  parallel(prompts, function(prompt, index)
    ask(Agent.create{ model = "gguf/model" }, kind .. index, prompt, tokens)
  end, { min_ok = count })
  Bench.mark("done", kind)
end

local function second_turn()
  local agent = Agent.create{ model = "gguf/model" }
  local prompts = Bench.direct("prompts", "turns", 2)
  Bench.mark("round", "turns")
  answered(agent, "turns1", prompts[1], second_tokens)
  answered(agent, "turns2", prompts[2], second_tokens)
  Bench.mark("done", "turns")
end

local cases = {
  one = function() through("one", answered, 1) end,
  eight = function() through("eight", answered, 8) end,
  ["one, execute"] = function() through("one, execute", executed, 1) end,
  ["eight, execute"] = function() through("eight, execute", executed, 8) end,
  turns = second_turn,
}
for round = 0, rounds do
  for _, kind in ipairs{ "one", "eight", "one, execute", "eight, execute", "turns" } do
    if round %% 2 == 0 then cases[kind]() end
    Bench.direct("answer", kind)
    if round %% 2 == 1 then cases[kind]() end
  end
end
"""


class _Comparison:
    """Hands out prompts, calls the engine directly, and notes what both sides took."""

    COUNTS: Mapping[str, int] = {"one": 1, "eight": 8, "one, execute": 1, "eight, execute": 8, "turns": 2}

    def __init__(self, file: Path, tokens: int) -> None:
        self._file, self._tokens = file, tokens
        self._numbered = Prompts()
        self._direct = direct(ENGINE, file)
        self._threads = ThreadPoolExecutor(8)  # asyncio's own pool has fewer on a small machine
        self.through: dict[str, list[Round]] = {}
        self.direct: dict[str, list[Round]] = {}

    def plugin(self) -> ModuleType:
        module = ModuleType("bench_engine")

        @hookimpl
        def llmspell_providers() -> list[ProviderSpec]:
            return [ProviderSpec("gguf", lambda settings: OneModel(self._file, settings_of(ENGINE)))]

        module.llmspell_providers = llmspell_providers  # type: ignore[attr-defined]
        return module

    # ── the side of Lua ───────────────────────────────────────────────────────────────────────────────────────────

    def mark(self, moment: str, name: str, tokens: int = 0) -> None:
        if moment == "round":
            self.through.setdefault(name, []).append(Round())
        elif moment == "done":
            self.through[name][-1].done()
        else:
            current = self.through[name.rstrip("0123456789")][-1]
            current.answer(name).note(moment, tokens)

    async def help(self, what: str, kind: str, count: int = 0) -> Any:
        if what == "prompts":
            return self._prompts(kind, count)
        await self._answer_directly(kind)
        return None

    def _prompts(self, kind: str, count: int) -> list[str]:
        return self._numbered.conversation() if kind == "turns" else self._numbered.stories(count)

    # ── the direct side ───────────────────────────────────────────────────────────────────────────────────────────

    async def _answer_directly(self, kind: str) -> None:
        prompts = self._prompts(kind, self.COUNTS[kind])
        current = Round()
        self.direct.setdefault(kind, []).append(current)
        loop = asyncio.get_running_loop()
        if kind == "turns":
            await loop.run_in_executor(self._threads, _converse, self._direct, prompts, current)
        else:
            sides = [current.answer(f"{kind}{index}") for index in range(len(prompts))]
            calls = []
            for prompt, side in zip(prompts, sides, strict=True):
                side.note("begin")
                calls.append(loop.run_in_executor(self._threads, self._direct, [user(prompt)], self._tokens, side))
            await asyncio.gather(*calls)
        current.done()


def _converse(ask: Ask, prompts: Sequence[str], current: Round) -> None:
    messages: list[dict[str, str]] = []
    for index, prompt in enumerate(prompts):
        messages.append(user(prompt))
        answer = current.answer(f"turns{index + 1}")
        answer.note("begin")
        text = ask(messages, 8, answer)
        messages.append({"role": "assistant", "content": text})


def run(quick: bool) -> Iterator[Row]:
    """Yield paces and first tokens for one agent and for eight, then the second turn of a conversation."""
    rounds, tokens = (1, 16) if quick else (8, 48)
    file = model_file()
    both = _Comparison(file, tokens)
    run_program(PROGRAM % (rounds, tokens), both.mark, both.help, both.plugin())
    for kind, least in (("one", 0.97), ("one, execute", 0.97), ("eight", 0.95), ("eight, execute", 0.95)):
        title = f"{kind.replace('one', 'one agent').replace('eight', 'eight agents')}"
        yield _row(both, kind, f"{title}: pace", "tokens/s", Round.pace, Expected("ratio", least=least))
        yield _row(both, kind, f"{title}: processor time of a token", "ms", Round.cpu_per_token)
        if "execute" not in kind:
            yield _row(both, kind, f"{title}: first token", "ms", Round.first_token)
    cold, warm = _figures(both.through, 0), _figures(both.through, 1)
    yield compared("model", "second turn, first token", "ms", warm, cold, "first turn", Expected("ratio", most=0.3))
    yield compared("model", "second turn, first token", "ms", warm, _figures(both.direct, 1), "engine")
    yield compared("model", "first turn, first token", "ms", cold, _figures(both.direct, 0), "engine")


def _row(
    both: _Comparison,
    kind: str,
    name: str,
    unit: str,
    figure: Callable[[Round], float],
    expected: Expected | None = None,
) -> Row:
    ours, peer = ([figure(current) for current in side[kind][1:]] for side in (both.through, both.direct))
    return compared("model", name, unit, ours, peer, "engine", expected)


def _figures(side: Mapping[str, list[Round]], turn: int) -> list[float]:
    return [current.first_token_of(turn) for current in side["turns"][1:]]
