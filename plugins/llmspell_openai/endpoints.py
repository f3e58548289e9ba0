"""The servers that are known by name: where they are, what they want to be asked, and which options they take.

What they document: platform.openai.com/docs/api-reference/chat, openrouter.ai/docs/api-reference/parameters,
console.groq.com/docs/api-reference, docs.together.ai/reference/chat-completions-1, api-docs.deepseek.com,
docs.mistral.ai/api, docs.x.ai/docs/api-reference, lmstudio.ai/docs/developer/openai-compat,
docs.vllm.ai/en/stable/serving/openai_compatible_server.html,
github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

FormatWay = Literal["strict", "gbnf", "schema", "object"]
"""How a schema of the answer is sent: reduced to OpenAI's strict form where it fits, reduced to what llama.cpp makes a
grammar of, as it is, or in words beside a demand for any JSON object."""

_BOTH: Final = frozenset({"logit_bias", "parallel_tool_calls", "tool_choice", "user"})
"""What all of them take in OpenAI's words."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server, or one kind of server.

    ``variables`` are the environment variables that may hold its key; without any it asks for none. ``renamed`` maps
    llmspell's options to its own names, ``missing`` are those that it hasn't got, ``own`` its options beyond them.
    ``asks_usage`` says that a stream tells its tokens only when it is asked to. ``returned`` names the fields of an
    answer's thinking that it wants back with later requests. ``short_ids`` says that calls of tools have ids of nine
    letters and digits. ``keys`` is the page where keys are made.
    """

    name: str
    title: str
    base_url: str
    variables: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset({"top_k", "min_p", "repeat_penalty"})
    own: frozenset[str] = frozenset()
    format: FormatWay = "schema"
    asks_usage: bool = True
    returned: tuple[str, ...] = ()
    short_ids: bool = False
    keys: str = ""

    def takes(self) -> frozenset[str]:
        """The options beyond llmspell's that a request may have."""
        return self.own | _BOTH


_NOTHING: Final[frozenset[str]] = frozenset()
_REPETITION: Final = {"repeat_penalty": "repetition_penalty"}

_ALL: Final = (
    Endpoint(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        ("OPENAI_API_KEY",),
        renamed={"max_tokens": "max_completion_tokens"},
        own=frozenset({
            "metadata", "prediction", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort",
            "safety_identifier", "service_tier", "store", "verbosity", "web_search_options",
        }),
        format="strict",
        keys="https://platform.openai.com/api-keys",
    ),
    Endpoint(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        ("OPENROUTER_API_KEY",),
        renamed=_REPETITION,
        missing=_NOTHING,
        own=frozenset({
            "include_reasoning", "models", "plugins", "prediction", "provider", "reasoning", "repetition_penalty",
            "route", "top_a", "transforms", "usage", "verbosity", "web_search_options",
        }),
        format="strict",
        returned=("reasoning_details",),
        keys="https://openrouter.ai/settings/keys",
    ),
    Endpoint(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        ("GROQ_API_KEY",),
        renamed={"max_tokens": "max_completion_tokens"},
        own=frozenset({
            "citation_options", "compound_custom", "disable_tool_validation", "documents", "include_reasoning",
            "reasoning_effort", "reasoning_format", "search_settings", "service_tier",
        }),
        format="strict",
        keys="https://console.groq.com/keys",
    ),
    Endpoint(
        "together",
        "Together",
        "https://api.together.xyz/v1",
        ("TOGETHER_API_KEY",),
        renamed=_REPETITION,
        missing=_NOTHING,
        own=frozenset({
            "chat_template_kwargs", "context_length_exceeded_behavior", "reasoning", "reasoning_effort",
            "repetition_penalty", "safety_model",
        }),
        keys="https://api.together.ai/settings/api-keys",
    ),
    Endpoint(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        ("DEEPSEEK_API_KEY",),
        missing=frozenset({"top_k", "min_p", "repeat_penalty", "seed"}),
        own=frozenset({"reasoning_effort", "thinking"}),
        format="object",
        returned=("reasoning_content",),
        keys="https://platform.deepseek.com/api_keys",
    ),
    Endpoint(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        ("MISTRAL_API_KEY",),
        renamed={"seed": "random_seed"},
        own=frozenset({"prediction", "prompt_mode", "random_seed", "reasoning_effort", "safe_prompt"}),
        format="strict",
        asks_usage=False,
        short_ids=True,
        keys="https://console.mistral.ai/api-keys",
    ),
    Endpoint(
        "xai",
        "xAI",
        "https://api.x.ai/v1",
        ("XAI_API_KEY",),
        renamed={"max_tokens": "max_completion_tokens"},
        own=frozenset({"deferred", "reasoning_effort", "search_parameters", "web_search_options"}),
        format="strict",
        keys="https://console.x.ai",
    ),
    Endpoint(
        "lmstudio",
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        missing=_NOTHING,
        own=frozenset({"draft_model", "reasoning_effort", "ttl"}),
        format="gbnf",
    ),
    Endpoint(
        "vllm",
        "vLLM",
        "http://127.0.0.1:8000/v1",
        renamed=_REPETITION,
        missing=_NOTHING,
        own=frozenset({
            "add_generation_prompt", "allowed_token_ids", "bad_words", "chat_template", "chat_template_kwargs",
            "continue_final_message", "documents", "ignore_eos", "include_reasoning",
            "include_stop_str_in_output", "length_penalty", "min_tokens", "mm_processor_kwargs", "priority",
            "reasoning_effort", "repetition_penalty", "skip_special_tokens", "spaces_between_special_tokens",
            "stop_token_ids", "structured_outputs", "truncate_prompt_tokens", "vllm_xargs",
        }),
    ),
    Endpoint(
        "llama-server",
        "llama-server",
        "http://127.0.0.1:8080/v1",
        missing=_NOTHING,
        own=frozenset({
            "cache_prompt", "chat_template_kwargs", "dry_allowed_length", "dry_base", "dry_multiplier",
            "dry_penalty_last_n", "dry_sequence_breakers", "dynatemp_exponent", "dynatemp_range", "grammar",
            "id_slot", "ignore_eos", "lora", "min_keep", "mirostat", "mirostat_eta", "mirostat_tau", "n_keep",
            "reasoning_effort", "reasoning_format", "repeat_last_n", "samplers", "t_max_predict_ms",
            "thinking_budget_tokens", "top_n_sigma", "typical_p", "xtc_probability", "xtc_threshold",
        }),
        format="gbnf",
    ),
)  # fmt: skip

COMPATIBLE: Final = replace(_ALL[0], title="the server", renamed={}, format="schema", variables=())
"""A server of which nothing is known but that it is not OpenAI's: it is asked in the words that all of them take."""

ENDPOINTS: Final[Mapping[str, Endpoint]] = MappingProxyType({one.name: one for one in _ALL})
"""By the name of the provider, which is the first part of its models' names."""
