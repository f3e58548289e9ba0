"""A model that chats, loaded by llama-cpp-python, and its answers: read the prompt, then choose token after token."""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable
from typing import Any

from llmspell import ChatEvent, ChatRequest, CompletionRequest, Finish, PromptProgress, ScoreRequest, TextDelta, Usage
from llmspell.errors import InvalidRequest
from llmspell.providers.contract import FinishReason
from llmspell_gguf.engine import Work
from llmspell_gguf.llama_cpp_constraint import Constraint
from llmspell_gguf.llama_cpp_context import BATCH, Context
from llmspell_gguf.llama_cpp_library import Handles, library, model_params
from llmspell_gguf.llama_cpp_sampler import Sampler
from llmspell_gguf.llama_cpp_scoring import score
from llmspell_gguf.llama_cpp_template import Template
from llmspell_gguf.llama_cpp_vocabulary import Vocabulary
from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan
from llmspell_gguf.stop_texts import StopTexts
from llmspell_gguf.turn import LONG, check_room


class ChatModel:
    """A loaded model. Not for several threads at once.

    Raises:
        ModelNotUsable: it can't be loaded, or its chat template not be read.
    """

    def __init__(self, metadata: Metadata, plan: Plan) -> None:
        self.template = Template(plan.chat_template or metadata.chat_template or "", metadata.path)
        self.handles = Handles(metadata.path, model_params(), _context_params(plan))
        self.vocabulary = Vocabulary(self.handles)
        self.context = Context(self.handles)
        self.context_length = plan.context_length
        self.beginning = metadata.beginning
        self.read_tokens = self.written_tokens = 0

    def run(self, task: Work | ScoreRequest, emit: Callable[[Any], None], stop: threading.Event) -> bool:
        """Hand out the events of a chat, a `Finish` last, or a score; False if it was stopped before.

        Raises:
            LLMSpellError: see `Engine.chat` and `Engine.score`.
        """
        if isinstance(task, Work):
            return _Answer(self, task, task.emit or emit, stop).run()
        scored = score(self, task, stop)
        if scored is not None:
            emit(scored)
        return scored is not None

    def read(self, tokens: list[int], outputs: int = 1) -> None:
        """Read on; see `Context.read`."""
        self.context.read(tokens, outputs)
        self.read_tokens += len(tokens)

    def prompt(self, request: ChatRequest | CompletionRequest) -> list[int]:
        """The tokens that are read before the answer.

        Raises:
            InvalidRequest: the chat template refuses the messages.
        """
        vocabulary = self.vocabulary
        if isinstance(request, CompletionRequest):
            return vocabulary.tokens(request.prompt) or [self.beginning]
        return vocabulary.prompt_tokens(self.template.render(request.messages, vocabulary.first, vocabulary.last))

    def free(self) -> None:
        """Give the memory back."""
        self.context.free()
        self.handles.free()


def _context_params(plan: Plan) -> Any:
    params = library().llama_context_default_params()
    params.n_ctx = plan.context_length
    params.n_batch = params.n_ubatch = BATCH
    params.n_threads = params.n_threads_batch = plan.threads
    return params


class _Answer:
    """The state of one request. ``count`` is the number of tokens that were chosen, the one that ends it included."""

    def __init__(self, model: ChatModel, work: Work, emit: Callable[[ChatEvent], None], stop: threading.Event) -> None:
        self._model, self._work, self._emit, self._stop = model, work, emit, stop
        self._limit = work.limit(model.context_length)
        self.count = 0

    def run(self) -> bool:
        model, work = self._model, self._work
        vocabulary = model.vocabulary
        prompt = model.prompt(work.request)
        self._check_room(len(prompt))
        constraint = None if work.schema is None else Constraint(vocabulary, work.schema)
        model.context.begin(prompt)
        cached = len(model.context.tokens)
        if not self._read(prompt):
            return False
        sampler = Sampler(model.handles, work.options, prompt, constraint)
        try:
            reason = self._write(sampler, constraint)
        finally:
            sampler.free()
        if reason is None:
            return False
        self._emit(Finish(reason, work.model, Usage(len(prompt), self.count, cached)))
        return True

    def _check_room(self, tokens: int) -> None:
        if not tokens:
            raise InvalidRequest("there is nothing to answer: the prompt is empty")
        check_room(tokens, self._limit, self._model.context_length)

    def _read(self, prompt: list[int]) -> bool:
        """Read what isn't read yet; False if it was stopped."""
        model, context = self._model, self._model.context
        long = len(prompt) - len(context.tokens) > LONG
        while unread := prompt[len(context.tokens) :][:BATCH]:
            if self._stop.is_set():
                return False
            model.read(unread)
            if long:
                self._emit(PromptProgress(len(context.tokens), len(prompt)))
        return True

    def _write(self, sampler: Sampler, constraint: Constraint | None) -> FinishReason | None:
        """Answer, and say why the answer ended; None if it was stopped."""
        model, vocabulary = self._model, self._model.vocabulary
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        stops = StopTexts(self._work.options.get("stop", ()))
        most = model.context_length - len(model.context.tokens)
        if self._limit is not None:
            most = min(most, self._limit)
        reason: FinishReason | None = None
        while reason is None:
            token = sampler.next()
            self.count += 1
            model.written_tokens += 1
            if vocabulary.ends(token):
                reason = "stop"
                break
            if text := stops.add(decoder.decode(vocabulary.piece(token))):
                self._emit(TextDelta(text))
            if constraint is not None:
                constraint.take(token)
            if stops.found or (constraint is not None and constraint.done):
                reason = "stop"
            elif self.count >= most:
                reason = "length"
            elif self._stop.is_set():
                return None
            else:
                model.context.read([token])
        if text := stops.rest():  # half a character at the very end stays out, as with the other engine
            self._emit(TextDelta(text))
        return reason
