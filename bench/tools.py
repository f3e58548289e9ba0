"""What the loop around tools costs: a request, a call, the check of its arguments, and a thousand agents at once.

The provider answers from memory, so that what is measured is the loop. The direct side asks the same provider for the
same answers, parses the arguments and calls the same function, without a conversation, a check or a limit.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from bench.rounds import Measure, cpu_of, interleaved
from bench.rows import Expected, Row, compared
from llmspell import ChatRequest, Message, ModelInfo, ModelRef, Tool, ToolCall
from llmspell.agents.config import Defaults
from llmspell.agents.registry import Registry
from llmspell.agents.tools.arguments import read_arguments
from llmspell.agents.tools.toolbox import Toolbox, checked
from llmspell.config import load
from llmspell.plugins.host import PluginHost
from llmspell.providers.contract import ChatEvent
from llmspell.providers.hub import Hub
from llmspell.testing import ScriptedProvider, scripted_plugin

PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "the city's name"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
    },
    "required": ["city"],
    "additionalProperties": False,
}
MODEL = ModelRef("model", "scripted")


async def _weather(arguments: Mapping[str, Any], context: Any = None) -> Any:
    return {"city": arguments["city"], "degrees": 14, "sky": "blue"}


def _weather_in_a_thread(arguments: Mapping[str, Any], context: Any = None) -> Any:
    return {"city": arguments["city"], "degrees": 14, "sky": "blue"}


WEATHER = Tool("weather", "Say how the weather is in a city.", PARAMETERS, _weather)
THREADED = Tool("weather", "Say how the weather is in a city.", PARAMETERS, _weather_in_a_thread)


def run(quick: bool) -> Iterator[Row]:
    """Yield one row for each thing that a turn with tools does."""
    rounds, turns, agents = (2, 5, 20) if quick else (9, 100, 1000)
    loop = asyncio.new_event_loop()
    try:
        yield from _turns(loop, rounds, turns)
        yield from _many(loop, rounds, agents)
    finally:
        loop.close()
    yield from _validation(rounds, 50 if quick else 20_000)


# ── one agent ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _turns(loop: asyncio.AbstractEventLoop, rounds: int, count: int) -> Iterator[Row]:
    def ours(tool: Tool, rounds_of_tools: int, calls: int) -> Measure:
        return lambda: (
            cpu_of(lambda: loop.run_until_complete(_agent_turns(tool, rounds_of_tools, calls, count))) / count
        )

    def direct(tool: Tool, rounds_of_tools: int, calls: int) -> Measure:
        return lambda: (
            cpu_of(lambda: loop.run_until_complete(_direct_turns(tool, rounds_of_tools, calls, count))) / count
        )

    shapes = [(WEATHER, 0, 0), (WEATHER, 1, 1), (WEATHER, 9, 1), (WEATHER, 1, 9), (THREADED, 1, 9)]
    sides = [side(*shape) for shape in shapes for side in (ours, direct)]
    figures = [[1e6 * seconds for seconds in values] for values in interleaved(rounds, *sides)]
    plain, plain_direct, one, one_direct, nine, nine_direct, calls, calls_direct, threads, threads_direct = figures
    name = "provider"
    yield compared("tools", "turn with tools offered and none called", "µs", plain, plain_direct, name)
    yield compared("tools", "turn with one round of one call", "µs", one, one_direct, name)
    yield compared(
        "tools",
        "each further round",
        "µs",
        _slope(nine, one),
        _slope(nine_direct, one_direct),
        name,
        Expected("ours", most=500),
    )
    yield compared(
        "tools",
        "each further call",
        "µs",
        _slope(calls, one),
        _slope(calls_direct, one_direct),
        name,
        Expected("ours", most=250),
    )
    yield compared(
        "tools",
        "each further call, plain function",
        "µs",
        _slope(threads, one),
        _slope(threads_direct, one_direct),
        name,
    )


def _slope(nine: Iterable[float], one: Iterable[float]) -> list[float]:
    return [(more - less) / 8 for more, less in zip(nine, one, strict=True)]


def _answers(rounds: int, calls: int) -> Callable[[ChatRequest], list[Any]]:
    """A model that calls a tool in so many rounds, each time for other cities, and then answers."""

    def answer(request: ChatRequest) -> list[Any]:
        done = sum(bool(message.tool_calls) for message in request.messages)
        if done == rounds:
            return ["It is blue there."]
        return [ToolCall(None, "weather", json.dumps({"city": f"city {done}-{call}"})) for call in range(calls)]

    return answer


def _provider(rounds: int, calls: int) -> ScriptedProvider:
    model = ModelInfo("model", "scripted", context_length=100_000, capabilities=frozenset({"chat", "tools"}))
    return ScriptedProvider(models=(model,), answer=_answers(rounds, calls))


def _registry(provider: ScriptedProvider, tool: Tool) -> Registry:
    plugins = PluginHost({"scripted": scripted_plugin(provider)}, points=[])
    hub = Hub(plugins, load(environ={}))
    return Registry(hub, Defaults("scripted/model"), lambda: Toolbox(lambda: {tool.name: tool}))


async def _agent_turns(tool: Tool, rounds: int, calls: int, count: int) -> None:
    agent = _registry(_provider(rounds, calls), tool).create({"tools": ["weather"]})
    for _ in range(count):
        result = await agent.execute("How is the weather?")
        assert result.rounds == rounds
        agent.conversation.reset()


async def _direct_turns(tool: Tool, rounds: int, calls: int, count: int) -> None:
    provider = _provider(rounds, calls)
    for _ in range(count):
        await _direct_turn(provider, tool)


async def _direct_turn(provider: ScriptedProvider, tool: Tool) -> None:
    messages: tuple[Message, ...] = (Message("user", "How is the weather?"),)
    while True:
        events: list[ChatEvent] = [event async for event in provider.chat(ChatRequest(MODEL, messages))]
        asked = tuple(event for event in events if isinstance(event, ToolCall))
        if not asked:
            return
        results = []
        for call in asked:
            assert isinstance(call.arguments, str)
            result = tool.run(json.loads(call.arguments))
            results.append(await result if isinstance(result, Awaitable) else result)
        messages += (Message("assistant", "", asked), *(Message("tool", json.dumps(result)) for result in results))


# ── a thousand agents ─────────────────────────────────────────────────────────────────────────────────────────────────


def _many(loop: asyncio.AbstractEventLoop, rounds: int, count: int) -> Iterator[Row]:
    async def agents(tool: Tool) -> None:
        registry = _registry(_provider(1, 1), tool)
        made = [registry.create({"tools": ["weather"]}) for _ in range(count)]
        results = await asyncio.gather(*(agent.execute("How is the weather?") for agent in made))
        assert all(result.rounds == 1 for result in results)

    async def direct() -> None:
        provider = _provider(1, 1)
        await asyncio.gather(*(_direct_turn(provider, WEATHER) for _ in range(count)))

    measures: list[Measure] = [
        lambda: cpu_of(lambda: loop.run_until_complete(agents(WEATHER))) / count * 1e6,
        lambda: cpu_of(lambda: loop.run_until_complete(agents(THREADED))) / count * 1e6,
        lambda: cpu_of(lambda: loop.run_until_complete(direct())) / count * 1e6,
    ]
    ours, threaded, peer = interleaved(max(2, rounds // 2), *measures)
    name = f"each of {count} agents at once, made, with a round of one call"
    yield compared("tools", name, "µs", ours, peer, "provider", Expected("ours", most=1000))
    yield compared("tools", f"{name}, plain function", "µs", threaded, peer, "provider")


# ── validation ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _validation(rounds: int, count: int) -> Iterator[Row]:
    from jsonschema_rs import validator_for

    parameters = checked(WEATHER).parameters
    good = ToolCall("1", "weather", '{"city": "Rome", "unit": "celsius", "days": 3}')
    loose = ToolCall("1", "weather", '{"city": "Rome", "days": "3"}')
    validator = validator_for(dict(parameters))

    def ours(call: ToolCall) -> Measure:
        def work() -> None:
            for _ in range(count):
                read_arguments(call, parameters)

        return lambda: cpu_of(work) / count * 1e6

    def direct() -> float:
        def work() -> None:
            for _ in range(count):
                validator.validate(json.loads(str(good.arguments)))

        return cpu_of(work) / count * 1e6

    fitting, coerced, peer = interleaved(rounds, ours(good), ours(loose), direct)
    yield compared("tools", "arguments that fit", "µs", fitting, peer, "jsonschema-rs", Expected("ours", most=50))
    yield compared("tools", "arguments of which one is brought into its type", "µs", coerced, peer, "jsonschema-rs")
