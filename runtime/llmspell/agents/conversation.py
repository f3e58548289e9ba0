"""What was said so far."""

from __future__ import annotations

from llmspell.providers.contract import Message


class Conversation:
    """Finished turns, oldest first, without the system prompt.

    A turn is the user's message and everything up to the model's answer. It is added as a whole or not at all, so
    that the history always holds what a model can go on from.
    """

    __slots__ = ("_messages", "limit", "version")

    def __init__(self, limit: int | None = None, messages: tuple[Message, ...] = ()) -> None:
        self.limit = limit
        self.version = 0
        self._messages = messages

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that are remembered."""
        return self._messages

    def with_turn(self, *turn: Message, history: tuple[Message, ...] | None = None) -> tuple[Message, ...]:
        """The messages with a further turn; where a limit is set, as many whole turns before it as fit.

        ``history`` stands in for what is remembered.
        """
        messages = (*(self._messages if history is None else history), *turn)
        if self.limit is None or len(messages) <= self.limit:
            return messages
        first = len(messages) - max(self.limit, len(turn))
        while first < len(messages) - len(turn) and messages[first].role != "user":
            first += 1
        return messages[first:]

    def add(self, *turn: Message, version: int, history: tuple[Message, ...] | None = None) -> None:
        """Remember a finished turn, and ``history`` in place of those before it, where it was shortened to that; a turn
        that began before a `reset` is forgotten with the rest."""
        if version == self.version:
            self._messages = self.with_turn(*turn, history=history) if self.limit != 0 else ()

    def reset(self) -> None:
        """Forget all turns, the running one too."""
        self._messages = ()
        self.version += 1

    def undo(self) -> tuple[Message, ...]:
        """Forget the last turn and give its messages; none where there is no turn."""
        first = max((place for place, message in enumerate(self._messages) if message.role == "user"), default=0)
        turn, self._messages = self._messages[first:], self._messages[:first]
        return turn

    def fork(self) -> Conversation:
        """A conversation of its own that goes on from here."""
        return Conversation(self.limit, self._messages)
