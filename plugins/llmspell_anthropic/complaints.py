"""What the server says when it can't do something, and what users are told in its place.

Types: https://platform.claude.com/docs/en/api/errors. Texts are those that the API was seen to say; where llama.cpp's
server has others, which speaks the same format, both are here. docs/providers/anthropic.md lists what users see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmspell.errors import AuthError, ProviderError, ProviderTimeout, ProviderUnavailable, RateLimited
from llmspell_anthropic import causes
from llmspell_anthropic.causes import Maker, option, provider


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that the server says: by a pattern, by its type, and by the statuses that it comes with.

    Each that is given has to fit, and a type or a status is enough of these two. ``message`` and ``hint`` may name
    ``{model}``, ``{title}``, ``{name}``, ``{url}`` and ``{text}``.
    """

    make: Maker
    message: str
    hint: str
    pattern: str = ""
    kinds: tuple[str, ...] = ()
    status: tuple[int, ...] = ()


_LATER: Final = "try again later"
_LIST: Final = "`llmspell model list --backend {name}` shows which it has"
_URL: Final = "check [providers.{name}] base_url and the environment variable ANTHROPIC_BASE_URL"

_REQUESTS: Final = (
    Row(
        causes.overflow,
        "the prompt is longer than the context of {model}: {text}",
        "shorten it, call agent:reset(), or lower max_tokens, which is counted with it",
        r"prompt is too long|exceed context limit|exceeds the available context size|too many total text",
    ),
    Row(
        causes.filtered,
        "{title} refuses to answer this: {text}",
        "say it in other words",
        r"content filtering policy|blocked by content",
    ),
    Row(
        causes.request,
        "{title} doesn't take back what the model thought: {text}",
        "agent:reset() begins a new conversation",
        r"signature.*thinking|thinking.*(cannot be modified|signature)|start with a thinking block|Expected `thinking`",
    ),
    Row(
        causes.sampling,
        "{model} can't be asked so: {text}",
        "leave the option out; newer models of Claude take none of temperature, top_p and top_k",
        r"(temperature|top_p|top_k)\W.*(deprecated|not permitted|not supported|may only be set|must be unset|"
        r"cannot both|greater than or equal)",
        ("invalid_request_error",),
    ),
    Row(
        option("think"),
        "{model} can't think as it is asked to: {text}",
        'newer models take think = true, or "low" to "max"; older ones a number of tokens from 1024 on; some none, '
        "and some always think",
        r"thinking|effort|output_config",
        ("invalid_request_error",),
    ),
    Row(
        option("images"),
        "{model} sees no images",
        "leave them out, or take a model that `llmspell model info` says can",
        r"image input is not supported|does not support images?",
    ),
    Row(
        causes.request,
        "{title} can't take an image: {text}",
        "send JPEG, PNG, GIF or WebP of at most 5 MB",
        r"image",
        ("invalid_request_error",),
    ),
    Row(
        causes.request,
        "{model} doesn't go on with an answer: {text}",
        "let the last message be the user's",
        r"prefill|must end with a user message",
    ),
    Row(
        option("tools"),
        "{model} takes no tools",
        "leave them out, or take another model",
        r"does not support tools?\b",
    ),
    Row(
        causes.request,
        "{title} can't take a tool: {text}",
        "names are letters, digits, _ and -; parameters a JSON schema of an object, without anyOf at its top",
        r"^tools\.|input_schema",
        ("invalid_request_error",),
    ),
    Row(
        causes.request,
        "max_tokens is more than {model} can write: {text}",
        "lower it",
        r"max_tokens.*maximum",
        ("invalid_request_error",),
    ),
    Row(
        causes.request,
        "the request is larger than {title} takes: {text}",
        "send less at once, and smaller images: 32 MB are the most",
        "",
        ("request_too_large",),
        (413,),
    ),
)

_ACCOUNT: Final = (
    Row(
        provider(RateLimited, retryable=False),
        "the account at {title} has nothing left to pay with: {text}",
        "add credit at https://platform.claude.com/settings/billing, or take another model",
        r"credit balance is too low|spend limit|usage limits",
    ),
    Row(
        provider(RateLimited, retryable=False),
        "the account at {title} has nothing left to pay with: {text}",
        "add credit at https://platform.claude.com/settings/billing, or take another model",
        "",
        ("billing_error",),
        (402,),
    ),
    Row(
        provider(AuthError),
        "{title} doesn't accept the key: {text}",
        "put a key into the environment variable ANTHROPIC_API_KEY, name another by [providers.{name}] api_key_env, or "
        "run `llmspell keys set {name}`",
        "",
        ("authentication_error",),
        (401,),
    ),
    Row(
        provider(AuthError),
        "the key may not do this at {title}: {text}",
        "see https://platform.claude.com/settings/keys for what it may do, or take another model",
        "",
        ("permission_error",),
        (403,),
    ),
    Row(
        causes.missing,
        "{title} has no model {model}",
        _LIST,
        r"\bmodel\b",
        ("not_found_error",),
        (404,),
    ),
)

_SERVER: Final = (
    Row(provider(RateLimited), "{title} asks to slow down: {text}", _LATER, "", ("rate_limit_error",), (429,)),
    Row(
        provider(ProviderError, retryable=True),
        "{title} is overloaded: {text}",
        f"{_LATER}; https://status.claude.com says whether it is known",
        "",
        ("overloaded_error",),
        (529,),
    ),
    Row(
        provider(ProviderTimeout),
        "{title} gave up, because it took too long: {text}",
        "try again; shorter answers take less time",
        "",
        ("timeout_error",),
        (408, 504),
    ),
    Row(
        provider(ProviderUnavailable),
        "what answers at {url} is a web page and no API: {text}",
        f"it may be a proxy whose server doesn't run; {_URL}",
        r"^<(!doctype|html|\?xml)",
    ),
    Row(
        provider(ProviderUnavailable, retryable=False),
        "what answers at {url} doesn't speak Anthropic's format: {text}",
        _URL,
        "",
        (),
        (404, 405),
    ),
    Row(
        causes.request,
        "{title} refuses the request: {text}",
        "correct the value that it names; if there is none, this is a fault of the provider's plugin",
        "",
        ("invalid_request_error",),
        tuple(range(400, 500)),
    ),
    Row(provider(ProviderError, retryable=True), "{title} failed: {text}", "try again"),
)

ROWS: Final = (*_REQUESTS, *_ACCOUNT, *_SERVER)
"""Looked through from the top; the first that fits counts, and the last fits everything."""
