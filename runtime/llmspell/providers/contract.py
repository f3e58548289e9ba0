"""The provider contract: the values that cross it and the class that a provider is.

A chat is one stream of events. It ends in exactly one `Finish`, or raises one error of `llmspell.errors`. The host
assembles messages, makes missing ids, parses JSON, validates arguments and runs tools; a provider never does.
All values are frozen; sizes are bytes, times are seconds unless the name says otherwise, counts are tokens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from llmspell.errors import LLMSpellError
from llmspell.models.names import ModelRef
from llmspell.secrets import scrubbed

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
"""What `json.loads` gives, and what every value from outside is reduced to."""

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


# ── what goes in ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told about it; ``parameters`` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as the bytes of its file; ``media_type`` is image/png or the like."""

    data: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    ``tool_calls`` are the calls an assistant made, ``tool_call_id`` names the call that a ``tool`` message answers.
    ``images`` belong to a user's message; a provider whose model sees none refuses the option ``images``.
    ``provider_data`` holds what a provider wants back untouched (signatures, cache markers), by provider name.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    images: tuple[Image, ...] = ()
    provider_data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of one request in seconds; None means no limit."""

    connect: float | None = 5.0
    first_event: float | None = None
    between_events: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call of a model.

    ``format`` is a JSON schema that the answer must satisfy. ``options`` uses the names of `OPTIONS`, and the
    provider's own names beside them; what a provider can't honour it refuses with `UnsupportedOption`.
    """

    model: ModelRef
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    format: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    timeouts: Timeouts = Timeouts()


OPTIONS: Mapping[str, tuple[type, ...]] = {
    "temperature": (int, float),
    "max_tokens": (int,),
    "top_p": (int, float),
    "top_k": (int,),
    "min_p": (int, float),
    "seed": (int,),
    "stop": (str, list, tuple),
    "repeat_penalty": (int, float),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
}
"""The sampling options that mean the same at every provider, with the types that they take."""


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts to turn into vectors, answered in the same order."""

    model: ModelRef
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A text to go on with as it stands: no chat template, no roles. ``format`` and ``options`` as in `ChatRequest`."""

    model: ModelRef
    prompt: str
    format: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Asks how likely ``text`` is after each of the ``prefixes``, all as they stand, without the chat template."""

    model: ModelRef
    prefixes: tuple[str, ...]
    text: str


# ── what comes out ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A further piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A further piece of what the model thinks before it answers."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called. ``arguments`` is the JSON text as it came, or a mapping."""

    id: str | None
    name: str
    arguments: str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request. ``cached_tokens`` is the part of the input that needed no new computing.

    ``cost`` is in USD: a provider gives it where its server says so, else the host works it out; None where nobody
    knows. It is no part of what makes two of them equal.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = field(default=None, compare=False)

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self._cost_with(other),
        )

    def _cost_with(self, other: Usage) -> float | None:
        """What both cost together: known where it is of each that has any tokens."""
        parts = [part.cost for part in (self, other) if part.total_tokens or part.cost is not None]
        known = [cost for cost in parts if cost is not None]
        return sum(known) if known and len(known) == len(parts) else None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user should know and that is no part of the answer; ``debug`` is for those who ask with -v.

    No secret stays in its text.
    """

    text: str
    level: Literal["info", "debug"] = "info"

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", scrubbed(self.text))


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """How far the model has read the prompt, in tokens; sent where reading takes long."""

    processed: int
    total: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a good stream. ``model`` is what the provider says it ran.

    ``provider_data`` is what the provider wants back with this answer in later requests, by its own name; the host puts
    it into the answer's `Message`. ``cached`` is set by the host where the answer is one of an earlier request.
    """

    reason: FinishReason
    model: str
    usage: Usage
    provider_data: Mapping[str, Any] = field(default_factory=dict)
    cached: bool = False


ChatEvent: TypeAlias = TextDelta | ReasoningDelta | ToolCall | Usage | Notice | PromptProgress | Finish


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """One vector per text, in order.

    ``errors`` says what is wrong with single texts, by their place from 0 on; the vector of such a text is ``()``. What
    goes for all of them is raised instead.
    """

    vectors: tuple[tuple[float, ...], ...]
    model: str
    usage: Usage
    errors: Mapping[int, LLMSpellError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """For each prefix, in order, the sum of ``ln P(token | what stands before it)`` over the tokens of the text:
    numbers of at most 0, from the model's distribution before any sampling."""

    log_probabilities: tuple[float, ...]
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model; None means that nobody knows, never a guess.

    ``id`` is ``name[:variant]`` as the provider takes it. ``modified_at`` counts seconds since 1970.
    ``capabilities`` holds any of chat, tools, json_schema, vision, thinking, embed; None where unknown.
    ``source`` says where the files are or come from, in words. ``recommended`` is why a newcomer should take this one.
    ``context_length`` is what the model was trained for, ``window`` what a chat gets here, prompt and answer together.
    """

    id: str
    provider: str
    size_bytes: int | None = None
    quantization: str | None = None
    parameter_count: str | None = None
    context_length: int | None = None
    architecture: str | None = None
    format: str | None = None
    capabilities: frozenset[str] | None = None
    modified_at: float | None = None
    path: str | None = None
    loaded: bool | None = None
    source: str | None = None
    recommended: str | None = None
    window: int | None = None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is in memory now.

    ``engine`` says what runs it, in words. ``pid`` is the process that holds it, where that is one of llmspell's, and
    ``program`` the command line that it belongs to, where it isn't this one.
    ``expires_at`` counts seconds since 1970; None where it stays until it is unloaded or pushed out.
    """

    id: str
    provider: str = ""
    memory_bytes: int | None = None
    context_length: int | None = None
    engine: str | None = None
    pid: int | None = None
    expires_at: float | None = None
    program: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """How a provider is. ``error`` says what is wrong and what to do when ``ready`` is false.

    ``loaded`` names the models that are in the memory of a server; empty too where nobody says. No secret stays in
    ``error``.
    """

    ready: bool
    version: str | None = None
    models: int = 0
    error: str | None = None
    loaded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.error is not None:
            object.__setattr__(self, "error", scrubbed(self.error))


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is; ``status`` one of starting, downloading, verifying, complete.

    ``model`` comes with ``complete``: the id under which the model is here now.
    """

    status: Literal["starting", "downloading", "verifying", "complete"]
    bytes_downloaded: int = 0
    bytes_total: int | None = None
    model: str | None = None


class Provider:
    """What a plugin's factory returns. Every verb is optional: a provider overrides those that it has.

    All verbs run on one event loop. None may block it: `llmspell.providers.blocking` has a base class for engines
    and SDKs that block. When the task that awaits a verb is cancelled, the work stops: a connection is closed, an
    engine stops decoding.
    """

    name: str = ""
    sees_images: ClassVar[bool] = False
    """Whether a chat passes on the images of its messages; where not, the hub refuses them."""

    async def status(self) -> ProviderStatus:
        """Say how the provider is. Never raises; answers within 2 s."""
        return ProviderStatus(ready=True)

    async def models(self) -> Sequence[ModelInfo]:
        """List the models that a chat could use now."""
        raise NotImplementedError

    async def available(self) -> Sequence[ModelInfo]:
        """List the models that `pull` could fetch by name."""
        raise NotImplementedError

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        """Answer, as a stream of events that ends in one `Finish` or raises one error."""
        raise NotImplementedError

    def complete(self, request: CompletionRequest) -> AsyncIterator[ChatEvent]:
        """Go on with a text, as a stream of events like that of `chat`."""
        raise NotImplementedError

    async def score(self, request: ScoreRequest) -> ScoreResult:
        """Say how likely a text is after each of some prefixes."""
        raise NotImplementedError

    async def count(self, request: ChatRequest) -> int:
        """Count the tokens of a chat's prompt, as `chat` would send it; nothing is computed."""
        raise NotImplementedError

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        """Turn texts into vectors."""
        raise NotImplementedError

    async def load(self, ref: ModelRef) -> None:
        """Bring a model into memory before its first request; raises what `chat` would."""
        raise NotImplementedError

    async def loaded(self) -> Sequence[LoadedModel]:
        """List the models that are in memory now."""
        raise NotImplementedError

    async def unload(self, ref: ModelRef) -> bool:
        """Give a model's memory back; False if it was not loaded. Raises `ModelError` while it is in use."""
        raise NotImplementedError

    def pull(self, ref: ModelRef) -> AsyncIterator[PullProgress]:
        """Fetch a model; ends after one event ``complete`` or raises one error."""
        raise NotImplementedError

    async def info(self, ref: ModelRef) -> ModelInfo:
        """Say all that is known of one model; raises `ModelNotFound`."""
        raise NotImplementedError

    async def remove(self, ref: ModelRef) -> None:
        """Delete a model's files; raises `ModelNotFound`."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Give back what the provider holds. Called once, last."""

    @classmethod
    def can(cls, verb: str) -> bool:
        """Whether this provider has the verb, that is, overrides it."""
        return getattr(cls, verb) is not getattr(Provider, verb)
