"""The options of a session as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from llmspell.repl.option_table import Option, find

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell


class Options:
    """The options of the REPL itself as they are now; whoever goes by one looks at it each time."""

    def __init__(self, shell: Shell) -> None:
        start = shell.settings.repl
        self.editing: Literal["emacs", "vi"] = start.editing
        self.highlight: bool = start.highlight
        self.completion: bool = start.completion
        self.history: bool = start.history
        self.timing: bool = start.timing
        self.print_depth: int = start.print_depth
        self.print_items: int = start.print_items
        self.print_text: int = start.print_text
        self.print_width: int | None = start.print_width
        self._shell = shell
        self._told: dict[str, int] = {}

    def set(self, name: str, text: str) -> bool:
        """Give an option another value, at once; ``default`` gives it back the one of the configuration. False where
        the chat's agent can't have it, which was said.

        Raises:
            UsageError: there is no such option, or the value is wrong.
        """
        option = find(name)
        value = self._configured(option) if text == "default" else option.read(text)
        if option.field is not None:
            from llmspell.repl import chat

            return chat.change(self._shell, **{option.field: value})
        setattr(self, name, value)
        self._shell.refresh()
        return True

    def get(self, option: Option) -> Any:
        """The value of an option, of the REPL or the chat."""
        if option.field is None:
            return getattr(self, option.name)
        from llmspell.repl import chat

        agent = chat.current(self._shell)
        if agent is None:
            return self._configured(option)
        if option.field == "context":
            return agent.config.context.policy
        found = getattr(agent.config, option.field, None)
        return agent.config.options.get(option.field) if found is None else found

    def _configured(self, option: Option) -> Any:
        section, _, name = option.key.name.partition(".")
        return getattr(getattr(self._shell.settings, section), name) if name else option.key.default

    def tell_lua(self) -> None:
        """Let Lua know how values are printed, where that has changed since it was told."""
        limits = {
            "depth": self.print_depth,
            "items": self.print_items,
            "text": self.print_text,
            "width": self.print_width or self._shell.width,
        }
        for name, limit in limits.items():
            if self._told.get(name) != limit and self._shell.console.ask("set_inspect", name, limit):
                self._told[name] = limit
