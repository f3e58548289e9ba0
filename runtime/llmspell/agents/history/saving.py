"""`agent:save` and `Agent.load`: an agent's settings and conversation, by name.

What a script hands over as functions can't be kept: tools are remembered by their names, and that calls had to be
approved is remembered, so that nobody goes on without it unawares.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llmspell.agents.conversation import Conversation
from llmspell.agents.history.conversations import Conversations, Saved
from llmspell.errors import InvalidRequest, ToolNotFound

if TYPE_CHECKING:
    from llmspell.agents.agent import Agent
    from llmspell.agents.config import AgentConfig
    from llmspell.agents.registry import Registry


async def save(agent: Agent, name: str, *, approved: bool = False) -> None:
    """Keep an agent's settings and its conversation under a name, in place of what had it.

    ``approved`` says that somebody has to approve its tool calls.

    Raises:
        InvalidRequest: the name can't be one. StorageError: it could not be written.
    """
    settings = settings_of(agent.config)
    if approved:
        settings["approve"] = True
    messages = agent.conversation.messages
    await asyncio.to_thread(Conversations().save, name, agent.config.model, settings, messages)


async def load(registry: Registry, name: str, overrides: Mapping[str, Any] | None = None) -> Agent:
    """An agent that goes on from a saved conversation; ``overrides`` are fields of `Agent.create` in place of saved
    ones, ``approve = False`` among them.

    Raises:
        InvalidRequest: nothing was saved under the name, or the agent needs what only the script can give.
        StorageError: it could not be read.
    """
    overrides = overrides or {}
    settings, messages = await asyncio.to_thread(Conversations().load, name)
    if settings.pop("approve", False) and "approve" not in overrides:
        raise InvalidRequest(
            f"the tool calls of the saved conversation '{name}' had to be approved",
            hint=f'Agent.load("{name}", {{ approve = function(call) … end }}), or approve = false to do without',
        )
    given = {**settings, **overrides}
    if given.get("approve") is False:
        del given["approve"]
    try:
        agent = registry.create(given)
    except ToolNotFound as error:
        names = ", ".join(tool if tool == error.tool else f'"{tool}"' for tool in settings.get("tools", ()))
        raise InvalidRequest(
            f"the saved conversation '{name}' used a tool that isn't here now: {error.message}",
            hint=f'pass it with the others: Agent.load("{name}", {{ tools = {{ {names} }} }})',
        ) from error
    agent.conversation = Conversation(agent.config.max_conversation_length, messages)
    return agent


async def saved() -> list[Saved]:
    """The saved conversations, the latest first."""
    return await asyncio.to_thread(Conversations().all)


async def forget(name: str) -> bool:
    """Delete a saved conversation; False if there is none of that name."""
    return await asyncio.to_thread(Conversations().delete, name)


def settings_of(config: AgentConfig) -> dict[str, Any]:
    """The fields of `Agent.create` that make an agent of the same settings; what is not set is left out."""
    fields = {name: getattr(config, name) for name in _KEPT}
    fields["context"] = config.context.policy
    if config.context.policy == "summarize":
        fields["context"] = {name: value for name, value in asdict(config.context).items() if value is not None}
    return {name: value for name, value in fields.items() if value not in (None, (), {}, [])}


_KEPT = (
    *(
        "model",
        "fallback",
        "cache",
        "max_cost",
        "name",
        "description",
        "system_prompt",
        "options",
        "timeout",
        "format",
        "type",
    ),
    *("tools", "max_rounds", "tool_mode", "tool_timeout", "max_retries", "skills", "logs"),
    *("max_conversation_length", "capabilities", "resource_limits"),
)
