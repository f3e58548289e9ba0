"""Both engines through Lua, against the same engine called directly, its own HTTP server, and the other engine.

Every side runs the same file with the same measures, and answers in turn, in the same round; every prompt begins with
a number of its own. Through Lua an agent streams its answer; the direct side iterates over the engine's own stream; the
servers run in processes of their own and are read over HTTP on loopback. Then there is a conversation of 20 turns, of
which each engine should read no more than what is new, and what an engine costs that runs in a process of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from bench import isolation
from bench.answers import Prompts, Round
from bench.engine_peers import Ask, direct, server, user
from bench.models import model_file
from bench.one_model import ENGINES, OneModel, installed, settings_of
from bench.programs import run_program
from bench.rows import Expected, Row, compared, missing
from llmspell import ProviderSpec, hookimpl

TURNS = 20

PROGRAM = """
local tokens, rounds, turns = %d, %d, %d
local cases, engines = %s, %s

local function answered(agent, case, index, prompt)
  Bench.mark("begin", case.name, index)
  local first = true
  for text in agent:stream{ text = prompt, max_tokens = tokens, temperature = 0 } do
    if first and text ~= "" then
      first = false
      Bench.mark("first", case.name, index)
    end
  end
  Bench.mark("end", case.name, index, agent:last().usage.output_tokens)
end

local function through(case)
  local prompts = Bench.direct("prompts", case.agents)
  Bench.mark("round", case.name)
  parallel(prompts, function(prompt, index)
    answered(Agent.create{ model = case.model }, case, index, prompt)
  end, { min_ok = case.agents })
  Bench.mark("done", case.name)
end

for round = 0, rounds do
  for _, case in ipairs(cases) do
    if round %% 2 == 0 then through(case) end
    Bench.direct("others", case.name)
    if round %% 2 == 1 then through(case) end
  end
end
for _, engine in ipairs(engines) do
  local agent = Agent.create{ model = engine .. "/model", temperature = 0, max_tokens = 16 }
  for turn = 1, turns do
    local usage = agent:execute("Part " .. turn .. ": and what does the keeper of the lighthouse do then?").usage
    Bench.mark("turn", engine, usage.input_tokens, usage.cached_tokens, usage.output_tokens)
  end
end
"""


class _Case:
    """So many ``agents`` at once on an engine, and the ``peers`` that answer as many prompts.

    Neither llama-cpp-python nor its server answers several at once; its queue stands against xllamacpp's batch.
    """

    def __init__(self, engine: str, agents: int) -> None:
        self.engine, self.agents = engine, agents
        self.name = f"{engine}, {'one agent' if agents == 1 else f'{agents} agents'}"
        self.peers = ("engine", "server") if agents == 1 else ("server",) if engine == "xllamacpp" else ()
        self.ours: list[Round] = []
        self.others: dict[str, list[Round]] = {}
        self.missing: dict[str, str] = {}

    def lua(self) -> str:
        return f"{{ name = '{self.name}', model = '{self.engine}/model', agents = {self.agents} }}"


class _Comparison:
    """Hands out prompts, asks the peers, and notes what all of them took."""

    def __init__(self, file: Path, tokens: int, engines: Sequence[str], stack: ExitStack) -> None:
        self._file, self._tokens, self._stack = file, tokens, stack
        self._prompts = Prompts()
        self._peers: dict[tuple[str, str], Ask] = {}
        self._threads = ThreadPoolExecutor(8)  # asyncio's own pool has fewer on a small machine
        self.engines = engines
        self.cases = {case.name: case for engine in engines for case in (_Case(engine, 1), _Case(engine, 8))}
        self.turns: dict[str, list[tuple[int, int, int]]] = {engine: [] for engine in engines}

    def plugin(self) -> ModuleType:
        module = ModuleType("bench_engines")

        def make(engine: str, settings: Mapping[str, Any]) -> OneModel:
            return OneModel(self._file, settings_of(engine))

        @hookimpl
        def llmspell_providers() -> list[ProviderSpec]:
            return [ProviderSpec(engine, partial(make, engine)) for engine in self.engines]

        module.llmspell_providers = llmspell_providers  # type: ignore[attr-defined]
        return module

    # ── the side of Lua ───────────────────────────────────────────────────────────────────────────────────────────

    def mark(self, moment: str, name: str, *numbers: int) -> None:
        if moment == "turn":
            self.turns[name].append((numbers[0], numbers[1], numbers[2]))
        elif moment == "round":
            self.cases[name].ours.append(Round())
        elif moment == "done":
            self.cases[name].ours[-1].done()
        else:
            self.cases[name].ours[-1].answer(str(numbers[0])).note(moment, *numbers[1:])

    async def help(self, what: str, which: Any) -> Any:
        if what == "prompts":
            return self._prompts.stories(which)
        await self._ask_others(self.cases[which])
        return None

    # ── the others ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask_others(self, case: _Case) -> None:
        for title in case.peers:
            if title not in case.missing:
                try:
                    ask = await asyncio.to_thread(self._peer, case.engine, title)
                except (RuntimeError, OSError) as error:
                    case.missing[title] = str(error)
                else:
                    case.others.setdefault(title, []).append(await self._asked(ask, case.agents))

    def _peer(self, engine: str, title: str) -> Ask:
        """Start a peer when it is needed first; it stays until the end."""
        if (engine, title) not in self._peers:
            if title == "engine":
                self._peers[engine, title] = direct(engine, self._file)
            else:
                self._peers[engine, title] = self._stack.enter_context(server(engine, self._file))
        return self._peers[engine, title]

    async def _asked(self, ask: Ask, agents: int) -> Round:
        loop = asyncio.get_running_loop()
        prompts, current, calls = self._prompts.stories(agents), Round(), []
        for index, prompt in enumerate(prompts):
            answer = current.answer(str(index))
            answer.note("begin")
            calls.append(loop.run_in_executor(self._threads, ask, [user(prompt)], self._tokens, answer))
        await asyncio.gather(*calls)
        current.done()
        return current


def run(quick: bool) -> Iterator[Row]:
    """Yield paces and first tokens of each engine, the conversation, and the cost of a process of its own."""
    rounds, tokens, turns = (1, 8, 3) if quick else (8, 48, TURNS)
    file = model_file()
    engines = [engine for engine in ENGINES if installed(engine)]
    for engine in ENGINES.keys() - engines:
        yield missing("engines", engine, "it is not installed")
    with ExitStack() as stack:
        both = _Comparison(file, tokens, engines, stack)
        cases = ", ".join(case.lua() for case in both.cases.values())
        names = ", ".join(f"'{engine}'" for engine in engines)
        program = PROGRAM % (tokens, rounds, turns, f"{{ {cases} }}", f"{{ {names} }}")
        run_program(program, both.mark, both.help, both.plugin())
    for case in both.cases.values():
        yield from _against_others(case)
    if len(engines) == 2:
        yield _paces(both.cases["xllamacpp, 8 agents"], both.cases["llama-cpp-python, 8 agents"].ours, "the queue")
    for engine in engines:
        yield from _conversation(engine, both.turns[engine])
    yield from isolation.rows(quick, file)


def _against_others(case: _Case) -> Iterator[Row]:
    """One agent: at least 0.97 of the pace, and no later by more than that; eight at once: 0.95."""
    titles = {"engine": "called directly", "server": "its own server"}
    for title, others in case.others.items():
        least = 0.97 if case.agents == 1 else 0.95
        yield _paces(case, others, titles[title], Expected("ratio", least=least))
    for title, others in case.others.items():
        ours, theirs = _figures(case.ours, Round.first_token), _figures(others, Round.first_token)
        limit = Expected("ratio", most=1.03) if case.agents == 1 else None
        yield compared("engines", f"{case.name}: first token", "ms", ours, theirs, titles[title], limit)
    for title, why in case.missing.items():
        yield missing("engines", f"{case.name}: {titles[title]}", why)


def _paces(case: _Case, others: Sequence[Round], title: str, expected: Expected | None = None) -> Row:
    ours, theirs = _figures(case.ours, Round.pace), _figures(others, Round.pace)
    return compared("engines", f"{case.name}: pace", "tokens/s", ours, theirs, title, expected)


def _figures(rounds: Sequence[Round], figure: Callable[[Round], float]) -> list[float]:
    return [figure(current) for current in rounds[1:]]


def _conversation(engine: str, turns: Sequence[tuple[int, int, int]]) -> Iterator[Row]:
    """What of each prompt after the first was computed, against what no earlier turn had."""
    read, new = [], []
    for (before, _, written), (prompt, cached, _) in pairwise(turns):
        read.append(float(prompt - cached))
        new.append(float(prompt - before - written))
    title = f"{engine}, {len(turns)} turns"
    yield compared("engines", f"{title}: of a prompt read", "tokens", read, new, "new", Expected("ratio", most=1.1))
    again = max(mine - fresh for mine, fresh in zip(read, new, strict=True))
    yield compared("engines", f"{title}: most read again in one", "tokens", [again], expected=Expected("ours", most=2))
