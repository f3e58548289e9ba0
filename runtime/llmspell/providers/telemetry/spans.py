"""An observer that tells OpenTelemetry: one trace a run, in it a span for each turn, request and call of a tool.

Imports the API of OpenTelemetry, so it is imported itself only where telemetry is on.
"""

from __future__ import annotations

import threading
import time
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, MeterProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider, set_span_in_context

from llmspell import __version__
from llmspell.errors import LLMSpellError
from llmspell.providers.contract import (
    ChatEvent,
    Finish,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    Usage,
)
from llmspell.providers.observing import Asked, Origin
from llmspell.providers.routing import Route
from llmspell.providers.telemetry import content, names
from llmspell.secrets import scrubbed

FLUSH_SECONDS = 1.0
"""How long the end of a run may wait for what isn't sent yet."""


class Telemetry:
    """Watches the requests of a hub and the turns of its agents (`llmspell.providers.observing`).

    ``program`` names the run. ``flush`` sends what is left; it blocks. With ``captures`` what was said is told too.
    """

    def __init__(
        self,
        program: str,
        tracers: TracerProvider,
        meters: MeterProvider,
        *,
        captures: bool = False,
        flush: Callable[[], object] = lambda: None,
    ) -> None:
        self.captures = captures
        self.tracer = tracers.get_tracer("llmspell", __version__)
        meter = meters.get_meter("llmspell", __version__)
        self.duration = _seconds(meter, names.DURATION, "how long a request took")
        self.first_chunk = _seconds(meter, names.TIME_TO_FIRST_CHUNK, "until the first piece of an answer came")
        self.tool_duration = _seconds(meter, names.TOOL_DURATION, "how long a call of a tool took")
        self.tokens = meter.create_histogram(
            names.TOKENS, "{token}", "tokens of requests", explicit_bucket_boundaries_advisory=names.TOKEN_COUNTS
        )
        self._program = program
        self._flush = flush
        self._run: Span | None = None
        self._turns: dict[int, tuple[Origin, Span]] = {}

    def began(self, asked: Asked) -> _Request:
        return _Request(self, asked, self._context(asked.origin))

    def turn_began(self, origin: Origin, model: str) -> Turn:
        """A turn of an agent begins; the requests with this very origin are its own."""
        attributes: dict[str, Any] = {names.OPERATION: "invoke_agent", names.REQUEST_MODEL: model}
        if origin.agent:
            attributes[names.AGENT] = origin.agent
        if origin.turn:
            attributes[names.TURN] = origin.turn
        title = f"invoke_agent {origin.agent}" if origin.agent else "invoke_agent"
        span = self.tracer.start_span(title, self._context(None), SpanKind.INTERNAL, attributes)
        self._turns[id(origin)] = (origin, span)  # the origin is held, so that no other one gets its id
        return Turn(self, origin, span)

    def turn_ended(self, origin: Origin) -> None:
        """Forget a turn."""
        self._turns.pop(id(origin), None)

    async def aclose(self) -> None:
        if self._run is not None:
            self._run.end()
            self._run = None
        # A thread that nobody has to wait for: an exporter whose collector isn't there tries again for long.
        flushing = threading.Thread(target=self._flush_quietly, name="llmspell-telemetry", daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)

    def _flush_quietly(self) -> None:
        try:
            self._flush()
        except Exception:  # noqa: BLE001 - whatever it is, it is no reason for a run to fail
            return

    def _context(self, origin: Origin | None) -> Context:
        """What a span is part of: its turn, or else the run."""
        turn = None if origin is None else self._turns.get(id(origin))
        if turn is not None:
            return set_span_in_context(turn[1])
        if self._run is None:
            attributes = {names.OPERATION: "invoke_workflow", names.WORKFLOW: self._program}
            self._run = self.tracer.start_span(f"invoke_workflow {self._program}", attributes=attributes)
        return set_span_in_context(self._run)


class Turn:
    """A turn of an agent while it runs."""

    def __init__(self, owner: Telemetry, origin: Origin, span: Span) -> None:
        self._owner = owner
        self._origin = origin
        self._span = span
        self._tools: dict[str | None, tuple[Span, float]] = {}

    def tool_began(self, call: ToolCall) -> None:
        """A tool is called."""
        attributes: dict[str, Any] = {
            names.OPERATION: "execute_tool",
            names.TOOL: call.name,
            names.TOOL_TYPE: "function",
        }
        if call.id:
            attributes[names.TOOL_CALL] = call.id
        if self._owner.captures:
            attributes[names.TOOL_ARGUMENTS] = content.text_of(call.arguments)
        context = set_span_in_context(self._span)
        span = self._owner.tracer.start_span(f"execute_tool {call.name}", context, SpanKind.INTERNAL, attributes)
        self._tools[call.id] = span, time.monotonic()

    def tool_ended(self, call: ToolCall, result: str, error: BaseException | None) -> None:
        """The call is over. One that was refused, or not carried out, has not begun."""
        if call.id not in self._tools:
            self.tool_began(call)
        span, began = self._tools.pop(call.id)
        if self._owner.captures:
            span.set_attribute(names.TOOL_RESULT, content.text_of(result))
        attributes = {names.OPERATION: "execute_tool", names.TOOL: call.name, **_failed(span, error)}
        self._owner.tool_duration.record(time.monotonic() - began, attributes)
        span.end()

    def ended(self, usage: Usage, error: BaseException | None) -> None:
        """The turn is over."""
        for span, _ in self._tools.values():
            span.end()
        self._span.set_attribute(names.INPUT_TOKENS, usage.input_tokens)
        self._span.set_attribute(names.OUTPUT_TOKENS, usage.output_tokens)
        _failed(self._span, error)
        self._span.end()
        self._owner.turn_ended(self._origin)


class _Request:
    """One request while it runs."""

    def __init__(self, owner: Telemetry, asked: Asked, context: Context) -> None:
        operation = names.OPERATIONS[asked.verb]
        self._owner, self._asked = owner, asked
        self._common: dict[str, Any] = {names.OPERATION: operation, names.REQUEST_MODEL: asked.model}
        self._attempts = 0
        self._first: float | None = None
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._text: list[str] = []
        self._calls: list[ToolCall] = []
        attributes = {**self._common, **_options(asked)}
        if asked.origin.agent:
            attributes[names.AGENT] = asked.origin.agent
        self._span = owner.tracer.start_span(f"{operation} {asked.model}", context, SpanKind.CLIENT, attributes)
        self._began = time.monotonic()

    def routed(self, route: Route) -> None:
        self._attempts += 1
        model = str(route.ref.id)
        self._common[names.PROVIDER] = route.provider.name or route.name
        self._common[names.REQUEST_MODEL] = model
        self._span.update_name(f"{self._common[names.OPERATION]} {model}")
        self._span.set_attributes({**self._common, names.INSTANCE: route.name})
        if self._attempts > 1:
            self._span.add_event("attempt", {names.INSTANCE: route.name, names.REQUEST_MODEL: model})

    def event(self, event: ChatEvent) -> None:
        if isinstance(event, (TextDelta, ReasoningDelta, ToolCall)):
            if self._first is None:
                self._first = time.monotonic() - self._began
            if self._owner.captures:
                if isinstance(event, TextDelta):
                    self._text.append(event.text)
                elif isinstance(event, ToolCall):
                    self._calls.append(event)
        elif isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Finish):
            self._finish, self._usage = event, event.usage

    def ended(self, result: Any = None, error: BaseException | None = None) -> None:
        took = time.monotonic() - self._began
        span = self._span
        self._usage = getattr(result, "usage", None) or self._usage
        model = self._finish.model if self._finish is not None else getattr(result, "model", None)
        if model:
            self._common[names.RESPONSE_MODEL] = model
            span.set_attribute(names.RESPONSE_MODEL, model)
        if self._finish is not None:
            span.set_attribute(names.FINISH_REASONS, (self._finish.reason,))
            error = None  # whoever closes the stream after its end breaks nothing off
        if self._attempts > 1:
            span.set_attribute(names.ATTEMPTS, self._attempts)
        if self._first is not None:
            span.set_attribute(names.FIRST_CHUNK, self._first)
            self._owner.first_chunk.record(self._first, self._common)
        self._count_tokens()
        if self._owner.captures:
            span.set_attribute(names.INPUT_MESSAGES, content.messages_of(self._asked))
            span.set_attribute(names.OUTPUT_MESSAGES, content.answer_of("".join(self._text), self._calls, self._finish))
        self._owner.duration.record(took, {**self._common, **_failed(span, error)})
        span.end()

    def _count_tokens(self) -> None:
        usage = self._usage
        if usage is None:
            return
        self._span.set_attribute(names.INPUT_TOKENS, usage.input_tokens)
        self._span.set_attribute(names.OUTPUT_TOKENS, usage.output_tokens)
        if usage.cached_tokens:
            self._span.set_attribute(names.CACHED_TOKENS, usage.cached_tokens)
        self._owner.tokens.record(usage.input_tokens, {**self._common, names.TOKEN_TYPE: "input"})
        if self._asked.verb in ("chat", "complete"):
            self._owner.tokens.record(usage.output_tokens, {**self._common, names.TOKEN_TYPE: "output"})


def _options(asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = {name: asked.options[key] for key, name in names.OPTIONS.items() if key in asked.options}
    stop = found.get(names.OPTIONS["stop"])
    if stop is not None:
        found[names.OPTIONS["stop"]] = (stop,) if isinstance(stop, str) else tuple(stop)
    if asked.verb in ("chat", "complete"):
        found[names.OUTPUT_TYPE] = "text" if asked.format is None else "json"
    return found


def _failed(span: Span, error: BaseException | None) -> dict[str, str]:
    """Note on a span what went wrong; the attributes that a metric has of it."""
    if error is None:
        return {}
    if isinstance(error, LLMSpellError):
        kind, text = error.type, error.message
    elif isinstance(error, (CancelledError, GeneratorExit)):
        kind, text = "cancelled", "nobody waited for the answer any more"
    else:
        kind, text = type(error).__name__, str(error)
    span.set_attribute(names.ERROR, kind)
    span.set_status(Status(StatusCode.ERROR, scrubbed(text)))
    return {names.ERROR: kind}


def _seconds(meter: Any, name: str, description: str) -> Histogram:
    made: Histogram = meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=names.SECONDS)
    return made
