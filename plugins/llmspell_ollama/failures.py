"""What the server says when it can't do something, and the error that users get in its place.

The texts are those of Ollama 0.33; where older servers had others, both are here. Since 0.30 models run in a process of
their own, whose errors come as JSON inside a JSON text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from llmspell.errors import (
    AuthError,
    ContextOverflow,
    InvalidRequest,
    LLMSpellError,
    ModelNotFound,
    ModelNotUsable,
    ProviderCrashed,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    PullFailed,
    RateLimited,
    UnsupportedOption,
)
from llmspell_ollama.host import Host

_LOG: Final = "its log says more: `journalctl -u ollama` on Linux, ~/.ollama/logs/server.log elsewhere"
_NAMES: Final = "names are written model[:tag], as in llama3.2:3b"
_OURS: Final = "this is a fault of the provider's plugin, or of a value in the request"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that is an error. ``text`` is what it says on one line, ``fields`` what stands beside that."""

    status: int | None
    text: str
    model: str | None
    host: Host
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def named(self) -> str:
        """The model, for a sentence."""
        return f"'{self.model}'" if self.model else "the model"


@dataclass(frozen=True, slots=True)
class Row:
    """One way to fail: what the text looks like, with which status (None: any), and what users are told.

    ``message`` and ``hint`` may name ``{host}``, ``{model}``, ``{text}`` and the groups of the pattern.
    """

    pattern: str
    make: Callable[[Said, str, str], LLMSpellError]
    message: str
    hint: str
    status: tuple[int, ...] | None = None


def failure(status: int | None, said: Any, *, model: str | None = None, host: Host) -> LLMSpellError:
    """Turn an error of the server into one of llmspell.

    ``status`` is None for a line of a stream that began well; ``said`` is the body or the line, parsed if it is JSON.
    """
    text, fields = _unwrapped(said)
    known = Said(status, text, model, host, fields)
    for row in ROWS:
        found = re.search(row.pattern, text)
        if found and (row.status is None or status in row.status):
            words = {"host": host.url, "model": known.named, "text": text, **found.groupdict(default="")}
            return row.make(known, row.message.format_map(words), row.hint.format_map(words))
    return _unknown(known)


# ── reading it ────────────────────────────────────────────────────────────────────────────────────────────────────


def _unwrapped(said: Any) -> tuple[str, Mapping[str, Any]]:
    """The text at the heart of an error, which may be JSON in a text in JSON, and the fields around it."""
    fields: dict[str, Any] = {}
    for _ in range(5):  # two levels of JSON, each an object in an object
        if isinstance(said, str) and said.lstrip().startswith("{"):
            try:
                said = json.loads(said)
            except ValueError:
                break
        elif isinstance(said, Mapping) and (inner := said.get("error", said.get("message"))) is not None:
            fields.update({key: value for key, value in said.items() if value is not inner})
            said = inner
        else:
            break
    text = said if isinstance(said, str) else "" if said is None else json.dumps(said, ensure_ascii=False)
    return " ".join(text.split())[:1000], fields


# ── what comes of it ──────────────────────────────────────────────────────────────────────────────────────────────


def _provider(
    kind: type[ProviderError], *, retryable: bool | None = None
) -> Callable[[Said, str, str], LLMSpellError]:
    return lambda said, message, hint: kind(message, provider="ollama", hint=hint, retryable=retryable)


def _request(said: Said, message: str, hint: str) -> LLMSpellError:
    return InvalidRequest(message, hint=hint)


def _option(name: str) -> Callable[[Said, str, str], LLMSpellError]:
    return lambda said, message, hint: UnsupportedOption(name, "ollama", message, hint=hint)


def _unusable(said: Said, message: str, hint: str) -> LLMSpellError:
    return ModelNotUsable(message, model=said.model, hint=hint)


def _pull(said: Said, message: str, hint: str) -> LLMSpellError:
    return PullFailed(message, model=said.model, hint=hint)


def _unlisted(said: Said, message: str, hint: str) -> LLMSpellError:
    return ModelNotFound(message, model=said.model, hint=hint)


def _missing(said: Said, message: str, hint: str) -> LLMSpellError:
    found = re.search(r"""model ["'](?P<name>[^"']*)["']""", said.text)
    name = said.model or (found["name"] if found else "")
    if not name:
        return InvalidRequest("the request names no model", hint=_NAMES)
    return ModelNotFound(
        f"Ollama at {said.host} has no model '{name}'",
        model=name,
        hint=f"`llmspell model pull ollama/{name}` fetches it, `llmspell model list` shows those that are there",
        pull=f"ollama/{name}",
    )


def _overflow(said: Said, message: str, hint: str) -> LLMSpellError:
    counts = re.search(r"\((\d+) tokens\).*\((\d+) tokens\)", said.text)
    used = said.fields.get("n_prompt_tokens") or (counts and counts[1]) or 0
    limit = said.fields.get("n_ctx") or (counts and counts[2]) or 0
    counted = None if used and limit else message
    return ContextOverflow(int(limit), int(used), counted, hint=hint)


def _sign_in(said: Said, message: str, hint: str) -> LLMSpellError:
    url = said.fields.get("signin_url")
    return AuthError(message, provider="ollama", hint=f"{hint}, or open {url}" if isinstance(url, str) else hint)


def _unknown(said: Said) -> LLMSpellError:
    """The row for everything that is in none."""
    status = said.status
    what = f": {said.text}" if said.text else " without a word"
    if status == 401:
        return AuthError(f"Ollama at {said.host} wants a key{what}", provider="ollama", hint=_KEY)
    if status is not None and 400 <= status < 500 and said.text:
        return InvalidRequest(f"Ollama refuses the request{what}", hint=f"{_OURS}; {_LOG}")
    how = f" ({status})" if status else ""
    return ProviderError(f"Ollama failed{how}{what}", provider="ollama", hint=_LOG, retryable=(status or 500) >= 500)


_KEY: Final = "put it into the environment variable OLLAMA_API_KEY, or name another by [providers.ollama] api_key_env"
_CONTEXT: Final = "shorten it, or raise [providers.ollama] context_length"
_SCHEMA: Final = "use only what JSON Schema and llama.cpp's grammars share: types, properties, enum, anyOf, local $ref"

ROWS: Final = (
    # ── the model is not there, or is none ──
    Row(r"pull model manifest: file does not exist", _unlisted, "Ollama's registry has no model {model}", f"look it up at https://ollama.com/search; {_NAMES}"),
    Row(r"""model ["'][^"']*["'] not found""", _missing, "", ""),
    Row(r"^model is required", _request, "the request names no model", _NAMES),
    Row(r"^invalid model name|^name \".*\" is invalid", _request, "{model} can't be the name of a model", _NAMES),
    # ── what the model can't do ──
    Row(r"does not support tools", _option("tools"), "{model} takes no tools", "leave them out, or take a model that has 'tools' at https://ollama.com/search?c=tools"),
    Row(r"does not support thinking", _option("think"), "{model} can't think aloud", "leave 'think' out, or take a model of https://ollama.com/search?c=thinking"),
    Row(r"does not support insert", _option("suffix"), "{model} can't fill in before a suffix", "leave it out"),
    Row(r"does not support (chat|generate|completion)", _unusable, "{model} makes vectors of texts and can't chat", "take a chat model; for vectors use Embedding, or `llmspell embed`"),
    Row(r"does not support embeddings|does not support embed", _unusable, "{model} is a chat model, which Ollama makes no vectors with", "take an embedding model, as nomic-embed-text or all-minilm"),
    Row(r"model does not support multimodal|image input is not supported|does not support (images|vision)", _option("images"), "{model} can't see images", "leave them out, or take a model of https://ollama.com/search?c=vision"),
    # ── too long ──
    Row(r"exceed_context_size|exceeds the available context size", _overflow, "the prompt is longer than the context of {model}", _CONTEXT),
    Row(r"prompt is longer than the context length", _overflow, "the prompt is longer than the context of {model}", _CONTEXT),
    Row(r"input length exceeds the (maximum )?context length", _overflow, "a text is longer than {model} can read", "split it into shorter texts"),
    # ── the request is wrong ──
    Row(r"^invalid think value", _request, "Ollama takes no such 'think': {text}", "it is true, false, \"low\", \"medium\", \"high\" or \"max\""),
    Row(r"^time: (missing unit|invalid duration|unknown unit)", _request, "keep_alive is no length of time: {text}", "write seconds, as 300 or -1 for ever, or \"5m\", \"1h30m\""),
    Row(r"^option \"(?P<option>\w+)\" must be (?P<kind>.*)", _request, "the option '{option}' must be {kind}", "correct it in the call"),
    Row(r"^top_logprobs must be", _request, "{text}", "correct it in the call"),
    Row(r"JSON schema conversion failed: *(?P<why>.*)", _option("format"), "llama.cpp can't follow the schema of {model}'s answer or tools: {why}", _SCHEMA),
    Row(r"^invalid format:", _option("format"), "Ollama takes no such format: {text}", "give a JSON schema"),
    Row(r"^illegal base64 data|failed to (decode|load) image", _request, "Ollama can't read an image: {text}", "send a PNG or JPEG file"),
    Row(r"^(missing request body|unexpected EOF|invalid character|json: |invalid input type|raw mode does not)", _request, "Ollama can't read the request: {text}", _OURS, (400, 500)),
    # ── the model can't be loaded ──
    Row(r"out-of-memory|requires more system memory|out of memory|unable to allocate|cudaMalloc failed", _unusable, "there is not enough memory for {model}: {text}", "take a smaller model, set a smaller [providers.ollama] context_length, or unload others: `llmspell model ps`"),
    Row(r"llama-server binary not found|error starting llama-server", _provider(ProviderUnavailable, retryable=False), "Ollama at {host} is not installed completely: the program that runs models is missing", "install it again: https://ollama.com/download"),
    Row(r"timed out waiting for (llama-server|llama runner) to start", _provider(ProviderTimeout), "Ollama gave up loading {model}, which took too long", "try again, or raise OLLAMA_LOAD_TIMEOUT where the server runs"),
    Row(r"(?:llama-server|llama runner) process has terminated: (?P<why>signal: .*)", _unusable, "Ollama can't load {model}: the process that should run it was ended ({why})", f"there may be too little memory, or a build for another CPU; {_LOG}"),
    Row(r"(?:llama-server|llama runner) process has terminated:? ?(?P<why>.*)", _unusable, "Ollama can't load {model}: the process that should run it ended ({why})", f"the file may be damaged or too new for this server; {_LOG}"),
    Row(r"unable to load model|error loading model", _unusable, "Ollama can't load {model}: {text}", f"the file may be damaged or too new for this server; {_LOG}"),
    # ── the process that ran the model died ──
    Row(r"error was encountered while running the model|model runner has unexpectedly stopped|runner process no longer running", _provider(ProviderCrashed), "the process that ran {model} in Ollama died", f"try again, Ollama starts another one; {_LOG}"),
    Row(r"do embedding request: .*(EOF|connection reset|connection refused|broken pipe)", _provider(ProviderCrashed), "the process that ran {model} in Ollama died while it read the texts", f"try again, Ollama starts another one; {_LOG}"),
    Row(r"contains NaN or Inf", _provider(ProviderError, retryable=False), "{model} made a vector with values that are no numbers", "leave out the text that does it, or take another model"),
    Row(r"token repeat limit reached", _provider(ProviderError, retryable=True), "{model} said the same over and over, and Ollama stopped it", "raise temperature or repeat_penalty, or take another model"),
    # ── too much to do ──
    Row(r"server busy|maximum pending requests", _provider(RateLimited), "Ollama at {host} has too many requests waiting", "try again later, or raise OLLAMA_MAX_QUEUE where the server runs"),
    Row(r"", _provider(RateLimited), "Ollama asks to slow down: {text}", "try again later", (429,)),
    Row(r"request canceled|context canceled", _provider(ProviderError, retryable=True), "Ollama at {host} stopped the request", "try again"),
    # ── the cloud ──
    Row(r"cloud is disabled", _provider(ProviderUnavailable, retryable=False), "{model} runs in Ollama's cloud, which the server at {host} doesn't use", "take a model that is on the machine, or start the server without OLLAMA_NO_CLOUD"),
    Row(r"^unauthorized", _sign_in, "Ollama's cloud doesn't know this machine", "sign in: `ollama signin`", (401,)),
    Row(r"https://ollama\.com[:/].*(dial|lookup|EOF|timeout|refused)", _provider(ProviderUnavailable), "Ollama at {host} can't reach its cloud for {model}: {text}", "check that machine's network, or take a model that is on it", (502,)),
    # ── pulling ──
    Row(r"pull model manifest: .*(unauthorized|access denied)|pull model manifest: 40[13]", _pull, "the registry doesn't give {model} away: {text}", "check the name; a model that isn't public needs `ollama signin` where the server runs"),
    Row(r"first record does not look like a TLS handshake", _pull, "the registry of {model} speaks no https: {text}", "pull it by Ollama itself: `ollama pull --insecure`"),
    Row(r"(dial tcp|no such host|network is unreachable)", _pull, "Ollama can't reach the registry of {model}: {text}", "check the network of the machine that Ollama runs on, and its HTTPS_PROXY"),
    Row(r"max retries exceeded|connection reset|unexpected EOF|i/o timeout", _pull, "the download of {model} broke off: {text}", "pull it again: it goes on where it stopped"),
    Row(r"digest mismatch", _pull, "what Ollama downloaded of {model} is damaged: {text}", "pull it again"),
    Row(r"no space left on device|not enough space", _pull, "the disk of the machine that Ollama runs on is full", "remove models (`llmspell model remove`), then pull again: it goes on where it stopped"),
    Row(r"^pull model manifest: ", _pull, "Ollama's registry can't give {model}: {text}", "try again later"),
    # ── this is no Ollama, or it is not asked as it wants ──
    Row(r"^404 page not found$", _provider(ProviderUnavailable, retryable=False), "what answers at {host} is no Ollama, or one that is too old for this request", "check [providers.ollama] host and OLLAMA_HOST, or install a newer Ollama", (404,)),
    Row(r"^405 method not allowed$", _provider(ProviderUnavailable, retryable=False), "what answers at {host} is no Ollama that llmspell knows", "check [providers.ollama] host and OLLAMA_HOST", (405,)),
    Row(r"^$", _provider(ProviderUnavailable, retryable=False), "Ollama at {host} refuses requests under this name", "reach it by its IP address or by localhost, or let the server listen there: OLLAMA_HOST=0.0.0.0", (403,)),
    Row(r"^<(!doctype|html|\?xml)|<html", _provider(ProviderUnavailable), "what answers at {host} is no Ollama but a web page: {text}", "a proxy may stand before it: check [providers.ollama] host, OLLAMA_HOST and whether the server behind it runs"),
)  # fmt: skip
"""Looked through from the top; the first that fits counts. The order matters where a text fits two."""
