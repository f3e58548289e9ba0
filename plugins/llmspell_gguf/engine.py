"""The seam between the provider and an engine: load a file, answer chats from many threads, close."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from llmspell import ChatEvent, ChatRequest, CompletionRequest, ScoreRequest, ToolSpec
from llmspell.errors import ConfigError, ContextOverflow, ProviderUnavailable
from llmspell_gguf.metadata import Metadata, check_vocabulary
from llmspell_gguf.sizing import Plan

ENGINES: Final = ("auto", "xllamacpp", "llama-cpp-python")
"""What ``[providers.gguf] engine`` may say."""
_PACKAGES: Final = {"xllamacpp": ("xllamacpp", "local"), "llama-cpp-python": ("llama_cpp", "gguf")}
"""By engine, in the order of choice: the module to import, and the extra of llmspell that installs it."""

WITH_TOOLS: Final = frozenset({"xllamacpp"})
"""The engines that tell a model's calls of tools from its text."""

FORMATTED_ANSWER: Final = 1024
"""What an answer in JSON may take at most where max_tokens is not given: it can't be paused inside its grammar."""


@dataclass(frozen=True, slots=True)
class Work:
    """One chat or completion for an engine: the request, the id of its ``model``, its checked sampling ``options`` and
    the reduced ``schema``, if any.

    ``begins`` holds the characters with which an answer to the schema can begin; empty where that isn't known. Where
    ``emit`` is given an engine may hand it events in its own thread, in place of the stream: that spares a wake-up.
    """

    request: ChatRequest | CompletionRequest
    model: str
    options: Mapping[str, Any]
    schema: Mapping[str, Any] | None = None
    begins: str = ""
    emit: Callable[[ChatEvent], None] | None = None

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """What a chat may call."""
        return self.request.tools if isinstance(self.request, ChatRequest) else ()

    def limit(self, context: int) -> int | None:
        """Tokens that the answer may have at most, in a context of so many; None where it may fill it."""
        given: int | None = self.options.get("max_tokens")
        return min(FORMATTED_ANSWER, context // 4) if given is None and self.schema is not None else given


@dataclass(frozen=True, slots=True)
class Embedded:
    """The ``vectors`` of some texts, in order and of length 1 each, and the ``tokens`` that were read."""

    vectors: tuple[tuple[float, ...], ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Scored:
    """How likely a text is after some prefixes; ``tokens`` are those of all prefixes, each with the text, and
    ``cached`` those that needed no new computing."""

    log_probabilities: tuple[float, ...]
    tokens: int
    cached: int


class Engine(Protocol):
    """A loaded model. Several requests may run at once. It either chats or, with ``Plan.embedding``, embeds."""

    @property
    def title(self) -> str:
        """Name and version, for people."""
        ...

    @property
    def idle(self) -> bool:
        """Whether no request runs or waits."""
        ...

    @property
    def crashed(self) -> bool:
        """Whether it can't answer any more; only one in a process of its own gets so far."""
        ...

    def chat(self, work: Work) -> AsyncGenerator[ChatEvent, None]:
        """Answer, or go on with a text, as a stream of events, a `Finish` last. Closing the stream stops the engine.

        A text is read as llama.cpp reads one by itself: with the token that the model wants at a beginning, and with
        the marks in it, such as ``<|im_end|>``, as the tokens that they name.

        Raises:
            ContextOverflow: the prompt leaves no room for an answer. Nothing was computed.
            LLMSpellError: any other failure.
        """
        ...

    async def score(self, request: ScoreRequest) -> Scored:
        """Say how likely a text, which is not empty, is after each prefix; `ScoreResult` says what the numbers are.
        Marks in the text are characters like others, those in a prefix are tokens, as in `chat`.

        Raises:
            ContextOverflow: a prefix and the text don't fit the context together.
            LLMSpellError: any other failure.
        """
        ...

    async def count(self, request: ChatRequest) -> int:
        """Say how many tokens `chat` would read for a request. Doesn't wait for others, and computes nothing.

        Raises:
            LLMSpellError: the chat template refuses the request, or the engine failed.
        """
        ...

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Turn texts into vectors.

        Raises:
            ContextOverflow: a text is longer than the context; the message says which.
            LLMSpellError: any other failure.
        """
        ...

    def close(self) -> None:
        """Give the memory back. No request runs any more."""
        ...


def check(name: Any) -> None:
    """Check a setting.

    Raises:
        ConfigError: no such engine.
    """
    if name not in ENGINES:
        raise ConfigError(
            f"[providers.gguf] engine = {name!r}: there is no such engine", hint=f"it is one of {', '.join(ENGINES)}"
        )


def choose(name: str) -> str:
    """Return the engine to use for a setting of `ENGINES`.

    Raises:
        ConfigError: no such engine.
        ProviderUnavailable: its package is not installed.
    """
    check(name)
    there = installed()
    if name == "auto" and there:
        return there[0]
    if name in there:
        return name
    what = "no engine for GGUF models is installed" if name == "auto" else f"the engine {name} is not installed"
    hint = f"pip install 'llmspell[{'local' if name == 'auto' else _PACKAGES[name][1]}]'"
    if there:
        hint += f', or set [providers.gguf] engine = "{there[0]}"'
    raise ProviderUnavailable(what, provider="gguf", hint=hint, retryable=False)


def installed() -> list[str]:
    """The engines that are installed, the one that "auto" takes first. Imports none of them."""
    return [name for name, (module, _) in _PACKAGES.items() if importlib.util.find_spec(module) is not None]


def score_overflow(context: int) -> ContextOverflow:
    """The error for a text that doesn't fit a context together with what it comes after."""
    message = f"a prefix and the text whose probability was asked for have more than {context} tokens together"
    return ContextOverflow(context, context + 1, message)


def load(name: str, metadata: Metadata, plan: Plan) -> Engine:
    """Load a model file with the engine that `choose` gave. Blocks for a second per gigabyte or so.

    Raises:
        ModelNotUsable: the engine can't run the file.
    """
    check_vocabulary(metadata.path)
    if name == "llama-cpp-python":
        from llmspell_gguf.llama_cpp_engine import LlamaCppEngine

        return LlamaCppEngine(metadata, plan)
    from llmspell_gguf.xllamacpp_engine import XllamacppEngine  # on first use: it imports the engine

    return XllamacppEngine(metadata, plan)
