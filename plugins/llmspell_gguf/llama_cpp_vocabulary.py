"""Text to tokens and back, as the model's own vocabulary has it."""

from __future__ import annotations

import ctypes
from typing import Any

from llmspell.errors import ProviderError
from llmspell_gguf.llama_cpp_library import Handles


class Vocabulary:
    """The tokens of one loaded model. What it does is pure, so several threads may use it."""

    def __init__(self, handles: Handles) -> None:
        self._library, self._vocabulary = handles.library, handles.vocabulary
        self.size: int = self._library.llama_vocab_n_tokens(self._vocabulary)
        self._pieces: dict[int, bytes] = {}
        self._guide: Any = None

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text with the marks that the model wants around it, such as its first token."""
        return self._tokens(text, marks=True)

    def plain_tokens(self, text: str) -> list[int]:
        """The tokens of a text that goes on after another one: without marks, and what looks like one is text.

        Raises:
            ProviderError: no tokens stand for just this text.
        """
        found = self._tokens(text, marks=False)
        if not self._stand_for(found, text):  # many vocabularies begin each text with a space, which goes before this
            line = self._tokens("\n", marks=False)
            found = self._tokens("\n" + text, marks=False)[len(line) :]
            if not self._stand_for(found, text):
                raise ProviderError(f"the model has no tokens for {text[:40]!r}", provider="gguf")
        return found

    def _stand_for(self, tokens: list[int], text: str) -> bool:
        return b"".join(map(self.piece, tokens)) == text.encode("utf-8", "replace")

    def _tokens(self, text: str, marks: bool) -> list[int]:
        data = text.encode("utf-8", "replace")  # half a surrogate pair would be an abort in C++
        count = len(data) + 8
        found = (ctypes.c_int32 * count)()
        written = self._library.llama_tokenize(self._vocabulary, data, len(data), found, count, marks, marks)
        if written < 0:
            found = (ctypes.c_int32 * -written)()
            written = self._library.llama_tokenize(self._vocabulary, data, len(data), found, -written, marks, marks)
        return found[:written]

    def prompt_tokens(self, prompt: str) -> list[int]:
        """As `tokens`, for what a chat template wrote: the first token stands there once, whoever wrote it."""
        if self._library.llama_vocab_get_add_bos(self._vocabulary):
            prompt = prompt.removeprefix(self.first)
        return self.tokens(prompt)

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for, maybe half a character; nothing for a control token."""
        known = self._pieces.get(token)
        if known is None:
            buffer = ctypes.create_string_buffer(64)
            size = self._library.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, False)
            if size < 0:
                buffer = ctypes.create_string_buffer(-size)
                size = self._library.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, False)
            known = self._pieces[token] = buffer.raw[:size]
        return known

    def ends(self, token: int) -> bool:
        """Whether the model says with this token that its answer is complete."""
        return bool(self._library.llama_vocab_is_eog(self._vocabulary, token))

    @property
    def first(self) -> str:
        """The text of the token that begins a text; empty if there is none."""
        return self._text(self._library.llama_vocab_bos(self._vocabulary))

    @property
    def last(self) -> str:
        """The text of the token that ends a text; empty if there is none."""
        return self._text(self._library.llama_vocab_eos(self._vocabulary))

    def _text(self, token: int) -> str:
        if token < 0:
            return ""
        return str((self._library.llama_vocab_get_text(self._vocabulary, token) or b"").decode("utf-8", "replace"))

    def guide(self) -> Any:
        """The vocabulary as llguidance takes it (`LLTokenizer`); made once, in half a second or less.

        Raises:
            ImportError: llguidance isn't installed.
        """
        if self._guide is None:
            from llguidance import LLTokenizer

            library, vocabulary = self._library, self._vocabulary
            ends = {library.llama_vocab_eos(vocabulary), library.llama_vocab_eot(vocabulary)} - {-1}
            # As llguidance.llamacpp.lltokenizer_from_vocab, without its 50,000 warnings of what is deprecated.
            make: Any = LLTokenizer
            self._guide = make.from_llamacpp(
                tokens=[self._marked(token) for token in range(self.size)],
                vocab_ptr=vocabulary,
                tokenize_fptr=ctypes.cast(library.llama_cpp._lib.llama_tokenize, ctypes.c_void_p).value,
                eos_token=sorted(ends) or None,
                slices=LLTokenizer.json_slices(),
            )
        return self._guide

    def _marked(self, token: int) -> bytes:
        """The bytes of a token as llguidance wants them: those of a control token are marked by a byte before."""
        piece = self.piece(token)
        return piece or b"\xff" + self._text(token).encode()
