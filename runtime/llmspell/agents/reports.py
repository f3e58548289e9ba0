"""What an agent says of itself, in the shapes that the Rust llmspell's scripts read."""

from __future__ import annotations

import sys
import time
from typing import Any

from llmspell.agents.agent import Agent
from llmspell.agents.config import FIELDS
from llmspell.agents.result import usage_fields
from llmspell.providers.contract import OPTIONS, Message

CAPABILITIES = ("chat", "conversation", "streaming", "structured_output", "tools")
TYPE = "llm"


def message_fields(message: Message) -> dict[str, Any]:
    """A message as scripts see it."""
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        fields["tool_calls"] = [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in message.tool_calls]
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    return fields


def config(agent: Agent) -> dict[str, Any]:
    """The settings in force, defaults included."""
    own = agent.config
    return {
        "name": agent.name,
        "description": own.description,
        "type": own.type,
        "model": own.model,
        "system_prompt": own.system_prompt,
        "temperature": own.options.get("temperature"),
        "max_tokens": own.options.get("max_tokens"),
        "options": dict(own.options),
        "timeout": own.timeout,
        "format": own.format,
        "max_conversation_length": own.max_conversation_length,
        "tools": list(own.tools),
        "allowed_tools": list(own.tools),
        "max_rounds": own.max_rounds,
        "tool_mode": own.tool_mode,
        "tool_timeout": own.tool_timeout,
        "max_retries": own.max_retries,
        "fallback": list(own.fallback),
        "cache": own.cache,
        "max_cost": own.max_cost,
        "capabilities": list(own.capabilities),
        "resource_limits": dict(own.resource_limits),
    }


def metrics(agent: Agent) -> dict[str, Any]:
    """Counts since the agent was made. ``memory_bytes`` is what its conversation takes, ``cpu_percent`` the share of
    one processor that the whole process has used."""
    counters = agent.counters
    return {
        "agent_id": f"agent_{agent.id}",
        "requests_total": counters.total,
        "requests_failed": counters.failed,
        "requests_active": counters.active,
        "tool_invocations": counters.tools,
        "memory_bytes": sum(
            sys.getsizeof(m.content) + sum(len(image.data) for image in m.images) for m in agent.conversation.messages
        ),
        "cpu_percent": round(100 * time.process_time() / max(time.monotonic() - _STARTED, 0.001), 1),
        "usage": usage_fields(counters.usage),
        "cost": counters.usage.cost if counters.usage.total_tokens else 0.0,
    }


def health(agent: Agent) -> dict[str, Any]:
    """Whether the latest turn went well; ``timestamp`` counts seconds since 1970."""
    error = agent.counters.last_error
    return {
        "status": "healthy" if error is None else "unhealthy",
        "message": "ready" if error is None else f"the latest turn failed: {error}",
        "timestamp": int(agent.counters.changed_at),
    }


def performance(agent: Agent) -> dict[str, Any]:
    """Averages over all turns; rates are from 0 to 1, and a turn that was broken off counts in neither."""
    counters = agent.counters
    done = counters.total - counters.active
    return {
        "total_executions": done,
        "avg_execution_time_ms": round(counters.busy_ms / done, 3) if done else 0.0,
        "success_rate": counters.finished / done if done else 0.0,
        "error_rate": counters.failed / done if done else 0.0,
    }


def state_name(agent: Agent) -> str:
    """``running`` during a turn, ``error`` after a failed one, otherwise ``ready``."""
    if agent.counters.active:
        return "running"
    return "ready" if agent.counters.last_error is None else "error"


def state(agent: Agent) -> dict[str, Any]:
    """What the agent is doing and what it remembers."""
    return {
        "agent_id": f"agent_{agent.id}",
        "name": agent.name,
        "state": state_name(agent),
        "messages": [message_fields(message) for message in agent.messages()],
    }


def details(agent: Agent) -> dict[str, Any]:
    """Everything at once."""
    return {
        "id": f"agent_{agent.id}",
        "name": agent.name,
        "description": agent.config.description,
        "type": agent.config.type,
        "model": agent.config.model,
        "state": state_name(agent),
        "metrics": metrics(agent),
        "config": config(agent),
        "capabilities": [*CAPABILITIES, *agent.config.capabilities],
        "composition": {"is_composite": False, "agents": []},
    }


def type_info() -> dict[str, Any]:
    """What an agent of the one type takes."""
    return {
        "name": TYPE,
        "description": "An agent that answers with a language model and remembers the conversation",
        "category": "agent",
        "complexity": "simple",
        "required_parameters": [],
        "optional_parameters": sorted({*FIELDS} - {"api_key", "base_url", *OPTIONS} | {"temperature", "max_tokens"}),
        "capabilities": list(CAPABILITIES),
    }


_STARTED = time.monotonic() - time.process_time()
