"""Recorded exchanges, ones that tests make up, and how a request finds the one that answers it."""

import base64
import copy
import hashlib
import json
import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "recordings" / "ollama"
STREAMS = {"/api/chat", "/api/generate", "/api/pull", "/api/push", "/api/create"}
DEFAULTS = {"tools": [], "options": {}, "format": "", "insecure": False, "system": "", "template": "", "truncate": True}


@dataclass
class Exchange:
    """A request that is waited for and the answer to it, as in a file of the recordings.

    ``pace`` multiplies the recorded pauses. Before chunk number ``hold`` (from 0; None: nowhere) the server waits
    until ``go_on`` is set or the client leaves; ``held`` is set when it waits.
    """

    id: str
    match: dict
    response: dict
    pace: float = 0.0
    hold: int | None = None
    held: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@dataclass
class Request:
    """What a client sent. ``exchange`` is the id of its answer; ``left`` is set when it closed before the answer's end.

    ``done`` is set when the answer was sent as a whole or the client has left.
    """

    method: str
    path: str
    headers: dict
    body: bytes
    connection: int
    exchange: str | None = None
    left: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self):
        return json.loads(self.body)


@cache
def _file(id):
    return json.loads((FOLDER / f"{id}.json").read_text(encoding="utf-8"))


@cache
def index():
    """All recordings: what index.json says of each, in order."""
    return json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))


def recording(id, **how):
    """A recording by its id; ``pace`` and ``hold`` say how it is played."""
    data = copy.deepcopy(_file(id))
    return Exchange(id, data["match"], data["response"], **how)


def answer(method, path, *lines, status=200, end="complete", id=None, headers=None, **how):
    """An exchange that was not recorded: lines of JSON for a stream, or one value for a whole answer.

    A line may be text, which is sent as it is.
    """
    stream = path in STREAMS and status == 200
    texts = [line if isinstance(line, str) else json.dumps(line) + ("\n" if stream else "") for line in lines]
    kind = "application/x-ndjson" if stream else "application/json; charset=utf-8"
    sent = {"content-type": kind, "transfer-encoding": "chunked", **(headers or {})}
    chunks = [{"t": 0, "s": text} for text in texts]
    response = {"status": status, "headers": sent, "chunks": chunks, "end": end}
    return Exchange(id or f"{method} {path}", {"method": method, "path": path}, response, **how)


# ── matching ──────────────────────────────────────────────────────────────────────────────────────────────────────


def bytes_of(chunk):
    """What one chunk sends."""
    return base64.b64decode(chunk["b64"]) if "b64" in chunk else chunk["s"].encode()


def place(match):
    """Where a request goes that fits."""
    return match["method"], match["path"]


def differences(match, request):
    """In what a request is not the one that was recorded; an empty list where it is."""
    found = []
    if place(match) != (request.method, request.path):
        found.append(f"{match['method']} {match['path']}")
    for name, value in match.get("headers", {}).items():
        if request.headers.get(name.lower()) != value:
            found.append(f"the header {name}: {value}")
    if "body_sha256" in match:
        if hashlib.sha256(request.body).hexdigest() != match["body_sha256"].removeprefix("sha256:"):
            found.append("another upload")
    elif "body_text" in match:
        if request.body.decode(errors="replace") != match["body_text"]:
            found.append(f"the body {match['body_text']!r}")
    elif "body" in match:
        wanted, sent = _plain(match["body"], match), _plain(_json(request.body), match)
        if wanted != sent:
            found.append(f"the body {_difference(wanted, sent)}")
    elif request.body:
        found.append("no body")
    return found


def _json(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _plain(body, match):
    """A body in the one spelling: no nulls, no defaults, without what is to be ignored."""
    body = _tidy(copy.deepcopy(body), top=True)
    if isinstance(body, dict) and match["path"] in STREAMS and body.get("stream") is True:
        del body["stream"]
    for pointer in match.get("ignore", ()):
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        at = body
        try:
            for part in parents:
                at = at[int(part)] if isinstance(at, list) else at[part]
            del at[int(last) if isinstance(at, list) else last]
        except (KeyError, IndexError, TypeError, ValueError):
            continue
    return body


def _tidy(value, top=False):
    if isinstance(value, dict):
        tidy = {key: _tidy(inner) for key, inner in value.items() if inner is not None}
        if top:
            return {key: inner for key, inner in tidy.items() if DEFAULTS.get(key, ...) != inner}
        return {key: inner for key, inner in tidy.items() if not (key in ("images", "tool_calls") and inner == [])}
    if isinstance(value, list):
        return [_tidy(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _difference(wanted, sent, where=""):
    """The first place in which two bodies differ, for people."""
    if isinstance(wanted, dict) and isinstance(sent, dict):
        for key in (*wanted, *sent):
            if key not in sent:
                return f"{where}/{key} is missing"
            if key not in wanted:
                return f"{where}/{key} is one more"
            if wanted[key] != sent[key]:
                return _difference(wanted[key], sent[key], f"{where}/{key}")
    if isinstance(wanted, list) and isinstance(sent, list) and len(wanted) == len(sent):
        for number, pair in enumerate(zip(wanted, sent, strict=True)):
            if pair[0] != pair[1]:
                return _difference(*pair, f"{where}/{number}")
    return f"{where or 'as a whole'} is {json.dumps(sent)[:200]}, not {json.dumps(wanted)[:200]}"
