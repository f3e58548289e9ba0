"""llmspell runs agent programs written in Lua against any language model, local first.

This module is the façade for plugin authors and embedders. Names are imported on first use, because every command
imports this module and most need none of them.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing, whose import would take half the time of `llmspell --version`

__version__ = "0.1.0"

_HOMES = {
    "ChatEvent": "providers.contract",
    "ChatRequest": "providers.contract",
    "Command": "plugins.values",
    "CompletionRequest": "providers.contract",
    "EmbedRequest": "providers.contract",
    "EmbedResult": "providers.contract",
    "Finish": "providers.contract",
    "Image": "providers.contract",
    "LoadedModel": "providers.contract",
    "LuaModule": "plugins.values",
    "Message": "providers.contract",
    "ModelInfo": "providers.contract",
    "ModelRef": "models.names",
    "Notice": "providers.contract",
    "PromptProgress": "providers.contract",
    "Provider": "providers.contract",
    "ProviderSettings": "plugins.values",
    "ProviderSpec": "plugins.values",
    "ProviderStatus": "providers.contract",
    "PullProgress": "providers.contract",
    "ReasoningDelta": "providers.contract",
    "ScoreRequest": "providers.contract",
    "ScoreResult": "providers.contract",
    "TextDelta": "providers.contract",
    "Timeouts": "providers.contract",
    "Tool": "plugins.values",
    "ToolCall": "providers.contract",
    "ToolContext": "plugins.tool_context",
    "ToolSpec": "providers.contract",
    "Usage": "providers.contract",
    "errors": "",
    "hookimpl": "plugins.hookspecs",
    "tool": "plugins.functions",
}

if TYPE_CHECKING:
    from typing import Any

    from llmspell import errors
    from llmspell.models.names import ModelRef
    from llmspell.plugins.functions import tool
    from llmspell.plugins.hookspecs import hookimpl
    from llmspell.plugins.tool_context import ToolContext
    from llmspell.plugins.values import Command, LuaModule, ProviderSettings, ProviderSpec, Tool
    from llmspell.providers.contract import (
        ChatEvent,
        ChatRequest,
        CompletionRequest,
        EmbedRequest,
        EmbedResult,
        Finish,
        Image,
        LoadedModel,
        Message,
        ModelInfo,
        Notice,
        PromptProgress,
        Provider,
        ProviderStatus,
        PullProgress,
        ReasoningDelta,
        ScoreRequest,
        ScoreResult,
        TextDelta,
        Timeouts,
        ToolCall,
        ToolSpec,
        Usage,
    )

__all__ = [
    "ChatEvent",
    "ChatRequest",
    "Command",
    "CompletionRequest",
    "EmbedRequest",
    "EmbedResult",
    "Finish",
    "Image",
    "LoadedModel",
    "LuaModule",
    "Message",
    "ModelInfo",
    "ModelRef",
    "Notice",
    "PromptProgress",
    "Provider",
    "ProviderSettings",
    "ProviderSpec",
    "ProviderStatus",
    "PullProgress",
    "ReasoningDelta",
    "ScoreRequest",
    "ScoreResult",
    "TextDelta",
    "Timeouts",
    "Tool",
    "ToolCall",
    "ToolContext",
    "ToolSpec",
    "Usage",
    "__version__",
    "errors",
    "hookimpl",
    "tool",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'llmspell' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(f"llmspell.{home}"), name) if home else import_module(f"llmspell.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
