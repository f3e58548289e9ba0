"""Replies of a scripted provider as a JSON file, for tests that run llmspell in a child process.

The file is a list with one reply for each chat: a text, or a list of steps. A step is a text (a delta) or an object
with one of the keys::

    {"reasoning": "hm"}   {"notice": "slow"}   {"wait": 0.1}   {"usage": [3, 2, 0]}   {"finish": "length"}
    {"tool_call": {"id": "c1", "name": "add", "arguments": {"a": 1}}}
    {"error": "rate_limited", "message": "slow down", "retry_after": 2}    (further keys: the error's arguments)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast, get_args

from llmspell import errors
from llmspell.providers.contract import FinishReason, Notice, ReasoningDelta, ToolCall, Usage
from llmspell.testing.scripted import ScriptedProvider, Step


def read_script(file: str | Path, *, name: str = "scripted") -> ScriptedProvider:
    """Make a provider that gives the replies of a file.

    Raises:
        InvalidRequest: the file holds a step that is none of the above.
    """
    provider = ScriptedProvider(name=name)
    for reply in json.loads(Path(file).read_text(encoding="utf-8")):
        _enqueue(provider, [reply] if isinstance(reply, str) else reply)
    return provider


def _enqueue(provider: ScriptedProvider, raw: list[Any]) -> None:
    steps: list[Step] = []
    finish: FinishReason | None = None
    usage: Usage | None = None
    for step in raw:
        match step:
            case str():
                steps.append(step)
            case {"reasoning": str(text)}:
                steps.append(ReasoningDelta(text))
            case {"notice": str(text)}:
                steps.append(Notice(text))
            case {"wait": int() | float() as seconds}:
                steps.append(float(seconds))
            case {"usage": [int(), *_] as counts}:
                usage = Usage(*counts)
            case {"finish": str(reason)} if reason in get_args(FinishReason):
                finish = cast("FinishReason", reason)
            case {"tool_call": {"name": str(called)} as call}:
                steps.append(ToolCall(call.get("id"), called, call.get("arguments", {})))
            case {"error": str(kind), **arguments}:
                steps.append(_error(kind, {str(key): value for key, value in arguments.items()}))
            case _:
                raise errors.InvalidRequest(f"a scripted reply has the step {step!r}", hint=__doc__)
    provider.enqueue(*steps, finish=finish, usage=usage)


def _error(kind: str, arguments: dict[str, Any]) -> errors.LLMSpellError:
    for found in vars(errors).values():
        if isinstance(found, type) and issubclass(found, errors.LLMSpellError) and found.__new__(found).type == kind:
            return found(**arguments)
    raise errors.InvalidRequest(f"a scripted reply has the error '{kind}'", hint="write an error's type in snake case")
