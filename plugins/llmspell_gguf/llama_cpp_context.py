"""What a model has read: one conversation in its context and others put aside, each read on from where it was left.

A conversation put aside costs memory and a copy (16 ms a thousand tokens with a model of 135M weights, where reading
them again takes seconds). Several side by side in the context would slow every token of the one that runs.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Final

from llmspell.errors import ProviderError
from llmspell_gguf.llama_cpp_batch import Batch
from llmspell_gguf.llama_cpp_library import Handles

BATCH: Final = 128
"""Tokens of prompt read at once: a cancelled request stops after at most this many."""
KEPT_BYTES: Final = 256 << 20
"""Memory for the conversations that are put aside; those used least recently go."""
_LITTLE: Final = 16
"""So many tokens are sooner read again than kept."""


@dataclass(frozen=True, slots=True)
class _Aside:
    """A conversation put aside: its tokens and llama.cpp's state after them."""

    tokens: list[int]
    state: Any


class Context:
    """The context of one loaded model. ``tokens`` are those that were read. Not for several threads at once."""

    def __init__(self, handles: Handles) -> None:
        self._handles, self._library = handles, handles.library
        self._batch = Batch(handles, BATCH)
        self._aside: list[_Aside] = []
        """Least recently used first."""
        self.tokens: list[int] = []

    def begin(self, prompt: list[int]) -> None:
        """Make ``tokens`` the longest beginning of a prompt that was read before, its last token excepted."""
        best = max(self._aside, key=lambda one: _common(one.tokens, prompt), default=None)
        if best is not None and _common(best.tokens, prompt) > _common(self.tokens, prompt) + _LITTLE:
            self._put_aside()
            self._take_back(best)
        common = min(_common(self.tokens, prompt), len(prompt) - 1)  # the last one is read again, for its logits
        if len(self.tokens) - common > _LITTLE:
            self._put_aside()
        self.cut(common)

    def read(self, tokens: list[int], outputs: int = 1) -> None:
        """Read up to `BATCH` tokens on; the logits after the last one, or after so many ``outputs`` of them, are then
        there to be sampled.

        Raises:
            ProviderError: the library failed.
        """
        batch, start, silent = self._batch, len(self.tokens), len(tokens) - outputs
        batch.clear()
        for place, token in enumerate(tokens):
            batch.add(token, start + place, sequence=0, output=place >= silent)
        if code := batch.decode():
            self.cut(start)
            raise ProviderError(f"the engine failed: llama_decode returned {code}", provider="gguf", retryable=True)
        self.tokens += tokens

    def log_probability(self, place: int, token: int) -> float:
        """How likely a token is after the one at a ``place`` of those read last, as a natural logarithm."""
        import numpy  # what llama-cpp-python needs too

        found = self._library.llama_get_logits_ith(self._handles.context, place)
        size = self._library.llama_vocab_n_tokens(self._handles.vocabulary)
        logits = numpy.ctypeslib.as_array(found, (size,)).astype(numpy.float64)
        logits -= logits.max()
        return float(logits[token] - numpy.log(numpy.exp(logits).sum()))

    def cut(self, length: int) -> None:
        """Forget what comes after ``length`` tokens, or everything where the model can't go back."""
        memory = self._handles.memory
        if self._library.llama_memory_seq_rm(memory, 0, length, -1):
            del self.tokens[length:]
        else:
            self._library.llama_memory_seq_rm(memory, 0, -1, -1)
            self.tokens = []

    def free(self) -> None:
        """Give the memory back."""
        self._aside.clear()
        self._batch.free()

    def _put_aside(self) -> None:
        """Keep the conversation as it is now, in place of earlier states of it."""
        known = any(one.tokens[: len(self.tokens)] == self.tokens for one in self._aside)
        size: int = self._library.llama_state_seq_get_size(self._handles.context, 0)
        if known or len(self.tokens) <= _LITTLE or size > KEPT_BYTES:
            return
        self._aside = [one for one in self._aside if one.tokens != self.tokens[: len(one.tokens)]]
        while sum(len(one.state) for one in self._aside) > KEPT_BYTES - size:
            del self._aside[0]
        state = (ctypes.c_uint8 * size)()
        self._library.llama_state_seq_get_data(self._handles.context, state, size, 0)
        self._aside.append(_Aside(self.tokens.copy(), state))

    def _take_back(self, one: _Aside) -> None:
        self.cut(0)
        if self._library.llama_state_seq_set_data(self._handles.context, one.state, len(one.state), 0):
            self.tokens = one.tokens.copy()


def _common(one: list[int], other: list[int]) -> int:
    """How many tokens two lists begin with in common."""
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(place for place in range(shorter) if one[place] != other[place])
