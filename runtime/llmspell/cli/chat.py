"""``llmspell chat``: one question and its answer, in a terminal or in a pipe."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from llmspell.cli.context import Context
from llmspell.errors import ContentFiltered, InvalidRequest, StorageError, UsageError

if TYPE_CHECKING:
    from llmspell.agents.result import Result
    from llmspell.agents.turn import TurnInput


def chat(context: Context) -> int:
    """Ask what the words, stdin and the files say; at a terminal, without any of them, open the REPL to talk."""
    if _wants_to_talk(context):
        from llmspell.repl.app import start

        given = _given({**_settings(context), "options": _options(context) or None})
        return start(context, mode="chat", agent=given)  # without any the agent waits for the first question
    if sys.stdout is None:
        raise UsageError("there is no stdout for the answer")
    result = context.wait(_answered(context, _turn(context)))
    if result.finish_reason == "content_filter":
        raise ContentFiltered(f"the filter of {result.provider} stopped the answer")
    return 0


def _wants_to_talk(context: Context) -> bool:
    one_answer = ("prompt", "files", "json", "format", "continue", "name")
    at_terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
    return at_terminal and not any(map(context.given, one_answer))


# ── what is asked ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _turn(context: Context) -> TurnInput:
    """The question with all that belongs to it, checked before anything is sent.

    Raises:
        UsageError: nothing is asked, or something of it can't be.
    """
    from llmspell.agents.turn import read_input
    from llmspell.cli.answer_format import answer_format
    from llmspell.cli.attachments import STDIN, Attached, attached, piped

    form = context.given("format")
    given: dict[str, Any] = {
        "format": None if form is None else answer_format(form),
        "timeout": context.settings.runs.timeout,
        "options": _options(context),
    }
    files = context.given("files") or []
    found = attached(files) if files else Attached()
    words = [word for word in context.arguments.prompt if word != STDIN]
    asks = len(words) < len(context.arguments.prompt) or not (words or files)
    stdin = "" if STDIN in files else piped(asks).strip("\n")
    text = "\n\n".join(part for part in (*found.texts, stdin, _written(" ".join(words), "the prompt")) if part.strip())
    if not text:
        raise UsageError("there is no prompt", hint='llmspell chat "a question", or pipe one in')
    try:
        return read_input({"text": text, "images": found.images, **given})
    except InvalidRequest as error:
        raise UsageError(error.message, hint=error.hint) from None


def _written(text: str, what: str) -> str:
    """A text of the command line, which may be any bytes.

    Raises:
        UsageError: it is not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} is not UTF-8 text") from None
    return text


def _options(context: Context) -> dict[str, Any]:
    """Sampling options and those of the provider; a value that is JSON is what it says, another one a text."""
    found: dict[str, Any] = {}
    for assignment in context.given("option") or ():
        name, equals, value = assignment.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--option: cannot read '{assignment}'", hint="write -o seed=7")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    named = {name: context.given(name) for name in ("temperature", "max_tokens")}
    return {**found, **_given(named)}


def _settings(context: Context) -> dict[str, Any]:
    """The fields of `Agent.create` that the command line gives, beside the model and the options."""
    system = context.given("system")
    return _given(
        {
            "system_prompt": None if system is None else _written(system, "--system"),
            "tools": context.given("tools"),
        }
    )


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _answered(context: Context, turn: TurnInput) -> Result:
    """Let the model answer, show it, and keep the chat to go on with."""
    from llmspell.cli.answering import answer, write
    from llmspell.cli.kept_chat import KeptChat
    from llmspell.cli.logged import watch
    from llmspell.cli.missing import Fetcher
    from llmspell.cli.output import as_json
    from llmspell.providers.contract import Notice

    hub = context.hub
    hub.on_missing = Fetcher(hub)
    watch(hub, context.settings, "llmspell chat")
    kept = KeptChat(context.given("name"))
    given = _given({"model": context.given("model"), **_settings(context)})
    agent = await kept.begin(context.session.agents, given, goes_on=bool(context.given("continue")))
    if context.given("json"):
        result = await agent.execute(turn)
        write(as_json(result.plain()) + "\n", sys.stdout)
    elif turn.format or agent.config.format:
        result = await agent.execute(turn)
        write(as_json(result.data, 2 if sys.stdout.isatty() else None) + "\n", sys.stdout)
    else:
        result = await answer(agent, turn, hub, context.settings.logs)
    if result.finish_reason == "length":
        hub.tell(result.model, Notice("the answer stopped at max_tokens; --max-tokens N lets it be longer"))
    if result.success and context.settings.logs.requests:
        try:
            await kept.keep(agent)
        except StorageError as error:  # the answer is there
            hub.tell("chat", Notice(f"it is not kept: {error.message}"))
    return result
