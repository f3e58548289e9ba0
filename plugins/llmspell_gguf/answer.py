"""One answer of an engine with continuous batching, from the waiting line to the last event.

A request with ``max_tokens`` reserves prompt and answer at once. One without may fill the context, but reserves its
answer in instalments: when one is used up and there is room the next one is added; when others need the room it
pauses, waits in line, and goes on where it stopped (the prompt is cached, so that costs next to nothing). So agents
that say nothing about length share the context, and none is cut short because of the others.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Final

from llmspell import ChatEvent, CompletionRequest, ToolCall, ToolSpec
from llmspell.providers.blocking import pushed_from_thread
from llmspell_gguf.admission import Admission
from llmspell_gguf.engine import Work
from llmspell_gguf.messages import as_turn
from llmspell_gguf.turn import Complete, Turn

_BYTES_PER_TOKEN: Final = 3


class Answer:
    """The state of one request, which takes one turn at the engine or several."""

    def __init__(
        self, admission: Admission, instalment: int, work: Work, grammar: str | None, beginning: int = 0
    ) -> None:
        """``beginning`` is the token that is read where there is no text to go on with."""
        self.admission, self.work, self.grammar, self.beginning = admission, work, grammar, beginning
        self.context = admission.capacity
        self.limit = work.limit(self.context)
        self.budget = instalment if self.limit is None else self.limit
        self.text: list[str] = []
        self.tokens: list[Mapping[str, Any]] = []
        """Those of the answer with their ``bytes`` and ``logprob``, where the options ask for them by ``n_probs``."""
        self.thought = False
        self.tokens_before = 0
        """Tokens of earlier turns."""
        self.input: tuple[int, int] | None = None
        """Tokens of the prompt and of its cached part, in the first turn."""

    async def run(self, complete: Complete) -> AsyncGenerator[ChatEvent, None]:
        """Answer through ``complete(body, on_chunk)``, which blocks; see `Engine.chat`."""
        prompt = self._estimate()
        while True:
            held = await self.admission.enter(prompt + self.budget)
            turn = Turn(self, held)
            events: AsyncGenerator[ChatEvent, None] = pushed_from_thread(partial(turn.run, complete, self.body()))
            try:
                async with aclosing(events):
                    async for event in events:
                        yield event
            finally:
                held.leave()
            if not turn.again:
                return
            prompt = turn.prompt + turn.tokens
            self.tokens_before += turn.tokens

    def body(self) -> dict[str, Any]:
        """The request as the engine's endpoints take it."""
        body: dict[str, Any] = {
            **self.work.options,
            **self._prompt(),
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "timings_per_token": self.limit is None,
        }
        if self.limit is not None:
            body["max_tokens"] = self.limit
        if self.grammar is not None:
            body["grammar"] = self.grammar
        if self.work.tools:
            body["tools"] = [_tool(tool) for tool in self.work.tools]
        return body

    def _prompt(self) -> dict[str, Any]:
        """What the engine goes on from, with the answer so far."""
        request, text = self.work.request, "".join(self.text)
        if isinstance(request, CompletionRequest):
            return {"prompt": request.prompt + text or [self.beginning]}
        messages = [as_turn(message, _arguments) for message in request.messages]
        if text:
            if messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": ""})
            messages[-1]["content"] += text
        return {"messages": messages}

    def _estimate(self) -> int:
        """Tokens of the prompt, roughly; the first chunk says how many there are."""
        request = self.work.request
        texts = (
            [request.prompt] if isinstance(request, CompletionRequest) else [each.content for each in request.messages]
        )
        return sum(16 + len(text) // _BYTES_PER_TOKEN for text in texts)


def _arguments(call: ToolCall) -> str:
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}
