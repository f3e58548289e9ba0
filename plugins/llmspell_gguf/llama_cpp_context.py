"""What a model has read: several conversations side by side in one context, each read on from where it was left.

llama.cpp calls one of them a sequence. All share the cells of one cache (``kv_unified``), so a single one may fill
the context, and those used least recently make way.
"""

from __future__ import annotations

from typing import Final

from llmspell.errors import ProviderError
from llmspell_gguf.llama_cpp_batch import Batch
from llmspell_gguf.llama_cpp_library import Handles

BATCH: Final = 128
"""Tokens of prompt read at once: a cancelled request stops after at most this many."""
_NO_ROOM: Final = 1
"""What llama_decode returns when the cells don't suffice; nothing was changed then."""


class Sequence:
    """One conversation: the ``tokens`` whose keys and values are in the cache."""

    __slots__ = ("number", "tokens", "used")

    def __init__(self, number: int) -> None:
        self.number = number
        self.tokens: list[int] = []
        self.used = 0


class Context:
    """The conversations in the cache of one loaded model. Not for several threads at once."""

    def __init__(self, handles: Handles) -> None:
        self._handles, self._library = handles, handles.library
        self._batch = Batch(handles, BATCH)
        self._sequences = [Sequence(number) for number in range(self._library.llama_n_seq_max(handles.context))]
        self._clock = 0

    def begin(self, prompt: list[int]) -> Sequence:
        """The sequence in which to read a prompt of one token or more; its ``tokens`` are the part that is there.

        A conversation that goes on is read on where it is. Another one that begins alike (with the same system
        message, say) takes the sequence that nobody used for longest, and shares the cells of the beginning.
        """
        best = max(self._sequences, key=lambda one: _common(one.tokens, prompt))
        common = min(_common(best.tokens, prompt), len(prompt) - 1)  # the last one is read again, for its logits
        mine = best
        if 2 * common < len(best.tokens) and len(self._sequences) > 1:
            mine = min((one for one in self._sequences if one is not best), key=lambda one: one.used)
            self._forget(mine)
            if common:
                self._library.llama_memory_seq_cp(self._handles.memory, best.number, mine.number, 0, common)
                mine.tokens = best.tokens[:common]
        self._cut(mine, common)
        self._clock += 1
        mine.used = self._clock
        return mine

    def read(self, sequence: Sequence, tokens: list[int]) -> None:
        """Read up to `BATCH` tokens on; the logits after the last one are then there to be sampled.

        Raises:
            ProviderError: the library failed.
        """
        batch, start, last = self._batch, len(sequence.tokens), len(tokens) - 1
        batch.clear()
        for place, token in enumerate(tokens):
            batch.add(token, start + place, sequence.number, output=place == last)
        while code := batch.decode():
            if code == _NO_ROOM and self._make_room(sequence):
                continue
            self._cut(sequence, start)
            raise ProviderError(f"the engine failed: llama_decode returned {code}", provider="gguf", retryable=True)
        sequence.tokens += tokens

    def free(self) -> None:
        """Give the batch back."""
        self._batch.free()

    def _make_room(self, sequence: Sequence) -> bool:
        """Forget the conversation that was used least recently; False if there is no other."""
        others = [one for one in self._sequences if one is not sequence and one.tokens]
        if not others:
            return False
        self._forget(min(others, key=lambda one: one.used))
        return True

    def _cut(self, sequence: Sequence, length: int) -> None:
        """Forget what comes after ``length`` tokens, or everything where the model can't go back."""
        if self._library.llama_memory_seq_rm(self._handles.memory, sequence.number, length, -1):
            del sequence.tokens[length:]
        else:
            self._forget(sequence)

    def _forget(self, sequence: Sequence) -> None:
        self._library.llama_memory_seq_rm(self._handles.memory, sequence.number, -1, -1)
        sequence.tokens = []


def _common(one: list[int], other: list[int]) -> int:
    """How many tokens two lists begin with in common."""
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(place for place in range(shorter) if one[place] != other[place])
