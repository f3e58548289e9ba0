"""What the server says when it can't do something, and what users are told in its place.

The texts are those of Ollama 0.33; where older servers have others, both are here. docs/providers/ollama.md lists what
users see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmspell.errors import ProviderCrashed, ProviderError, ProviderTimeout, ProviderUnavailable, RateLimited
from llmspell_ollama import causes
from llmspell_ollama.causes import Maker, option, provider


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that the server says, by a pattern and the statuses that it comes with (None: any).

    ``message`` and ``hint`` may name ``{model}``, ``{host}``, ``{text}`` and the groups of the pattern.
    """

    pattern: str
    make: Maker
    message: str
    hint: str
    status: tuple[int, ...] | None = None


LOG: Final = "its log says more: `journalctl -u ollama` on Linux, ~/.ollama/logs/server.log elsewhere"
OURS: Final = "this is a fault of the provider's plugin, or of a value in the request"
KEY: Final = "put a key into the environment variable OLLAMA_API_KEY, or name another by [providers.ollama] api_key_env"
_NAMES: Final = "names are written model[:tag], as in llama3.2:3b"
_HOST: Final = "check [providers.ollama] host and the environment variable OLLAMA_HOST"
_CONTEXT: Final = "shorten it, call agent:reset(), or raise [providers.ollama] context_length"
_LOAD: Final = r"(?:llama-server|llama runner) process has terminated"

_MODELS: Final = (
    Row(
        r"pull model manifest: file does not exist",
        causes.unlisted,
        "Ollama's registry has no model {model}",
        f"look it up at https://ollama.com/search; {_NAMES}",
    ),
    Row(r"""model (""|'') not found|^model is required""", causes.request, "the request names no model", _NAMES),
    Row(
        r"""model ["'](?P<name>[^"']+)["'] not found""",
        causes.missing,
        "Ollama at {host} has no model '{name}'",
        "`llmspell model pull ollama/{name}` fetches it, `llmspell model list` shows what is there",
    ),
    Row(
        r"model.*not found",
        causes.missing,
        "Ollama at {host} has no {model}",
        "`llmspell model list` shows what is there",
        (404,),
    ),
    Row(r"invalid model name|name \".*\" is invalid", causes.request, "{model} can't be a model's name", _NAMES),
    Row(
        r"does not support tools",
        option("tools"),
        "{model} takes no tools",
        "leave them out, or take one of https://ollama.com/search?c=tools",
    ),
    Row(
        r"does not support thinking",
        option("think"),
        "{model} can't think before it answers",
        "leave out 'think', or take one of https://ollama.com/search?c=thinking",
    ),
    Row(
        r"does not support multimodal|image input is not supported|does not support (images|vision)",
        option("images"),
        "{model} sees no images",
        "leave them out, or take one of https://ollama.com/search?c=vision",
    ),
    Row(
        r"does not support (chat|generate|completion)",
        causes.unusable,
        "{model} turns texts into vectors and can't chat",
        "take a chat model; vectors are made by Embedding in Lua and by `llmspell embed`",
    ),
    Row(
        r"does not support embed",
        causes.unusable,
        "{model} is a chat model, of which Ollama makes no vectors",
        "take an embedding model, as all-minilm or nomic-embed-text",
    ),
)

_REQUESTS: Final = (
    Row(
        r"exceeds the available context size|prompt is longer than the context length",
        causes.overflow,
        "the prompt is longer than the context of {model}",
        _CONTEXT,
    ),
    Row(
        r"input length exceeds (the |maximum )*context length",
        causes.overflow,
        "a text is longer than {model} can read",
        "split it into shorter texts",
    ),
    Row(
        r"^invalid think value: (?P<value>\"[^\"]*\"|\S+)",
        causes.request,
        "'think' can't be {value}",
        'it is true, false, "low", "medium", "high" or "max"',
    ),
    Row(
        r"^time: (missing unit|invalid duration|unknown unit).* duration (?P<value>.*)",
        causes.request,
        "'keep_alive' can't be {value}",
        'write seconds, as 300 or -1 for ever, or a duration as "5m" or "1h30m"',
    ),
    Row(
        r"^option \"(?P<name>\w+)\" must be (?P<kind>.*)",
        causes.request,
        "the option '{name}' must be {kind}",
        "correct it where the request is made",
    ),
    Row(
        r"schema conversion failed:? *(?P<why>.*)",
        option("format"),
        "Ollama can't hold {model} to the schema of the answer or of a tool: {why}",
        "use types, properties, required, items, enum and anyOf only, and patterns from ^ to $",
    ),
    Row(r"^invalid format", option("format"), "Ollama takes no such format: {text}", "give a JSON schema"),
    Row(
        r"illegal base64 data|failed to (decode|load) image",
        causes.request,
        "Ollama can't read an image: {text}",
        "send a file that is a PNG or JPEG",
    ),
    Row(
        r"^(missing request body|unexpected EOF|invalid character|json: |invalid input type|raw mode|top_logprobs)",
        causes.request,
        "Ollama can't read the request: {text}",
        OURS,
        (400, 500),
    ),
)

_RUNNING: Final = (
    Row(
        r"out.of.memory|requires more system memory|unable to allocate|cudaMalloc failed",
        causes.unusable,
        "there is not enough memory where Ollama runs for {model}: {text}",
        "take a smaller model or [providers.ollama] context_length, or unload others: `llmspell model ps`",
    ),
    Row(
        r"error starting llama-server|llama-server binary not found",
        provider(ProviderUnavailable, retryable=False),
        "Ollama at {host} is installed only in part: the program that runs models is missing",
        "install it again: https://ollama.com/download",
    ),
    Row(
        r"timed out waiting for (llama-server|llama runner) to start",
        provider(ProviderTimeout),
        "Ollama gave up loading {model}, because it took too long",
        "try again, or raise OLLAMA_LOAD_TIMEOUT where Ollama runs",
    ),
    Row(
        _LOAD + r":? *(?P<why>signal: .*)",
        causes.unusable,
        "Ollama can't load {model}: the process that should run it was ended ({why})",
        f"memory may have run out, or Ollama was built for another CPU; {LOG}",
    ),
    Row(
        _LOAD + r":? *(?P<why>.*)|(?P<what>(unable to load|error loading) model.*)",
        causes.unusable,
        "Ollama can't load {model} ({why}{what})",
        f"its file may be damaged, or too new for this Ollama; {LOG}",
    ),
    Row(
        r"encountered while running the model|model runner has unexpectedly stopped|runner process no longer running"
        r"|Post \"http://127\.0\.0\.1:\d+/[^\"]*\": ",
        provider(ProviderCrashed),
        "the process that ran {model} in Ollama died",
        f"try again, Ollama starts another one; {LOG}",
    ),
    Row(
        r"contains NaN or Inf",
        provider(ProviderError, retryable=False),
        "{model} made a vector with values that are no numbers",
        "leave out the text that does it, or take another model",
    ),
    Row(
        r"token repeat limit reached",
        provider(ProviderError, retryable=True),
        "{model} said the same over and over, and Ollama stopped it",
        "raise temperature or repeat_penalty, or take another model",
    ),
    Row(
        r"server busy|maximum pending requests",
        provider(RateLimited),
        "Ollama at {host} has too many requests waiting",
        "try again later, or raise OLLAMA_MAX_QUEUE where Ollama runs",
    ),
    Row(r"", provider(RateLimited), "Ollama asks to slow down: {text}", "try again later", (429,)),
    Row(
        r"(request|context) canceled",
        provider(ProviderError, retryable=True),
        "Ollama at {host} stopped the request",
        "try again",
    ),
)

_CLOUD: Final = (
    Row(
        r"cloud is disabled",
        provider(ProviderUnavailable, retryable=False),
        "{model} runs in Ollama's cloud, which Ollama at {host} doesn't use",
        "take a model that runs there itself, or start Ollama without OLLAMA_NO_CLOUD",
    ),
    Row(
        r"https://ollama\.com[:/]",
        provider(ProviderUnavailable),
        "Ollama at {host} can't reach its cloud for {model}: {text}",
        "check the network there, or take a model that runs there itself",
        (502,),
    ),
)

_PULLS: Final = (
    Row(
        r"requires a newer version of Ollama",
        causes.pull,
        "{model} needs a newer Ollama than the one at {host}",
        "install a newer one there: https://ollama.com/download",
    ),
    Row(
        r"manifest: .*(unauthorized|access denied)|manifest: 40[13]",
        causes.pull,
        "the registry doesn't hand out {model}: {text}",
        "check its name; what isn't public needs `ollama signin` where Ollama runs",
    ),
    Row(
        r"does not look like a TLS handshake",
        causes.pull,
        "the registry of {model} speaks no https: {text}",
        "fetch it by `ollama pull --insecure`",
    ),
    Row(
        r"dial tcp|no such host|network is unreachable",
        causes.pull,
        "Ollama can't reach the registry of {model}: {text}",
        "check the network where Ollama runs, and HTTPS_PROXY there",
    ),
    Row(
        r"max retries exceeded|connection reset|unexpected EOF|i/o timeout",
        causes.pull,
        "fetching {model} broke off: {text}",
        "pull it again; it goes on where it stopped",
    ),
    Row(r"digest mismatch", causes.pull, "what came of {model} is damaged: {text}", "pull it again"),
    Row(
        r"no space left|not enough space",
        causes.pull,
        "the disk is full where Ollama runs: {text}",
        "remove models there, then pull again; it goes on where it stopped",
    ),
    Row(r"^pull model manifest: ", causes.pull, "the registry can't give {model}: {text}", "try again later"),
)

_STRANGERS: Final = (
    Row(
        r"^<(?:!doctype|html|\?xml)(?:.*<title>(?P<title>[^<]*))?",
        provider(ProviderUnavailable),
        "what answers at {host} is no Ollama but a web page: {title}",
        f"it may be a proxy whose Ollama doesn't run; {_HOST}",
    ),
    Row(
        r"",
        provider(ProviderUnavailable, retryable=False),
        "what answers at {host} is no Ollama, or too old for this: {text}",
        f"{_HOST}, or install a newer Ollama",
        (404, 405),
    ),
    Row(
        r"^$",
        provider(ProviderUnavailable, retryable=False),
        "Ollama at {host} takes no requests under this host name",
        "name it by its IP address or localhost, or let it listen everywhere: OLLAMA_HOST=0.0.0.0 where it runs",
        (403,),
    ),
)

ROWS: Final = (*_MODELS, *_REQUESTS, *_RUNNING, *_CLOUD, *_PULLS, *_STRANGERS)
"""Looked through from the top; the first that fits counts."""
