"""The seam between the provider and an engine: load a file, answer chats from many threads, close."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from llmspell import ChatEvent, ChatRequest
from llmspell.errors import ConfigError, ProviderUnavailable
from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan

ENGINES = ("auto", "xllamacpp")
"""What ``[providers.gguf] engine`` may say."""


@dataclass(frozen=True, slots=True)
class Work:
    """One chat for an engine: the request, the id of its ``model``, its checked sampling ``options`` and the reduced
    ``schema``, if any.

    ``begins`` holds the characters with which an answer to the schema can begin; empty where that isn't known.
    """

    request: ChatRequest
    model: str
    options: Mapping[str, Any]
    schema: Mapping[str, Any] | None = None
    begins: str = ""


class Engine(Protocol):
    """A loaded model. Several chats may run at once."""

    @property
    def title(self) -> str:
        """Name and version, for people."""
        ...

    @property
    def idle(self) -> bool:
        """Whether no request runs or waits."""
        ...

    def chat(self, work: Work) -> AsyncGenerator[ChatEvent, None]:
        """Answer as a stream of events, a `Finish` last. Closing the stream stops the engine.

        Raises:
            ContextOverflow: the prompt leaves no room for an answer. Nothing was computed.
            LLMSpellError: any other failure.
        """
        ...

    def close(self) -> None:
        """Give the memory back. No chat runs any more."""
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
    try:
        import xllamacpp  # noqa: F401 - 34 MB of shared library, loaded when a model is
    except ImportError as error:
        raise ProviderUnavailable(
            f"no engine for GGUF models is installed ({error})",
            provider="gguf",
            hint="pip install 'llmspell[local]'",
            retryable=False,
        ) from None
    return "xllamacpp"


def load(name: str, metadata: Metadata, plan: Plan) -> Engine:
    """Load a model file with the engine that `choose` gave. Blocks for a second per gigabyte or so.

    Raises:
        ModelNotUsable: the engine can't run the file.
    """
    from llmspell_gguf.xllamacpp_engine import XllamacppEngine  # on first use: it imports the engine

    return XllamacppEngine(metadata, plan)
