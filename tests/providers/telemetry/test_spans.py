"""What OpenTelemetry hears of requests, turns and tools, by its own in-memory exporters."""

import json
import threading

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from llmspell.agents.config import Defaults
from llmspell.agents.registry import Registry
from llmspell.agents.tools.toolbox import Toolbox
from llmspell.config import load
from llmspell.errors import ProviderUnavailable
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Message, ToolCall, Usage
from llmspell.providers.hub import Hub
from llmspell.providers.telemetry import spans
from llmspell.providers.telemetry.spans import Telemetry
from llmspell.providers.watching import close
from llmspell.secrets import SecretText
from llmspell.testing import ScriptedProvider, drive, scripted_plugin

HELLO = (Message("user", "hello"),)


@pytest.fixture
def provider():
    return ScriptedProvider(name="fake", models=("model",))


class Told:
    """What was told: spans by name, and data points of metrics."""

    def __init__(self, captures):
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.telemetry = Telemetry("poem.lua", tracers, meters, captures=captures)

    @property
    def spans(self):
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def points(self, name):
        data = self.reader.get_metrics_data()
        metrics = [] if data is None else data.resource_metrics[0].scope_metrics[0].metrics
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def watched(provider, tmp_path):
    """``watched()``: a hub and what OpenTelemetry is told of it."""

    def make(captures=False):
        plugins = PluginHost({"fake": scripted_plugin(provider, kind="local")}, points=[], warn=pytest.fail)
        hub, told = Hub(plugins, load(environ={}, cwd=str(tmp_path))), Told(captures)
        hub.observer = hub.turn_observer = told.telemetry
        return hub, told

    return make


def ask(hub, messages=HELLO, **more):
    async def work():
        try:
            return [event async for event in hub.chat("fake/model", messages, **more)]
        finally:
            await hub.aclose()

    return drive(work())


def test_a_request_is_a_span_with_its_numbers(watched, provider):
    hub, told = watched()
    provider.enqueue("good ", "day", usage=Usage(11, 2, 5))
    ask(hub, options={"temperature": 0.5, "max_tokens": 9, "stop": "x"}, format={"type": "object"})
    span = told.spans["chat model"]
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "fake",
        "llmspell.provider": "fake",
        "gen_ai.request.model": "model",
        "gen_ai.response.model": "model",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.stop_sequences": ("x",),
        "gen_ai.output.type": "json",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": span.attributes["gen_ai.response.time_to_first_chunk"],
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 5,
    }
    run = told.spans["invoke_workflow poem.lua"]
    assert span.parent.span_id == run.context.span_id
    assert run.attributes["gen_ai.workflow.name"] == "poem.lua"


def test_metrics(watched, provider):
    hub, told = watched()
    provider.enqueue("good day", usage=Usage(11, 2))
    ask(hub)
    tokens = {point.attributes["gen_ai.token.type"]: point.sum for point in told.points("gen_ai.client.token.usage")}
    assert tokens == {"input": 11, "output": 2}
    (duration,) = told.points("gen_ai.client.operation.duration")
    assert duration.count == 1
    assert duration.explicit_bounds[:2] == (0.01, 0.02)
    assert dict(duration.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "fake",
        "gen_ai.request.model": "model",
        "gen_ai.response.model": "model",
    }
    (first,) = told.points("gen_ai.client.operation.time_to_first_chunk")
    assert 0 <= first.sum <= duration.sum


def test_a_failure_has_its_type_and_no_secret(watched, provider):
    SecretText("planted-in-trace")
    hub, told = watched()
    provider.enqueue(ProviderUnavailable("no way for planted-in-trace", provider="fake", retryable=False))
    with pytest.raises(ProviderUnavailable):
        ask(hub)
    span = told.spans["chat model"]
    assert span.attributes["error.type"] == "provider_unavailable"
    assert span.status.status_code is StatusCode.ERROR
    assert "no way for ***" in span.status.description
    (duration,) = told.points("gen_ai.client.operation.duration")
    assert duration.attributes["error.type"] == "provider_unavailable"
    assert told.points("gen_ai.client.token.usage") == []


def test_a_stream_that_is_broken_off_and_one_closed_after_its_end(watched, provider):
    hub, told = watched()
    provider.enqueue("one ", "two")
    provider.enqueue("one ", "two")

    async def work():
        events = hub.chat("fake/model", HELLO)
        await anext(events)
        await close(events)
        events = hub.chat("fake/model", HELLO)
        async for event in events:
            if type(event).__name__ == "Finish":
                break
        await close(events)
        await hub.aclose()

    drive(work())
    first, second = [span for span in told.exporter.get_finished_spans() if span.name == "chat model"]
    assert first.attributes["error.type"] == "cancelled"
    assert "error.type" not in second.attributes


def test_nothing_of_what_was_said_is_told(watched, provider):
    hub, told = watched()
    provider.enqueue("a private answer")
    ask(hub, (Message("system", "a private rule"), Message("user", "a private question")))
    assert "private" not in "".join(span.to_json() for span in told.exporter.get_finished_spans())


def test_unless_it_is_asked_for(watched, provider):
    SecretText("planted-in-talk")
    hub, told = watched(captures=True)
    provider.enqueue("the answer is planted-in-talk", ToolCall("a", "add", '{"x": 1, "api_key": "hidden"}'))
    call = ToolCall("b", "add", {"x": 2})
    ask(hub, (*HELLO, Message("assistant", "", (call,)), Message("tool", "3", tool_call_id="b")))
    attributes = told.spans["chat model"].attributes
    assert json.loads(attributes["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "hello"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "b", "name": "add", "arguments": {"x": 2}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "b", "response": "3"}]},
    ]
    (answer,) = json.loads(attributes["gen_ai.output.messages"])
    assert answer["finish_reason"] == "tool_calls"
    text, called = answer["parts"]
    assert text["content"] == "the answer is ***"
    assert called["arguments"] == {"x": 1, "api_key": "***"}


def test_a_turn_has_its_requests_and_tools_in_it(watched, provider):
    hub, told = watched(captures=True)
    parameters = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    def double(arguments, context):
        if arguments["n"] > 10:
            raise ValueError("too large")
        return arguments["n"] * 2

    tool = Tool("double", "doubles a number", parameters, double)
    provider.enqueue(ToolCall("a", "double", {"n": 4}), ToolCall("b", "double", {"n": 40}), usage=Usage(10, 3))
    provider.enqueue("it is 8", usage=Usage(20, 4))
    registry = Registry(hub, Defaults.of(load(environ={}), "fake/model"), Toolbox, lambda: ())
    agent = registry.create({"name": "counter", "tools": [tool], "tool_mode": "native"})

    async def work():
        await agent.execute("double 4")
        await hub.aclose()

    drive(work())
    spans = told.exporter.get_finished_spans()
    (turn,) = [span for span in spans if span.name == "invoke_agent counter"]
    inner = [span for span in spans if span.parent and span.parent.span_id == turn.context.span_id]
    assert sorted(span.name for span in inner) == [
        "chat model", "chat model", "execute_tool double", "execute_tool double",
    ]  # fmt: skip
    good, bad = [span for span in inner if span.name == "execute_tool double"]
    assert good.attributes["gen_ai.tool.call.id"] == "a"
    assert good.attributes["gen_ai.tool.call.result"] == "8"
    assert json.loads(good.attributes["gen_ai.tool.call.arguments"]) == {"n": 4}
    assert bad.attributes["error.type"] == "tool_error"
    assert turn.attributes["gen_ai.agent.name"] == "counter"
    assert turn.attributes["llmspell.turn"] == 1
    assert (turn.attributes["gen_ai.usage.input_tokens"], turn.attributes["gen_ai.usage.output_tokens"]) == (30, 7)
    assert {span.context.trace_id for span in spans} == {turn.context.trace_id}, "a run is one trace"
    assert {point.attributes.get("error.type") for point in told.points("gen_ai.execute_tool.duration")} == {
        None, "tool_error",
    }  # fmt: skip
    assert told.telemetry._turns == {}


def test_an_exporter_that_hangs_or_fails_ends_no_run(watched, provider, monkeypatch):
    monkeypatch.setattr(spans, "FLUSH_SECONDS", 0.01)
    for flush in (threading.Event().wait, lambda: 1 / 0):
        hub, told = watched()
        monkeypatch.setattr(told.telemetry, "_flush", flush)
        provider.enqueue("good day")
        ask(hub)
        assert "chat model" in told.spans


def test_an_agent_that_wants_no_log_is_not_told_of(watched, provider):
    hub, told = watched()
    provider.enqueue("hush")
    registry = Registry(hub, Defaults.of(load(environ={}), "fake/model"), Toolbox, lambda: ())
    agent = registry.create({"logs": False})

    async def work():
        await agent.execute("psst")
        await hub.aclose()

    drive(work())
    assert told.exporter.get_finished_spans() == ()
