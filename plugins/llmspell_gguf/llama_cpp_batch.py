"""The tokens that llama.cpp reads in one call."""

from __future__ import annotations

from llmspell_gguf.llama_cpp_library import Handles


class Batch:
    """Room for ``size`` tokens, each of one sequence. Must be freed."""

    def __init__(self, handles: Handles, size: int) -> None:
        self._handles, self.size = handles, size
        self._batch = handles.library.llama_batch_init(size, 0, 1)

    def clear(self) -> None:
        """Begin another one."""
        self._batch.n_tokens = 0

    def add(self, token: int, position: int, sequence: int, output: bool) -> None:
        """Add a token; ``output`` asks for its logits or, where the context embeds, for its part in the vector."""
        batch, place = self._batch, self._batch.n_tokens
        batch.token[place] = token
        batch.pos[place] = position
        batch.n_seq_id[place] = 1
        batch.seq_id[place][0] = sequence
        batch.logits[place] = output
        batch.n_tokens = place + 1

    def decode(self) -> int:
        """Let the model read it; returns 0, or what llama_decode says is wrong. Blocks, with the GIL given away."""
        return int(self._handles.library.llama_decode(self._handles.context, self._batch))

    def free(self) -> None:
        """Give the memory back."""
        self._handles.library.llama_batch_free(self._batch)
