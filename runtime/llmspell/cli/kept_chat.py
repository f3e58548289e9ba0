"""The conversation of `llmspell chat`, kept to go on with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from llmspell.errors import InvalidRequest, UsageError

if TYPE_CHECKING:
    from llmspell.agents.agent import Agent
    from llmspell.agents.registry import Registry

LATEST: Final = "latest chat"
"""The name of the chat that was given none."""


class KeptChat:
    """A chat among the saved conversations, under ``name`` or as the latest one.

    What is kept is what was asked for, and the model: the rest is what llmspell.toml says when it is gone on with.
    """

    def __init__(self, name: str | None) -> None:
        from llmspell.agents.history.conversations import check_name

        try:
            self._name = LATEST if name is None else check_name(name)
        except InvalidRequest as error:
            raise UsageError(f"--name: {error.message}", hint=error.hint) from None
        self._named = name is not None
        self._settings: Mapping[str, Any] = {}

    async def begin(self, agents: Registry, given: Mapping[str, Any], *, goes_on: bool) -> Agent:
        """The agent of the chat with what was said in it; ``given`` are fields in place of those that are kept.

        A chat with a name is gone on with where there is one; ``goes_on`` is for the others, and wants that there is.

        Raises:
            UsageError: there is none.
            InvalidRequest: it is one of a script's, and can only go on there.
            StorageError: it can't be read.
        """
        from llmspell.agents.conversation import Conversation

        found = await asyncio.to_thread(self._found) if goes_on or self._named else None
        if found is None:
            if goes_on:
                raise UsageError(f"there is no {self._shown} to go on with", hint="without -c a new one begins")
            self._settings = {"name": "chat", **given}
            return agents.create(self._settings)
        settings, messages = found
        if settings.get("approve"):
            raise InvalidRequest(
                f"the tool calls of the saved conversation '{self._name}' had to be approved",
                hint=f'Agent.load("{self._name}", {{ approve = function(call) … end }}) goes on with it',
            )
        self._settings = {**settings, **given}
        agent = agents.create(self._settings)
        agent.conversation = Conversation(agent.config.max_conversation_length, messages)
        return agent

    async def keep(self, agent: Agent) -> None:
        """Keep the chat as it is now.

        Raises:
            StorageError: it can't be written.
        """
        from llmspell.agents.history.conversations import Conversations

        model, messages = agent.config.model, agent.conversation.messages
        await asyncio.to_thread(Conversations().save, self._name, model, {**self._settings, "model": model}, messages)

    @property
    def _shown(self) -> str:
        return f"chat '{self._name}'" if self._named else self._name

    def _found(self) -> Any:
        from llmspell.agents.history.conversations import Conversations

        kept = Conversations()
        return kept.load(self._name) if any(saved.name == self._name for saved in kept.all()) else None
