"""A chat template: messages become the text that the model was trained to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llmspell import Message, ToolCall
from llmspell.errors import InvalidRequest, ModelNotUsable
from llmspell_gguf.messages import as_turn


class Template:
    """A Jinja template, rendered in the sandbox that llama-cpp-python has for them. ``path`` is that of the model."""

    def __init__(self, text: str, path: str) -> None:
        """Read a template.

        Raises:
            ModelNotUsable: it is no Jinja.
        """
        from jinja2 import TemplateError
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        try:
            self._formatter = Jinja2ChatFormatter(text, eos_token="", bos_token="")
        except TemplateError as error:
            raise ModelNotUsable(
                f"{path}: its chat template can't be read: {error}",
                model=path,
                hint="set another one: [providers.gguf.chat_template]",
            ) from error

    def render(self, messages: Sequence[Message], first: str, last: str) -> str:
        """The prompt, up to where the answer begins; an answer at the end of the messages is gone on with.

        ``first`` and ``last`` are the model's marks around a text.

        Raises:
            InvalidRequest: the template refuses the messages.
        """
        begun = ""
        if messages and messages[-1].role == "assistant":
            begun = messages[-1].content
            messages = messages[:-1]
        self._formatter.bos_token, self._formatter.eos_token = first, last
        try:
            turns: list[Any] = [as_turn(message, _arguments) for message in messages]
            return self._formatter(messages=turns).prompt + begun
        except Exception as error:  # a template is a stranger's program
            raise InvalidRequest(
                f"the model's chat template refused the messages: {' '.join(str(error).split())}",
                hint="many take user and assistant in turns only, some no system message",
            ) from error


def _arguments(call: ToolCall) -> Any:
    """The arguments as a mapping, which is what templates expect; text that is no JSON stays text."""
    if not isinstance(call.arguments, str):
        return call.arguments
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments
