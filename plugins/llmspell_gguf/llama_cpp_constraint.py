"""An answer held to a JSON schema by llguidance, which holds the other engine's answers too.

llama-cpp-python's own converter of schemas is not used: it ends the process with SIGSEGV at a pattern with a
backslash in it, and gives any JSON object for what it doesn't understand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmspell.errors import ProviderUnavailable, UnsupportedOption
from llmspell_gguf.llama_cpp_vocabulary import Vocabulary


class Constraint:
    """The state of one answer between the tokens that the schema allows. ``done``: it is complete."""

    def __init__(self, vocabulary: Vocabulary, schema: Mapping[str, Any]) -> None:
        """Begin with nothing said.

        Raises:
            UnsupportedOption: no answer could keep to the schema, or llguidance doesn't know a word in it.
            ProviderUnavailable: llguidance isn't installed.
        """
        try:
            import numpy  # what llama-cpp-python needs too
            from llguidance import LLMatcher

            guide = vocabulary.guide()
        except ImportError as error:
            raise ProviderUnavailable(
                f"the engine llama-cpp-python can't keep to a JSON schema without llguidance: {error}",
                provider="gguf",
                hint="pip install 'llmspell[gguf]'",
                retryable=False,
            ) from error
        # Compact, else a small model adds newlines without end.
        text = json.dumps(schema, ensure_ascii=False)
        grammar = LLMatcher.grammar_from_json_schema(text, overrides={"whitespace_flexible": False})
        wrong, messages = LLMatcher.validate_grammar_with_warnings(grammar, guide)
        if wrong:
            raise _cannot(messages[0])
        self._numpy, self._size = numpy, vocabulary.size
        self._matcher = LLMatcher(guide, grammar, log_level=0)
        self._mask = numpy.zeros((vocabulary.size + 31) // 32 * 4, dtype=numpy.uint8)

    @property
    def done(self) -> bool:
        return bool(self._matcher.is_stopped())

    def narrow(self, logits: Any) -> None:
        """Make impossible, in the logits that a pointer leads to, every token that the schema forbids now.

        Raises:
            UnsupportedOption: the schema turned out too complex.
        """
        numpy, mask = self._numpy, self._mask
        self._matcher.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
        if self._matcher.is_error():
            raise _cannot(self._matcher.get_error())
        allowed = numpy.unpackbits(mask, bitorder="little")[: self._size]
        numpy.ctypeslib.as_array(logits, (self._size,))[allowed == 0] = -numpy.inf

    def take(self, token: int) -> None:
        """Go on by a token that was chosen."""
        self._matcher.consume_token(token)


def _cannot(reason: str) -> UnsupportedOption:
    message = f"the engine can't keep to the JSON schema in format: {' '.join(reason.split())}"
    return UnsupportedOption("format", "gguf", message, hint="simplify it: contradictions can't be fulfilled")
