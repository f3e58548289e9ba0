"""The engine xllamacpp: llama.cpp's server without its network, continuous batching, one context for all requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final

import xllamacpp

from llmspell import ChatEvent, ChatRequest, CompletionRequest, ScoreRequest
from llmspell.errors import ModelNotUsable
from llmspell_gguf import refusals
from llmspell_gguf.admission import Admission
from llmspell_gguf.answer import Answer
from llmspell_gguf.engine import Embedded, Scored, Work
from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan
from llmspell_gguf.turn import failure
from llmspell_gguf.xllamacpp_embedding import Embedder, pooling
from llmspell_gguf.xllamacpp_grammar import grammar
from llmspell_gguf.xllamacpp_listener import Listener
from llmspell_gguf.xllamacpp_scoring import Scorer

_BATCH: Final = 128
"""Tokens of prompt read at once: a cancelled request stops after at most this many."""
_PROMPT_CACHE_MB: Final = 256
"""Memory for the prompts of conversations that others pushed out of the context."""
_EUCLIDEAN: Final = 2
"""Vectors of length 1 by the usual norm."""
_SHARE: Final = 0.75
"""A request without max_tokens reserves this part of an equal share for its answer, the rest being for prompts."""


class XllamacppEngine:
    """A model loaded by xllamacpp."""

    def __init__(self, metadata: Metadata, plan: Plan) -> None:
        self.plan = plan
        self.admission = Admission(plan.context_length, plan.parallel)
        self.title = f"xllamacpp {xllamacpp.__version__}"
        self.instalment = max(64, int(_SHARE * plan.context_length / plan.parallel))
        self._beginning = metadata.beginning
        self._listener = Listener()
        self._server: Any = _start(metadata, plan, self._listener)

    @property
    def idle(self) -> bool:
        return not (self.admission.running or self.admission.waiting)

    @property
    def crashed(self) -> bool:
        return False  # it would take this process with it

    def chat(self, work: Work) -> AsyncGenerator[ChatEvent, None]:
        written = None if work.schema is None else grammar(work.schema)
        complete = self._complete if isinstance(work.request, CompletionRequest) else self._chat
        return Answer(self.admission, self.instalment, work, written, self._beginning).run(complete)

    async def score(self, request: ScoreRequest) -> Scored:
        return await Scorer(self._complete, self.admission, self._beginning).score(request)

    async def count(self, request: ChatRequest) -> int:
        body = Answer(self.admission, self.instalment, Work(request, "", {}), None).body()
        answer = await asyncio.to_thread(self._listener.ask, "/v1/chat/completions/input_tokens", body)
        if "error" in answer:
            raise failure(answer["error"])
        return int(answer["input_tokens"])

    async def embed(self, texts: Sequence[str]) -> Embedded:
        return await Embedder(self._server, self.admission, self._beginning).embed(texts)

    def counters(self) -> dict[str, float]:
        """The engine's own counts since the load, by name: requests_processing, tokens_predicted_total, …

        For diagnosis and tests; the names are llama.cpp's. Answered between two batches.
        """
        lines = str(self._server.handle_metrics()).replace("\\n", "\n").splitlines()
        pairs = (line.removeprefix("llamacpp:").split() for line in lines if line.startswith("llamacpp:"))
        return {name: float(value) for name, value in pairs}

    def close(self) -> None:
        self._server = None
        self._listener.close()

    def _chat(self, body: dict[str, Any], on_chunk: Callable[[Any], bool]) -> None:
        self._server.handle_chat_completions(body, on_chunk)

    def _complete(self, body: dict[str, Any], on_chunk: Callable[[Any], bool]) -> None:
        self._server.handle_completions(body, on_chunk)


def _start(metadata: Metadata, plan: Plan, listener: Listener | None = None) -> Any:
    """Load a model. Without a ``listener`` the engine listens on loopback, to everybody."""
    params = xllamacpp.CommonParams()
    params.model.path = metadata.path
    if plan.embedding:
        # What is pooled is the part of a text that is in one batch: each must fit one.
        params.n_ctx = params.n_batch = params.n_ubatch = plan.context_length
        params.embedding = True
        params.embd_normalize = _EUCLIDEAN
        params.pooling_type = xllamacpp.llama_pooling_type[f"LLAMA_POOLING_TYPE_{pooling(metadata).upper()}"]
        params.cache_ram_mib = 0  # no text is read on
    else:
        # One batch more than is given out: a request whose prompt turns out longer than estimated reads one before it
        # is stopped, and the engine fails all of them when the context overflows.
        params.n_ctx = plan.context_length + _BATCH
        params.kv_unified_per_slot = plan.context_length
        params.n_batch = params.n_ubatch = _BATCH
        params.cache_ram_mib = _PROMPT_CACHE_MB
        if plan.chat_template is not None:
            params.chat_template = plan.chat_template
    params.kv_unified = True
    params.n_parallel = plan.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = plan.threads
    params.fit_params = False  # it would shrink the context without a word
    params.warmup = False
    params.verbosity = -1
    params.ui = False
    params.endpoint_slots = False
    params.endpoint_metrics = True  # asked in this process, see `counters`
    with listener.hidden(params) if listener else contextlib.nullcontext():
        try:
            server = xllamacpp.Server(params)
        except (RuntimeError, ValueError) as error:
            raise _refusal(metadata, plan) from error
    if listener:
        listener.address = server.listening_address
    server.handle_metrics()  # a server that is dropped before it answered anything deadlocks in half the runs
    return server


def _refusal(metadata: Metadata, plan: Plan) -> ModelNotUsable:
    """The error for a file that the engine didn't load, with the reason as far as it can be found out."""
    what = f"{metadata.path}: the engine xllamacpp {xllamacpp.__version__} can't load it"
    if said := refusals.reason(metadata.path):
        hint = "it may be damaged, of an architecture newer than the engine, or larger than the free memory"
        return ModelNotUsable(f"{what}: {said}", model=metadata.path, hint=hint)
    what += f" with a context of {plan.context_length} tokens"
    hint = "set a smaller context_length"
    if not plan.embedding:
        what += " and its chat template" if plan.chat_template is None else " and the chat template that is set for it"
        hint = "look at [providers.gguf.chat_template], or " + hint
    return ModelNotUsable(what, model=metadata.path, hint=hint)
