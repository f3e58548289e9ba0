"""What an agent is made from: the fields that scripts give, checked and put into one shape.

The fields of the Rust llmspell's scripts are known too. Those with a meaning here are honoured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from llmspell.agents.context import ContextPolicy, read_policy
from llmspell.agents.tools.mode import MODES, Wanted
from llmspell.errors import InvalidRequest
from llmspell.plugins.values import Tool
from llmspell.providers.contract import OPTIONS
from llmspell.providers.requests import check_duration, check_options, check_seconds, describe
from llmspell.providers.schemas import check_schema

if TYPE_CHECKING:
    from llmspell.config.settings import Settings

_TEXTS = ("name", "description", "system_prompt", "prompt", "provider", "type", "agent_type", "base_url", "api_key")
_TABLES = ("options", "custom_config", "resource_limits")
_TOOLS = ("tools", "allowed_tools", "max_rounds", "tool_mode", "tool_timeout", "approve")
_LIMITS = ("max_execution_time_secs", "max_memory_mb", "max_tool_calls", "max_recursion_depth")
_MODEL = ("provider", "model_id", "temperature", "max_tokens", "settings")
FIELDS = (
    *_TEXTS,
    *_TABLES,
    *_TOOLS,
    *OPTIONS,
    *("model", "fallback", "timeout", "format", "max_retries", "skills", "capabilities", "logs", "cache", "max_cost"),
    *("context", "max_conversation_length", "memory_enabled", "context_window"),
)


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """An agent's settings, all of them plain values.

    ``fallback`` are the models to ask where ``model`` fails. ``tools`` are names; ``skills`` are too, or True for all
    that there are, or a mapping as `attach` takes it. ``tool_timeout`` is in seconds, and ``result_share`` the part of
    the context that one result may take. ``cache`` is how old an answer of an earlier
    request may be that is taken, in seconds, and ``max_cost`` what the agent may spend, in USD. ``unused`` names fields
    that were given and have no effect.
    """

    model: str
    fallback: tuple[str, ...] = ()
    name: str | None = None
    description: str | None = None
    system_prompt: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    format: Mapping[str, Any] | None = None
    max_conversation_length: int | None = None
    type: str = "llm"
    tools: tuple[str, ...] = ()
    max_rounds: int = 10
    tool_mode: Wanted = "auto"
    tool_timeout: float | None = None
    result_share: float = 0.25
    max_retries: int = 2
    context: ContextPolicy = field(default_factory=ContextPolicy)
    skills: Literal[True] | tuple[str, ...] | Mapping[str, Any] = ()
    logs: bool = True
    cache: float | None = None
    max_cost: float | None = None
    capabilities: tuple[str, ...] = ()
    resource_limits: Mapping[str, Any] = field(default_factory=dict)
    base_url: str | None = None
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where a script says nothing: ``-m`` or ``[models] default``, ``[agent]`` and ``[tools]``."""

    model: str
    system_prompt: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float | None = None
    max_rounds: int = 10
    result_share: float = 0.25
    max_retries: int = 2
    context: str = "error"
    cache: str | bool = False
    max_cost: float | None = None
    fallback: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings, model: str | None = None) -> Defaults:
        """Those of llmspell.toml; ``model`` goes before its own."""
        agent, tools = settings.agent, settings.tools
        return cls(
            model or settings.models.default,
            agent.system_prompt,
            agent.temperature,
            agent.max_tokens,
            agent.timeout,
            tools.max_rounds,
            tools.result_share,
            agent.max_retries,
            agent.context,
            agent.cache,
            agent.max_cost,
            tuple(agent.fallback),
        )


def read_config(given: Mapping[str, Any], defaults: Defaults) -> AgentConfig:
    """Check the fields of `Agent.create` and fill in the defaults.

    Raises:
        InvalidRequest: an unknown field (with the one that was meant), a wrong type or value; names field and value.
    """
    for name in given:
        if name not in FIELDS:
            raise _unknown(f"Agent.create has no field '{name}'", name, FIELDS)
    for name in _TEXTS:
        _expect(given, name, str, "a text")
    for name in _TABLES:
        _expect(given, name, Mapping, "a table")
    if "api_key" in given:
        raise InvalidRequest(
            "api_key: a script holds no keys", hint="set the provider's environment variable, or its key file"
        )
    custom = given.get("custom_config") or {}
    limits = _limits(given.get("resource_limits") or {})
    model = given.get("model")
    parts: Mapping[str, Any] = {}
    if isinstance(model, Mapping):
        parts = model
        for name in parts:
            if name not in _MODEL:
                raise _unknown(f"model has no field '{name}'", name, _MODEL)
        for name in ("provider", "model_id"):
            _expect(parts, name, str, "a text", "model.")
        _expect(parts, "settings", Mapping, "a table", "model.")
        model = parts.get("model_id")
    elif model is not None and not isinstance(model, str):
        raise InvalidRequest(f"model must be a model name, not {describe(model)}")
    timeout = given.get("timeout", limits.get("max_execution_time_secs", defaults.timeout))
    schema = given.get("format")
    length = given.get("max_conversation_length", custom.get("max_conversation_length"))
    if given.get("memory_enabled") is False:
        length = 0
    mode = given.get("tool_mode", "auto")
    if mode not in MODES:
        raise InvalidRequest(
            f"tool_mode must be one of {', '.join(MODES)}, not {describe(mode)}", hint='"auto" takes what the model can'
        )
    if given.get("approve") is not None and not callable(given["approve"]):
        raise InvalidRequest(
            f"approve must be a function, not {describe(given['approve'])}",
            hint='approve = function(call) return call.name ~= "process-executor" end',
        )
    if not isinstance(logs := given.get("logs", True), bool):
        raise InvalidRequest(f"logs must be true or false, not {describe(logs)}")
    seconds = given.get("tool_timeout")
    return AgentConfig(
        model=_spec(model, given.get("provider") or parts.get("provider"), defaults.model),
        fallback=defaults.fallback if given.get("fallback") is None else _names(given, "fallback"),
        name=given.get("name"),
        description=given.get("description"),
        system_prompt=given.get("system_prompt")
        or given.get("prompt")
        or custom.get("system_prompt")
        or defaults.system_prompt,
        options=_options(given, parts, defaults),
        timeout=None if timeout is None else check_seconds("timeout", timeout),
        format=None if schema is None else check_schema(schema),
        max_conversation_length=None if length is None else _count("max_conversation_length", length),
        type=given.get("type") or given.get("agent_type") or "llm",
        tools=tuple(tool if isinstance(tool, str) else tool.name for tool in _tools(given)),
        max_rounds=_count("max_rounds", given.get("max_rounds", defaults.max_rounds), 1),
        tool_mode=mode,
        tool_timeout=None if seconds is None else check_seconds("tool_timeout", seconds),
        result_share=defaults.result_share,
        max_retries=_count("max_retries", given.get("max_retries", defaults.max_retries)),
        context=read_policy(given.get("context", defaults.context)),
        skills=_skills(given),
        logs=logs,
        cache=check_duration("cache", given.get("cache", defaults.cache)),
        max_cost=_amount("max_cost", given.get("max_cost", defaults.max_cost)),
        capabilities=_names(given, "capabilities"),
        resource_limits=limits,
        base_url=given.get("base_url"),
        unused=("context_window",) if given.get("context_window") else (),
    )


def _tools(given: Mapping[str, Any]) -> tuple[str | Tool, ...]:
    own = given.get("tools") or ()
    if not isinstance(own, (list, tuple)) or not all(isinstance(tool, (str, Tool)) for tool in own):
        raise InvalidRequest(
            f"tools must be a list of names and tools, not {describe(own)}", hint='tools = { "calculator", my_tool }'
        )
    return (*own, *_names(given, "allowed_tools"))


def _skills(given: Mapping[str, Any]) -> Literal[True] | tuple[str, ...] | Mapping[str, Any]:
    value = given.get("skills")
    if value is True or isinstance(value, Mapping):
        return value
    return () if value is False else _names(given, "skills")


def _options(given: Mapping[str, Any], model: Mapping[str, Any], defaults: Defaults) -> dict[str, Any]:
    return check_options(
        {
            "temperature": defaults.temperature,
            "max_tokens": defaults.max_tokens,
            **(model.get("settings") or {}),
            **{name: model[name] for name in ("temperature", "max_tokens") if name in model},
            **(given.get("options") or {}),
            **{name: given[name] for name in OPTIONS if name in given},
        }
    )


def _spec(model: str | None, provider: str | None, default: str) -> str:
    if model is None:
        if provider is not None:
            raise InvalidRequest(f"provider '{provider}' without a model", hint=f'model = "{provider}/…"')
        return default
    if provider is None or model.lower().startswith(f"{provider.lower()}/"):
        return model
    return f"{provider}/{model}"


def _limits(given: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in given.items():
        if name not in _LIMITS:
            raise _unknown(f"resource_limits has no field '{name}'", name, _LIMITS)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise InvalidRequest(f"resource_limits.{name} must be a number above 0, not {describe(value)}")
    return given


def _names(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name)
    if isinstance(value, Mapping) and not value:
        return ()
    if value is None:
        return ()
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise InvalidRequest(f"{name} must be a list of names, not {describe(value)}")


def _count(name: str, value: Any, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1 or value < least:
        raise InvalidRequest(f"{name} must be an integer of at least {least}, not {describe(value)}")
    return int(value)


def _amount(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise InvalidRequest(f"{name} must be an amount of at least 0 in USD, not {describe(value)}")
    return float(value)


def _expect(given: Mapping[str, Any], name: str, kind: type, noun: str, prefix: str = "") -> None:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        if kind is Mapping and isinstance(value, list) and not value:
            return  # an empty Lua table may arrive as either
        raise InvalidRequest(f"{prefix}{name} must be {noun}, not {describe(value)}")


def _unknown(message: str, name: str, known: tuple[str, ...]) -> InvalidRequest:
    near = get_close_matches(str(name), known, n=1, cutoff=0.6)
    own = ", ".join(known[:40])
    return InvalidRequest(message, hint=f"did you mean '{near[0]}'?" if near else f"its fields are: {own}")
