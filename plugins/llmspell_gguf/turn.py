"""One call of the engine for an answer: its chunks become events, and its tokens are counted against its reservation.

Chunks are those of the OpenAI APIs for chats and completions, with llama.cpp's ``prompt_progress`` and ``timings``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from llmspell import ChatEvent, Finish, PromptProgress, ReasoningDelta, TextDelta, ToolCall, Usage
from llmspell.errors import ContextOverflow, InvalidRequest, LLMSpellError, ProviderError, UnsupportedOption
from llmspell_gguf.admission import Reservation

if TYPE_CHECKING:
    from llmspell_gguf.answer import Answer

ROOM: Final = 16
"""A prompt must leave room for this many tokens of answer, or for max_tokens if that is less."""
LONG: Final = 256
"""Tokens of prompt to be read before it is worth telling how far that is."""
_MARGIN: Final = 8
"""Tokens left of an instalment when the next is asked for."""

Complete = Callable[[dict[str, Any], Callable[[Any], bool]], None]


class Turn:
    """``again`` says after `run` that the answer is not complete: it waits for more room, then takes another turn."""

    def __init__(self, answer: Answer, held: Reservation) -> None:
        self._answer, self._held = answer, held
        self.prompt = 0
        self.tokens = 0
        self.again = False
        self._reason: str | None = None
        self._calls: dict[int, list[str]] = {}
        self._error: LLMSpellError | None = None
        self._emit: Callable[[ChatEvent], None]
        self._stop: threading.Event

    def run(
        self,
        complete: Complete,
        body: dict[str, Any],
        emit: Callable[[ChatEvent], None],
        stop: threading.Event,
    ) -> None:
        """Call the engine and hand its events on, a `Finish` last unless ``again``. Blocks."""
        emit = self._answer.work.emit or emit
        self._emit, self._stop = emit, stop
        try:
            complete(body, self._on_chunk)
        except (ValueError, RuntimeError, TypeError) as error:
            raise InvalidRequest(f"the engine refused the request: {' '.join(str(error).split())}") from error
        if self._error is not None:
            raise self._error
        if self.again or stop.is_set():
            return
        if self._reason is None:
            raise ProviderError("the engine ended its answer halfway", provider="gguf", retryable=True)
        for id_, name, arguments in self._calls.values():
            emit(ToolCall(id_ or None, name, arguments))
        read, cached = self._answer.input or (0, 0)
        usage = Usage(read, self._answer.tokens_before + self.tokens, cached)
        emit(Finish(_REASONS[self._reason], self._answer.work.model, usage))

    # ── called for every token, so it does little ─────────────────────────────────────────────────────────────────

    def _on_chunk(self, chunk: Any) -> bool:
        """Take one chunk in; True stops the engine."""
        if self._stop.is_set():
            return True
        try:
            return self._take(chunk)
        except LLMSpellError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - an exception would be lost inside the engine
            self._error = ProviderError(f"the engine sent what can't be read: {error!r}", provider="gguf")
        return True

    def _take(self, chunk: Mapping[str, Any]) -> bool:
        if "error" in chunk:
            raise failure(chunk["error"])
        for choice in chunk["choices"]:
            delta = choice["delta"] if "delta" in choice else {"content": choice["text"]}
            if text := delta.get("content"):
                if not self._answer.text:
                    self._check_beginning(text)
                self._answer.text.append(text)
                self._emit(TextDelta(text))
            if thought := delta.get("reasoning_content"):
                self._answer.thought = True
                self._emit(ReasoningDelta(thought))
            for call in delta.get("tool_calls") or ():
                self._take_call(call)
            if found := choice.get("logprobs"):
                self._answer.tokens += found["content"]
            if reason := choice["finish_reason"]:
                self._reason = reason
        if progress := chunk.get("prompt_progress"):
            return self._read_on(progress)
        if usage := chunk.get("usage"):
            self.tokens = usage["completion_tokens"]
        elif self._answer.limit is None and (timings := chunk.get("timings")):
            self.tokens = timings["predicted_n"]
            return self._reason is None and not self._go_on()
        return False

    def _check_beginning(self, text: str) -> None:
        begins = self._answer.work.begins
        if begins and text[0] not in begins:  # the engine drops a schema that it can't follow, without a word
            message = "the engine can't keep to the JSON schema in format"
            raise UnsupportedOption("format", "gguf", message, hint="simplify it: contradictions can't be fulfilled")

    def _take_call(self, call: Mapping[str, Any]) -> None:
        id_, name, arguments = self._calls.get(call["index"], ("", "", ""))
        function = call.get("function") or {}
        self._calls[call["index"]] = [
            id_ or call.get("id") or "",
            name + (function.get("name") or ""),
            arguments + (function.get("arguments") or ""),
        ]

    def _read_on(self, progress: Mapping[str, Any]) -> bool:
        answer, total = self._answer, progress["total"]
        if answer.input is None:
            answer.input = total, progress["cache"]
            check_room(total, answer.limit, answer.context)
        if not self.prompt:
            self.prompt = total
            if not self._hold(total + answer.budget):
                self.again = True  # the prompt is longer than estimated: wait in line for what it really needs
                return True
        if total - progress["cache"] > LONG and not answer.text:
            self._emit(PromptProgress(progress["processed"], total))
        return False

    def _hold(self, tokens: int) -> bool:
        return self._held.resize(min(tokens, self._answer.context))

    def _go_on(self) -> bool:
        """Whether the answer may grow by one token more; otherwise it pauses."""
        answer, used = self._answer, self.prompt + self.tokens
        if self._held.tokens >= answer.context or used + _MARGIN < self._held.tokens:
            return True
        if self._hold(used + answer.budget):
            return True
        if answer.thought or answer.work.tools:
            self._reason = "length"  # neither thoughts nor calls can be handed back to be gone on with
        else:
            self.again = True
        return False


def check_room(prompt: int, limit: int | None, context: int) -> None:
    """Refuse a prompt that leaves no room for an answer of up to ``limit`` tokens.

    Raises:
        ContextOverflow: the prompt is too long.
    """
    room = ROOM if limit is None else min(ROOM, limit)
    if prompt + room > context:
        message = f"the prompt has {prompt} tokens, which leaves no room for an answer in {context}"
        raise ContextOverflow(context, prompt + room, None if prompt > context else message)


_REASONS: Final[Mapping[str, Any]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
}


def failure(error: Mapping[str, Any]) -> LLMSpellError:
    """The error that the engine's own error is."""
    kind, message = error.get("type"), " ".join(str(error.get("message")).split())
    if kind == "exceed_context_size_error":
        return ContextOverflow(error["n_ctx"], error["n_prompt_tokens"])
    if kind == "invalid_request_error":
        return InvalidRequest(f"the engine refused the request: {message}")
    if kind == "not_supported_error":
        return UnsupportedOption("messages", "gguf", f"the engine can't do this with the model: {message}")
    return ProviderError(f"the engine failed: {message}", provider="gguf")
