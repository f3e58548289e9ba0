"""A prompt as its parts: the system prompt, the turns before, and the turn that is being asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from llmspell.providers.contract import Message

SKILL_TOOL = "activate_skill"

Turn = tuple[Message, ...]
"""A message of the user and all that follows it, up to the next one."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The messages of a prompt, in their order; only ``turns`` may be left out."""

    system: Turn
    turns: tuple[Turn, ...]
    now: Turn

    @classmethod
    def of(cls, messages: Turn, current: int | None) -> Parts:
        """Take messages apart. ``current`` of them, the last, are being asked; if None, those from the last message of
        the user on."""
        start = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
        if current is None:
            asked = (at for at in range(len(messages) - 1, -1, -1) if messages[at].role == "user")
            current = len(messages) - next(asked, start)
        end = max(start, len(messages) - current)
        begins = [at for at in range(start, end) if at == start or messages[at].role == "user"]
        turns = tuple(messages[at:to] for at, to in pairwise([*begins, end]))
        return cls(messages[:start], turns, messages[end:])

    def prompt(self, turns: Sequence[Turn]) -> Turn:
        """The prompt with other turns before the one that is being asked."""
        return (*self.system, *flat(turns), *self.now)


def flat(turns: Sequence[Turn]) -> Turn:
    """The messages of turns."""
    return tuple(message for turn in turns for message in turn)


def essence(turn: Turn) -> Turn:
    """What stays of a turn that is taken away: nothing, or the skills that were read in it with the question that led
    to them and the answer."""
    skills = _skills(turn)
    if not skills:
        return ()
    kept: list[Message] = []
    for message in turn:
        if message.role == "tool":
            if message.tool_call_id in skills:
                kept.append(message)
        elif message.tool_calls:
            if calls := tuple(call for call in message.tool_calls if call.name == SKILL_TOOL):
                kept.append(replace(message, tool_calls=calls))
        else:
            kept.append(message)
    return tuple(kept)


def without_skills(turn: Turn) -> Turn:
    """What there is to sum up of a turn: all but the skills, which stay as they are."""
    skills = _skills(turn)
    return tuple(message for message in turn if message.role != "tool" or message.tool_call_id not in skills)


def _skills(turn: Turn) -> set[str | None]:
    """The ids of the calls that read a skill."""
    return {call.id for message in turn for call in message.tool_calls if call.name == SKILL_TOOL}
