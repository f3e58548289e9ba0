"""Texts to vectors with llama-cpp-python."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from llmspell.errors import ContextOverflow, ModelNotUsable, ProviderError
from llmspell_gguf.engine import Embedded
from llmspell_gguf.llama_cpp_batch import Batch
from llmspell_gguf.llama_cpp_library import Handles, library, model_params
from llmspell_gguf.llama_cpp_vocabulary import Vocabulary
from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan

_PACKED: Final = 512
"""Short texts are read together up to this many tokens; between two such batches a request can be stopped."""
_TOGETHER: Final = 16
_AS_THE_FILE_SAYS: Final = -1
_MEAN: Final = 1
"""How one vector comes from those of many tokens (llama.h, enum llama_pooling_type)."""


class EmbeddingModel:
    """A loaded model. Not for several threads at once.

    Raises:
        ModelNotUsable: it can't be loaded, or gives no vectors.
    """

    def __init__(self, metadata: Metadata, plan: Plan) -> None:
        self._context_length, self._beginning = plan.context_length, metadata.beginning
        self._handles = Handles(metadata.path, model_params(), _context_params(metadata, plan))
        self._vocabulary = Vocabulary(self._handles)
        self._batch = Batch(self._handles, plan.context_length)
        self._width: int = self._handles.library.llama_model_n_embd_out(self._handles.model)
        self.read_tokens = self.written_tokens = 0

    def run(self, texts: Sequence[str], emit: Callable[[Embedded], None], stop: threading.Event) -> bool:
        """Hand out all the vectors at once; False if it was stopped before. Raises as `Engine.embed`. Blocks."""
        tokens = [self._tokens(text, place) for place, text in enumerate(texts, 1)]
        vectors: list[tuple[float, ...]] = []
        while len(vectors) < len(texts):
            if stop.is_set():
                return False
            vectors += self._read(_first_few(tokens[len(vectors) :], min(_PACKED, self._context_length)))
        emit(Embedded(tuple(vectors), sum(map(len, tokens))))
        return True

    def free(self) -> None:
        """Give the memory back."""
        self._batch.free()
        self._handles.free()

    def _tokens(self, text: str, place: int) -> list[int]:
        tokens = self._vocabulary.tokens(text) or [self._beginning]
        if len(tokens) > self._context_length:
            message = f"text {place} has {len(tokens)} tokens and the model's context holds {self._context_length}"
            raise ContextOverflow(self._context_length, len(tokens), message, hint="split it into shorter texts")
        return tokens

    def _read(self, texts: Sequence[list[int]]) -> list[tuple[float, ...]]:
        handles, batch = self._handles, self._batch
        if handles.memory:
            handles.library.llama_memory_clear(handles.memory, False)
        batch.clear()
        self.read_tokens += sum(map(len, texts))
        for sequence, tokens in enumerate(texts):
            for position, token in enumerate(tokens):
                batch.add(token, position, sequence, output=True)
        if code := batch.decode():
            raise ProviderError(f"the engine failed: llama_decode returned {code}", provider="gguf", retryable=True)
        found = (handles.library.llama_get_embeddings_seq(handles.context, place) for place in range(len(texts)))
        return [_normalised(pointer[: self._width]) for pointer in found]


def _context_params(metadata: Metadata, plan: Plan) -> Any:
    if metadata.pooling == "rank":
        path = metadata.path
        raise ModelNotUsable(f"{path} is a reranker, it gives no vectors", model=path, hint="take an embedding model")
    params = library().llama_context_default_params()
    params.n_ctx = plan.context_length
    # A text must be read at once: what is pooled is the part of it that is in one (physical) batch.
    params.n_batch = params.n_ubatch = params.n_outputs_max = plan.context_length
    params.n_seq_max = _TOGETHER
    params.kv_unified = True
    params.n_threads = params.n_threads_batch = plan.threads
    params.embeddings = True
    # Not left to the library where the file says something else: an unknown number would end the process.
    params.pooling_type = _AS_THE_FILE_SAYS if metadata.pooling in ("cls", "last") else _MEAN
    return params


def _first_few(texts: Sequence[list[int]], most: int) -> Sequence[list[int]]:
    """The first text, and those after it that can be read with it: ``most`` tokens together."""
    count, total = 1, len(texts[0])
    while count < min(len(texts), _TOGETHER) and total + len(texts[count]) <= most:
        total += len(texts[count])
        count += 1
    return texts[:count]


def _normalised(vector: list[float]) -> tuple[float, ...]:
    length = math.sqrt(math.fsum(value * value for value in vector)) or 1.0
    return tuple(value / length for value in vector)
