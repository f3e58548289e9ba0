"""What the toolbar shows: found out after each input, so that drawing asks nobody."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell.agents.agent import Agent
    from llmspell.repl.shell import Shell


@dataclass(frozen=True, slots=True)
class State:
    """The chat's model, or the one that a chat would have, and what was used so far.

    ``backend`` is the provider that has answered last. ``context_used`` are the tokens of the conversation with the
    latest answer, ``context_window`` what there is room for; ``estimated`` says that the former are not counted.
    ``cost`` is that of this session, in USD; None where nothing had a price.
    """

    model: str
    backend: str | None = None
    context_used: int | None = None
    context_window: int | None = None
    estimated: bool = False
    cost: float | None = None


class Watch:
    """Keeps ``state`` up to date."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._windows: dict[str, int | None] = {}
        self.state = State(shell.session.model)

    def look(self) -> None:
        """Find out how things are now. Waits for nobody, but for Lua a moment; what fails is not shown."""
        try:
            self.state = self._look()
        except Exception:  # noqa: BLE001 - a toolbar is no reason to stop
            self.state = State(self._shell.session.model)
        self._shell.refresh()

    def _look(self) -> State:
        session = self._shell.session
        if not session.has_hub:  # nothing was asked yet, and no agent made
            return State(session.model)
        from llmspell.repl import chat

        totals = session.hub.ledger.totals
        cost = totals.cost if totals.cost > 0 else None
        agent = chat.current(self._shell)
        if agent is None:
            return State(session.model, cost=cost)
        model = agent.config.model
        backend = agent.last.provider or None if agent.last is not None else None
        if not agent.conversation.messages:
            return State(model, backend, cost=cost)
        self._ask_window(model)
        used, estimated = self._used(agent)
        return State(model, backend, used, self._windows.get(model), estimated, cost)

    def _used(self, agent: Agent) -> tuple[int, bool]:
        """The tokens of an agent's conversation, and whether that is an estimate."""
        last, said = agent.last, agent.conversation.messages[-1]
        if last and last.usage.total_tokens and not last.rounds and last.answers == 1 and said.content == last.text:
            return last.usage.total_tokens, False
        return self._shell.session.hub.estimates.tokens(agent.config.model, agent.messages()), True

    def _ask_window(self, model: str) -> None:
        """Have it found out what a model has room for, once; it is looked at again when that is known."""
        if model in self._windows:
            return
        self._windows[model] = None

        def wait() -> None:
            try:
                self._windows[model] = self._shell.console.wait(self._shell.session.hub.window(model))
            except Exception:  # noqa: BLE001 - the chat says why, if it matters
                return
            self.look()

        threading.Thread(target=wait, name="llmspell-window", daemon=True).start()
