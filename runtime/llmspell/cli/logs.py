"""``llmspell logs``: what the programs asked their models, and what came back."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from llmspell.agents.history.reading import Brief, Filter, Log
from llmspell.cli.context import Context
from llmspell.cli.output import as_json, table, terminal_size
from llmspell.errors import UsageError

MANY = 20
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_FORMS = "write 30m, 12h, 3d, 2w, today, 2026-10-31 or 2026-10-31T14:30"


def list_latest(context: Context) -> int:
    """The latest requests, a line each."""
    _print(context, Log().latest(chosen(context), _many(context)), "no request is in the log")
    return 0


def search(context: Context) -> int:
    """The requests in which all the words stand."""
    words = [word for given in context.arguments.words for word in given.split()]
    if not words:
        raise UsageError("`llmspell logs search` needs WORDS", hint="llmspell logs search lighthouse")
    _print(context, Log().search(words, chosen(context), _many(context)), "nothing in the log has these words")
    return 0


def show(context: Context) -> int:
    """One request with all that was sent and answered."""
    log = Log()
    number = _number(context.given("id")) or log.newest()
    if number is None:
        print("no request is in the log", file=sys.stderr)
        return 0
    found = log.show(number)
    print(as_json(found) if context.given("json") else _whole(found))
    return 0


def path(context: Context) -> int:
    """The file of the log, and nothing else."""
    found = Log().database.path
    print(as_json({"path": found}) if context.given("json") else found)
    return 0


# ── what is asked ─────────────────────────────────────────────────────────────────────────────────────────────────


def chosen(context: Context) -> Filter:
    """The requests that the options of a command ask for."""
    given = context.given("since")
    return Filter(
        context.given("of_model"),
        context.given("agent"),
        context.given("run"),
        None if given is None else since(given),
        bool(context.given("errors")),
    )


def _many(context: Context) -> int:
    many = MANY if context.given("number") is None else int(context.given("number"))
    if many < 1:
        raise UsageError(f"-n {many}: there must be one at least")
    return many


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise UsageError(f"'{text}' is no request's number", hint="`llmspell logs` lists them")
    return int(text)


def since(text: str, now: float | None = None) -> float:
    """A moment as users write it, in seconds since 1970.

    Raises:
        UsageError: it can't be read.
    """
    now = time.time() if now is None else now
    if span := re.fullmatch(r"(\d+)([mhdw])", text):
        return now - int(span[1]) * _SECONDS[span[2]]
    if text == "today":
        text = time.strftime("%Y-%m-%d", time.localtime(now))
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"):
        try:
            return time.mktime(time.strptime(text, form))
        except (ValueError, OverflowError):
            pass
    raise UsageError(f"--since: cannot read '{text}'", hint=_FORMS)


# ── how it looks ──────────────────────────────────────────────────────────────────────────────────────────────────


def _print(context: Context, found: Sequence[Brief], nothing: str) -> None:
    if context.given("json"):
        print(as_json(found))
        return
    if not found:
        print(nothing, file=sys.stderr)
        return
    rows = [(one.id, _moment(one.started_at), _cut(_model(one.model), 20), _tokens(one), _words(one)) for one in found]
    width = terminal_size().columns
    print("\n".join(_cut(line, width) for line in table(("ID", "WHEN", "MODEL", "TOKENS", "PROMPT"), rows).split("\n")))


def _moment(seconds: float) -> str:
    """A time of today by the clock, another one with its day."""
    then = time.localtime(seconds)
    today = time.localtime()[:3] == then[:3]
    return time.strftime("%H:%M:%S" if today else "%b %d %H:%M" if time.localtime()[0] == then[0] else "%Y-%m-%d", then)


def _model(spec: str) -> str:
    """A model's name as a column has room for it: of a file, its own name."""
    return spec.rpartition("/")[2] if spec.startswith(("/", "./", "~")) else spec


def _tokens(one: Brief) -> str | None:
    return None if one.input_tokens is None else f"{one.input_tokens}+{one.output_tokens}"


def _words(one: Brief) -> str:
    words = _line(one.prompt)
    if one.verb != "chat":
        words = f"({one.verb}) {words}"
    return words if one.error_type is None else f"[{one.error_type}] {words}"


def _line(text: str) -> str:
    """A text on one line, with nothing that would move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _whole(one: Mapping[str, Any]) -> str:
    ended = one["finish_reason"] or one["error_type"] or ("unfinished" if one["ended_at"] is None else "ended")
    rows = {
        "request": f"{one['id']} ({one['verb']})",
        "when": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one["started_at"])),
        "run": f"{one['run']} ({one['program']})",
        "agent": one["agent"] and (one["agent"] + (f", turn {one['turn']}" if one["turn"] else "")),
        "model": one["spec"] + (f" ({one['provider']}: {one['model']})" if one["provider"] else ""),
        "options": ", ".join(f"{name} = {as_json(value, None)}" for name, value in one["options"].items()),
        "tools": ", ".join(tool["name"] for tool in one["tools"] or ()),
        "format": as_json(one["format"], None) if one["format"] else None,
        "tokens": _usage(one),
        "cost": None if one["cost"] is None else f"{one['cost']:.6g} USD",
        "took": _took(one),
        "ended": ended,
        "error": one["error"],
    }
    lines = [f"{name:<8} {_safe(str(value))}" for name, value in rows.items() if value]
    for message in one["messages"]:
        lines += _said(message)
    if one["reasoning"]:
        lines += ["", "── reasoning ──", _safe(one["reasoning"])]
    if one["answer"] or one["tool_calls"]:
        lines += ["", "── answer ──", *([_safe(one["answer"])] if one["answer"] else []), *_calls(one["tool_calls"])]
    return "\n".join(lines)


def _said(message: Mapping[str, Any]) -> list[str]:
    role = message.get("role", "text")
    head = f"── {role}{' ' + str(message['tool_call_id']) if 'tool_call_id' in message else ''} ──"
    text = message.get("content", message.get("text", ""))
    pictures = [f"[{one['media_type']}, {one['bytes']} bytes]" for one in message.get("images", ())]
    return ["", head, *([_safe(text)] if text else []), *pictures, *_calls(message.get("tool_calls"))]


def _calls(calls: Sequence[Mapping[str, Any]] | None) -> list[str]:
    return [
        _safe(f"→ {call['name']} {as_json(call['arguments'], None)}" + (f"  ({call['id']})" if call["id"] else ""))
        for call in calls or ()
    ]


def _usage(one: Mapping[str, Any]) -> str | None:
    if one["input_tokens"] is None:
        return None
    cached = f" ({one['cached_tokens']} of them cached)" if one["cached_tokens"] else ""
    return f"{one['input_tokens']} in{cached}, {one['output_tokens']} out"


def _took(one: Mapping[str, Any]) -> str | None:
    if one["total_ms"] is None:
        return None
    first = f", first token after {one['first_token_ms']:,.0f} ms" if one["first_token_ms"] is not None else ""
    source = ", out of the cache" if one["cached"] else ""
    tried = f", {one['attempts']} attempts" if (one["attempts"] or 0) > 1 else ""
    return f"{one['total_ms']:,.0f} ms{first}{tried}{source}"


def _safe(text: str) -> str:
    """A text as it is, but for what would move a terminal's cursor."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text)
