"""What one agent may call, and what happens between a model's call and the tool."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from llmspell.agents.tools.mode import Modes
from llmspell.agents.tools.toolbox import Toolbox, not_found, plain_name
from llmspell.errors import InvalidRequest, LLMSpellError, ToolError
from llmspell.plugins.values import Tool
from llmspell.providers.contract import ToolCall, ToolSpec
from llmspell.providers.requests import describe

Approve = Callable[[Mapping[str, Any]], Awaitable[Any] | Any]
"""Gets a call as ``{id, name, arguments}``. True lets it run, false or nothing denies it, a text denies it and says
why, a table has the arguments to run it with."""


class ToolSet:
    """The tools of one agent, with the gate before them."""

    def __init__(
        self,
        tools: Sequence[Tool],
        toolbox: Toolbox,
        modes: Modes,
        *,
        approve: Approve | None = None,
        timeout: float | None = None,
    ) -> None:
        self.tools = tuple(tools)
        self.specs = tuple(ToolSpec(tool.name, tool.description, tool.parameters) for tool in tools)
        self.modes = modes
        self._toolbox = toolbox
        self._approve = approve
        self._timeout = timeout
        self._by_name = {tool.name: tool for tool in tools}
        self._alike = {plain_name(tool.name): tool for tool in tools}

    @property
    def gated(self) -> bool:
        """Whether somebody is asked before a call."""
        return self._approve is not None

    def find(self, name: str) -> Tool:
        """The tool that a model means.

        Raises:
            ToolNotFound: it has no such tool; the message is made for the model.
        """
        tool = self._by_name.get(name) or self._alike.get(plain_name(name))
        if tool is None:
            raise not_found(name, list(self._by_name))
        return tool

    async def approved(self, call: ToolCall, tool: Tool) -> ToolCall | ToolError:
        """The call as it may run, or why it may not.

        Raises:
            InvalidRequest: the gate gave something else than an answer, or arguments that break the schema.
            LLMSpellError: as the gate raised it; ToolError for what else it did.
        """
        if self._approve is None:
            return call
        answer = await self._answer({"id": call.id, "name": call.name, "arguments": call.arguments})
        if answer is True:
            return call
        if answer is None or answer is False:
            return ToolError("the user did not allow this call", tool=tool.name)
        if isinstance(answer, str):
            return ToolError(f"the user did not allow this call: {answer}", tool=tool.name)
        if isinstance(answer, Mapping):
            return read_call(ToolCall(call.id, call.name, answer), tool)
        raise InvalidRequest(
            f"approve must give true, false, a reason, or a table of arguments, not {describe(answer)}"
        )

    async def _answer(self, call: Mapping[str, Any]) -> Any:
        assert self._approve is not None
        try:
            answer = self._approve(call)
            return await answer if inspect.isawaitable(answer) else answer
        except LLMSpellError:
            raise
        except Exception as error:
            raise ToolError(f"approve failed: {type(error).__name__}: {error}", tool=call["name"]) from error

    async def run(self, call: ToolCall, tool: Tool, left: float | None) -> Any:
        """Run a call that may take ``left`` seconds; raises as `Toolbox.call` does."""
        assert isinstance(call.arguments, Mapping)
        return await self._toolbox.call(tool, call.arguments, self._timeout, most=left)


def read_call(call: ToolCall, tool: Tool) -> ToolCall:
    """The call with arguments that satisfy the tool's schema.

    Raises:
        InvalidRequest: they don't; the message names all that is wrong, for the model.
    """
    from llmspell.agents.tools.arguments import read_arguments

    return ToolCall(call.id, tool.name, read_arguments(call, tool.parameters))
