"""What is done before a prompt is sent that the model's context can't hold.

A conversation is a list of turns: a user's message and what follows it up to the next one. Only whole turns are taken
away, the oldest first, so that no tool exchange is torn apart; the system prompt and the turn that is being asked
always stay, and so do the skills that were read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, get_args

from llmspell.agents.prompt_parts import Parts, essence, flat, without_skills
from llmspell.agents.summary import SUMMARY, summarized
from llmspell.agents.tools.values import Ask
from llmspell.errors import ContextOverflow, InvalidRequest, LLMSpellError, UnsupportedOption
from llmspell.providers.contract import Message, ToolSpec, Usage
from llmspell.providers.hub import Hub
from llmspell.providers.requests import describe

PolicyName = Literal["error", "drop_oldest", "summarize"]
KEPT_TURNS = 2
ANSWER_TOKENS = 512
"""Room for an answer whose length nobody bounds; never more than a quarter of the context."""
LEAST_ANSWER = 16
"""Room without which no provider begins."""
FILLED = 0.75
"""How full the context is after something was taken away: the next turns then begin alike, and engines keep what they
have read, instead of reading everything anew in each turn."""
DOUBT = 1.25
"""An estimate refuses only what is so much too long."""
CERTAIN = 1024
"""Under ``error`` nobody is asked how long the context is for a prompt of so few bytes: what doesn't fit even then is
for the provider to refuse."""
_TOOL_WORDS = 2048
"""What chat templates say of tools in general, in bytes."""


@dataclass(frozen=True, slots=True)
class ContextPolicy:
    """What an agent does with a conversation that has grown too long.

    ``model`` writes the summaries, the agent's own if None; ``keep`` is how many of the last turns aren't summarized.
    """

    policy: PolicyName = "error"
    model: str | None = None
    keep: int = KEPT_TURNS


@dataclass(frozen=True, slots=True)
class Fitted:
    """The messages to send; what was done to them, in sentences for the user; what that took.

    ``replacement`` is there where the conversation is another one from now on: its messages, without the system prompt
    and without the turn that is being asked.
    """

    messages: tuple[Message, ...]
    notices: tuple[str, ...] = ()
    replacement: tuple[Message, ...] | None = None
    usage: Usage = field(default_factory=Usage)


def read_policy(given: Any) -> ContextPolicy:
    """Check the field ``context`` of an agent: the name of a policy, or a table with ``policy``, ``model``, ``keep``.

    Raises:
        InvalidRequest: it is something else; names what is wrong.
    """
    if given is None:
        return ContextPolicy()
    table = {"policy": given} if isinstance(given, str) else given
    if not isinstance(table, Mapping):
        raise InvalidRequest(f"context must be the name of a policy or a table, not {describe(given)}", hint=_FORM)
    for name in table:
        if name not in _FIELDS:
            near = get_close_matches(str(name), _FIELDS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"its fields are: {', '.join(_FIELDS)}"
            raise InvalidRequest(f"context has no field '{name}'", hint=hint)
    policy, model, keep = table.get("policy"), table.get("model"), table.get("keep")
    if policy not in _POLICIES:
        near = get_close_matches(str(policy), _POLICIES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else _FORM
        raise InvalidRequest(f"context: there is no policy {describe(policy)}", hint=hint)
    for name, value in (("model", model), ("keep", keep)):
        if value is not None and policy != "summarize":
            raise InvalidRequest(f"context.{name} belongs to the policy 'summarize', not to '{policy}'")
    if model is not None and not isinstance(model, str):
        raise InvalidRequest(f"context.model must be a model name, not {describe(model)}")
    if keep is None:
        keep = KEPT_TURNS
    if isinstance(keep, bool) or not isinstance(keep, (int, float)) or not float(keep).is_integer() or keep < 0:
        raise InvalidRequest(f"context.keep must be a number of turns, 0 or more, not {describe(keep)}")
    return ContextPolicy(policy, model, int(keep))  # type: ignore[arg-type]  # it is one of them


async def fit(
    hub: Hub, ask: Ask, messages: Sequence[Message], policy: ContextPolicy, *, current: int | None = None
) -> Fitted:
    """Make messages fit the context of the model that they go to, before anything is sent.

    ``messages`` are the system prompt, the conversation and the turn that is being asked, whose ``current`` messages
    are the last ones; where not given it begins with the last message of the user. Where nobody knows how long the
    context is nothing is decided.

    Raises:
        ContextOverflow: they don't fit, and the policy can't or mustn't shorten them.
        LLMSpellError: a summary could not be made; as `Hub.chat` raises it.
    """
    messages = tuple(messages)
    most = _bytes(messages, ask)
    if policy.policy == "error" and most <= CERTAIN:
        return Fitted(messages)
    window = await hub.window(ask.model)
    if window is None:
        return Fitted(messages)
    limit = window - _room(ask, window, policy)
    if most <= limit:  # no token is shorter than a byte
        return Fitted(messages)
    scale = _Scale(hub, ask)
    tokens = await scale.tokens(messages)
    if tokens <= limit:
        return Fitted(messages)
    parts = Parts.of(messages, current)
    if policy.policy == "error" or not parts.turns:
        if not scale.counts and tokens <= limit * DOUBT:
            return Fitted(messages)  # in doubt it is for the provider to say that it doesn't fit
        raise _overflow(window, limit, tokens, scale, policy, alone=not parts.turns)
    if policy.policy == "drop_oldest":
        return await _dropped(parts, scale, window, limit, tokens, policy)
    return await _summarized(hub, ask, parts, scale, window, limit, policy)


# ── how long something is ─────────────────────────────────────────────────────────────────────────────────────────


class _Scale:
    """Says how many tokens a prompt has: by the provider where it can count, or else by an estimate."""

    def __init__(self, hub: Hub, ask: Ask) -> None:
        self._hub, self._ask = hub, ask
        self._tools = tuple(ToolSpec(tool.name, tool.description, tool.parameters) for tool in ask.tools)
        self.counts = True

    async def tokens(self, messages: Sequence[Message]) -> int:
        if self.counts:
            try:
                counted = await self._hub.count(self._ask.model, messages, self._tools, self._ask.format)
            except LLMSpellError as error:
                if isinstance(error, UnsupportedOption) and self._tools:
                    self._tools = ()  # a model without tools: the prompt that it gets has none either
                    return await self.tokens(messages)
                counted = None  # the request says better what is wrong, if anything is
            if counted is not None:
                return counted
            self.counts = False
        return self._hub.estimates.tokens(self._ask.model, messages, self._tools)

    def about(self, messages: Sequence[Message]) -> int:
        """An estimate, for what needn't be exact."""
        return self._hub.estimates.tokens(self._ask.model, messages)

    def shown(self, tokens: int) -> str:
        return f"{tokens:,} tokens" if self.counts else f"about {tokens:,} tokens"


def _bytes(messages: Sequence[Message], ask: Ask) -> int:
    """More than the tokens of a prompt can be, pictures aside."""
    if any(message.images for message in messages):
        return 1 << 62
    texts = [message.content for message in messages]
    texts += [json.dumps([call.name, call.arguments]) for message in messages for call in message.tool_calls]
    texts += [json.dumps([tool.name, tool.description, tool.parameters]) for tool in ask.tools]
    around = 32 * len(texts) + (_TOOL_WORDS if ask.tools else 0)
    return around + sum(len(text) * (1 if text.isascii() else 4) for text in texts)


def _room(ask: Ask, window: int, policy: ContextPolicy) -> int:
    """Tokens that are left free for the answer; a policy that takes nothing away asks for no more than providers do."""
    wanted = ask.options.get("max_tokens")
    if policy.policy == "error":
        return min(LEAST_ANSWER, wanted or LEAST_ANSWER)
    return min(wanted, window // 2) if wanted else min(ANSWER_TOKENS, window // 4)


def _overflow(
    window: int, limit: int, tokens: int, scale: _Scale, policy: ContextPolicy, *, alone: bool = False
) -> ContextOverflow:
    message = f"the prompt has {scale.shown(tokens)} and the model's context holds {window:,}"
    if limit < tokens <= window:
        message += f", of which {window - limit:,} are for the answer"
    if alone or policy.policy != "error":
        message += "; nothing can be left out of what remains"
        hint = "shorten the text, the system prompt or the tools, lower max_tokens, or raise the context length"
    else:
        hint = (
            'context = "drop_oldest" leaves the oldest turns out, context = "summarize" sums them up; '
            '"error", the policy in force, does neither. agent:reset() starts anew'
        )
    return ContextOverflow(window, tokens, message, hint=hint)


# ── the policies ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _dropped(parts: Parts, scale: _Scale, window: int, limit: int, whole: int, policy: ContextPolicy) -> Fitted:
    """So many turns go at once that the context is `FILLED`; what an estimate chose is counted before it is sent."""
    ratio = whole / max(scale.about(parts.prompt(parts.turns)), 1)
    kept: list[tuple[Message, ...]] = []
    gone, expected, tokens = 0, float(whole), whole
    while tokens > limit and gone < len(parts.turns):
        while gone < len(parts.turns):
            turn = parts.turns[gone]
            left = essence(turn)
            kept += [left] if left else []
            expected -= (scale.about(turn) - scale.about(left)) * ratio
            gone += 1
            if expected <= limit * FILLED:
                break
        tokens = await scale.tokens(parts.prompt([*kept, *parts.turns[gone:]]))
    if tokens > limit:
        raise _overflow(window, limit, tokens, scale, policy)
    kept += parts.turns[gone:]
    what = "the oldest turn" if gone == 1 else f"the {gone} oldest turns"
    notice = f"dropped {what} ({scale.shown(whole - tokens)}): the context of {window:,} tokens was full"
    return Fitted(parts.prompt(kept), (notice,), flat(kept))


async def _summarized(
    hub: Hub, ask: Ask, parts: Parts, scale: _Scale, window: int, limit: int, policy: ContextPolicy
) -> Fitted:
    """The older turns as a summary, and with them as many of those that should stay as there is no room for."""
    notices: list[str] = []
    usage = Usage()
    model = policy.model or ask.model
    turns, keep = list(parts.turns), policy.keep
    while True:
        old = turns[: max(len(turns) - keep, 0)] or turns[:1]
        if len(old) == 1 and old[0][0].content.startswith(SUMMARY) and len(turns) > 1:
            old = turns[:2]
        before = scale.about(flat(old))
        text, used = await summarized(hub, model, [without_skills(turn) for turn in old], ask, room=limit // 4)
        usage += used
        skills = [kept for kept in map(essence, old) if kept]
        summary = [(Message("user", f"{SUMMARY}\n{text}"), Message("assistant", "I will go on from there."))]
        rest = turns[len(old) :]
        turns = [*(summary if text else []), *skills, *rest]
        what = "the oldest turn" if len(old) == 1 else f"the {len(old)} oldest turns"
        did = f"summarized {what}" if text else f"dropped {what}, of which {model} made no summary"
        notices.append(f"{did} (about {before:,} tokens): the context of {window:,} tokens was full")
        tokens = await scale.tokens(parts.prompt(turns))
        if tokens <= limit:
            return Fitted(parts.prompt(turns), tuple(notices), flat(turns), usage)
        if not rest:
            raise _overflow(window, limit, tokens, scale, policy)
        keep = len(rest) // 2


_POLICIES = get_args(PolicyName)
_FIELDS = ("policy", "model", "keep")
_FORM = 'context is "error", "drop_oldest", "summarize", or { policy = "summarize", model = "…", keep = 2 }'
