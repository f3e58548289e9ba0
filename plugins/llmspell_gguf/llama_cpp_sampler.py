"""Which token comes next: llama.cpp's own samplers, in the order and with the defaults of its server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from llmspell_gguf.llama_cpp_library import Handles

if TYPE_CHECKING:
    from llmspell_gguf.llama_cpp_constraint import Constraint

_TEMPERATURE: Final = 0.8
_TOP_K: Final = 40
_TOP_P: Final = 0.95
_MIN_P: Final = 0.05
_ANY_SEED: Final = 2**32 - 1
_PENALISED: Final = 64
"""How many tokens back a penalty reaches (llama.cpp, common.h, struct common_params_sampling, as all of these)."""


class Sampler:
    """Chooses token after token of one answer, by checked ``options``, within the ``constraint`` if there is one.

    ``before`` are the tokens of the prompt, which count for the penalties too. Must be freed.
    """

    def __init__(
        self, handles: Handles, options: Mapping[str, Any], before: list[int], constraint: Constraint | None
    ) -> None:
        self._library, self._context, self._constraint = handles.library, handles.context, constraint
        self._chain = self._library.llama_sampler_chain_init(self._library.llama_sampler_chain_default_params())
        penalties = [options.get(name, none) for name, none in _PENALTIES]
        if penalties != [none for _, none in _PENALTIES]:
            size = self._library.llama_vocab_n_tokens(handles.vocabulary)
            self._add("penalties", size, _PENALISED, *penalties)
        temperature = options.get("temperature", _TEMPERATURE)
        if temperature <= 0:
            self._add("greedy")
        else:
            self._add("top_k", options.get("top_k", _TOP_K))
            self._add("top_p", options.get("top_p", _TOP_P), 0)
            self._add("min_p", options.get("min_p", _MIN_P), 0)
            self._add("temp", temperature)
            self._add("dist", options.get("seed", _ANY_SEED))
        for token in before[-_PENALISED:]:
            self._library.llama_sampler_accept(self._chain, token)

    def next(self) -> int:
        """Choose from what was read last."""
        if self._constraint is not None:
            self._constraint.narrow(self._library.llama_get_logits_ith(self._context, -1))
        return int(self._library.llama_sampler_sample(self._chain, self._context, -1))

    def free(self) -> None:
        """Give the memory back."""
        self._library.llama_sampler_free(self._chain)

    def _add(self, name: str, *values: Any) -> None:
        made = getattr(self._library, f"llama_sampler_init_{name}")(*values)
        self._library.llama_sampler_chain_add(self._chain, made)  # the chain frees it


_PENALTIES: Final = (("repeat_penalty", 1.0), ("frequency_penalty", 0.0), ("presence_penalty", 0.0))
"""In the order of llama_sampler_init_penalties, each with the value that does nothing."""
