"""What servers say when they can't do something, and what users are told in its place.

Texts and codes are those of the services and servers in `endpoints`, as they document them or as they were seen to say;
docs/providers/openai.md lists what users see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmspell.errors import AuthError, ProviderError, ProviderTimeout, ProviderUnavailable, RateLimited
from llmspell_openai import causes
from llmspell_openai.causes import Maker, option, provider


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that servers say, by a pattern or by codes (either will do), and the statuses that it comes with (None:
    any).

    ``message`` and ``hint`` may name ``{model}``, ``{where}``, ``{title}``, ``{name}``, ``{key}`` and ``{text}``.
    """

    pattern: str | None
    make: Maker
    message: str
    hint: str
    status: tuple[int, ...] | None = None
    codes: tuple[str, ...] = ()


_LATER: Final = "try again later"
_BASE_URL: Final = "check [providers.{name}] base_url: most end in /v1"
_SHORTER: Final = "shorten the prompt, call agent:reset(), or take a model with a longer context"
_LIST: Final = "`llmspell model list --backend {name}` shows which it has"

_ACCOUNT: Final = (
    Row(
        r"exceeded your current quota|insufficient (balance|credits?|funds|quota)|credit balance is too low"
        r"|requires more credits|can only afford",
        provider(RateLimited, retryable=False),
        "the account at {title} has nothing left to pay with: {text}",
        "add credit there, or take another model",
        codes=("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"),
    ),
    Row(
        "",
        provider(RateLimited, retryable=False),
        "the account at {title} has nothing left to pay with: {text}",
        "add credit there, or take another model",
        (402,),
    ),
    Row(
        r"(does not|doesn't|do not) have access to( the)? model",
        causes.missing,
        "{where} doesn't give this key the model {model}: {text}",
        _LIST,
    ),
)

_FILTERS: Final = (
    Row(
        r"content (management|filter|filtering) policy|flagged (as|by|for)|input was flagged|safety system"
        r"|content exists risk|violat\w+ .*(usage|content) (policy|policies|guidelines)",
        causes.filtered,
        "{title} refuses to answer this: {text}",
        "say it in other words",
        codes=("content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"),
    ),
)

_KEYS: Final = (
    Row(
        "",
        provider(AuthError),
        "{where} doesn't accept the key: {text}",
        "{key}",
        (401,),
        codes=("invalid_api_key", "invalid_authentication"),
    ),
    Row(
        r"incorrect api key|invalid api key|no auth credentials|missing .*api key|invalid token"
        r"|authentication (fails|failed)|unauthorized",
        provider(AuthError),
        "{where} doesn't accept the key: {text}",
        "{key}",
    ),
)

_MODELS: Final = (
    Row(
        r"not a chat model|not supported in the v1/chat/completions|does not support chat",
        causes.unusable,
        "{model} can't chat: {text}",
        f"take a chat model; {_LIST}",
    ),
    Row(
        r"not (allowed to generate|support) embeddings|does not support embeddings?|embedding=true"
        r"|not an? embedding model",
        causes.unusable,
        "{where} makes no vectors with {model}: {text}",
        "take an embedding model; llama-server wants to be started with --embeddings",
    ),
    Row(
        r"model\b.{0,120}?(does not exist|doesn't exist|not found|not exist|decommissioned|deprecated and)"
        r"|not a valid model( id)?\b|no endpoints found for|invalid model\b|unknown model|no models? loaded",
        causes.missing,
        "{where} has no model {model}: {text}",
        _LIST,
        codes=("model_not_found", "invalid_model", "model_decommissioned", "model_not_available"),
    ),
)

_OPTIONS: Final = (
    Row(
        r"maximum context length|context (window|size|length)|prompt is too long|too many (input )?tokens"
        r"|input (is too long|length)|reduce the length|maximum prompt length|tokens\) is too large to process",
        causes.overflow,
        "the prompt is longer than the context of {model}: {text}",
        _SHORTER,
        (400, 413, 422, 500),
        codes=("context_length_exceeded", "exceed_context_size_error"),
    ),
    Row(
        r"(auto|tool|function|tools)[\"']? (choice|use|calling|calls?)\b.{0,60}(not supported|unsupported|requires)"
        r"|(not|n't) support (tools?|functions?)\b|support tool use|tools? (is|are) not supported"
        r"|tools param requires",
        option("tools"),
        "{where} takes no tools for {model}: {text}",
        "leave them out, or take another model; vLLM wants --enable-auto-tool-choice, llama-server --jinja",
    ),
    Row(
        r"image (input|url|content)s?.{0,40}(not|n't) support|(not|n't) support (images?|vision|multimodal|image_url)"
        r"|support image input|not a multimodal model|image_url.{0,60}(not|only)|unknown variant .?image_url",
        option("images"),
        "{model} at {title} sees no images: {text}",
        "leave them out, or take a model that does",
    ),
    Row(
        r"response[_ ]format|json_schema|structured outputs?|\bgrammar\b|generate parser|invalid schema",
        option("format"),
        "{where} can't hold {model} to the schema of the answer: {text}",
        "if it takes no schema at all, set [providers.{name}] json_schema = false: it is then told in words",
        (400, 404, 422, 500, 501),
    ),
    Row(
        r"unsupported (parameter|value)|unrecognized request argument|(parameter|argument)\b.{0,60}not supported"
        r"|extra inputs are not permitted|unknown (parameter|field|name)|unknown parameter",
        causes.parameter,
        "{where} takes this option not at all, or not with this value, for {model}: {text}",
        "leave it out, or take another model",
        (400, 422),
        codes=("unsupported_parameter", "unsupported_value", "unknown_parameter"),
    ),
)

_BUSY: Final = (
    Row("", provider(RateLimited), "{where} asks to slow down: {text}", _LATER, (429,), codes=("rate_limit_exceeded",)),
    Row(
        r"loading model",
        provider(ProviderUnavailable),
        "{where} is still loading the model",
        "try again in a while",
        codes=("unavailable_error",),
    ),
    Row(
        r"overloaded|over capacity|capacity exceeded|no available model provider|no instances available",
        provider(ProviderUnavailable),
        "{where} has too much to do, or nobody who runs {model}: {text}",
        _LATER,
        (429, 498, 500, 502, 503, 529),
        codes=("overloaded_error", "server_overloaded", "insufficient_system_resource"),
    ),
    Row(
        "",
        provider(ProviderTimeout),
        "{where} waited for the model until its own time was over: {text}",
        _LATER,
        (408, 504, 524),
    ),
    Row("", provider(ProviderUnavailable), "{where} is not available: {text}", _LATER, (502, 503, 529)),
)

_STRANGERS: Final = (
    Row(
        r"^a web page",
        provider(ProviderUnavailable, retryable=False),
        "what answers for {where} is no API: {text}",
        _BASE_URL,
        (200, 400, 403, 404, 405),
    ),
    Row(
        "",
        provider(ProviderUnavailable, retryable=False),
        "{where} knows no such address: {text}",
        _BASE_URL,
        (404, 405),
    ),
    Row(
        "",
        provider(AuthError),
        "{where} refuses the request: {text}",
        "what this key may do is said where it was made: {key}",
        (403,),
    ),
    Row(
        "",
        causes.request,
        "the request is larger than {where} takes: {text}",
        "send smaller images, or fewer messages",
        (413,),
    ),
    Row("", causes.unusable, "{where} can't do this: {text}", "take another server or model", (501,)),
    Row("", provider(ProviderError, retryable=True), "{where} failed: {text}", "try again", tuple(range(500, 600))),
)

ROWS: Final = (*_ACCOUNT, *_FILTERS, *_OPTIONS, *_MODELS, *_KEYS, *_BUSY, *_STRANGERS)
"""Looked through from the top; the first that fits counts."""
