"""http-request: one request to a host that `[sandbox] hosts` grants."""

from __future__ import annotations

import base64
import json as json_text
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from llmspell import ToolContext, tool
from llmspell.errors import InvalidRequest, ToolError
from llmspell_tools.texts import check_size, utf8

if TYPE_CHECKING:
    from llmspell_tools.fetching import Answer, Request

LONGEST = 300.0
"""Seconds that a request may be given, with all that it takes to repeat it."""
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_REPEATABLE = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")
"""What has the same effect when it is done twice (RFC 9110, 9.2.2)."""
_LATER = (429, 502, 503, 504)
"""Answers that may be others a moment later."""
_PAUSE = 0.5
"""Seconds before the first repetition; twice as long before each further one."""


class Auth(msgspec.Struct, forbid_unknown_fields=True):
    """Who asks: by a token, or by name and password, or by a key in a header."""

    type: Literal["bearer", "basic", "api_key"]
    token: str | None = None
    username: str | None = None
    password: str | None = None
    header: str = "X-API-Key"


@tool(
    name="http-request",
    category="web",
    parallel=True,
    timeout=LONGEST + 5,
    examples=[
        ("Fetch https://example.org/status and tell me what it says.", {"input": "https://example.org/status"}),
        (
            "Post the name Ada to the address https://api.example.org/people as JSON.",
            {"input": "https://api.example.org/people", "method": "POST", "json": {"name": "Ada"}},
        ),
        (
            "Ask https://api.example.org/me with the token t0k3n, and wait five seconds at most.",
            {"input": "https://api.example.org/me", "auth": {"type": "bearer", "token": "t0k3n"}, "timeout": 5},
        ),
    ],
)
async def http_request(
    context: ToolContext,
    input: str,
    method: Method = "GET",
    headers: dict[str, str] | None = None,
    body: str | None = None,
    json: dict[str, Any] | list[Any] | None = None,
    auth: dict[str, str] | None = None,
    retry: Annotated[int, msgspec.Meta(ge=0, le=5)] = 2,
    timeout: Annotated[float, msgspec.Meta(gt=0, le=LONGEST)] = 30,
) -> dict[str, Any]:
    """Send an HTTP request to a web address (URL), such as a call of an API, and give the answer.

    Args:
        input: The URL.
        method: What is asked for.
        headers: Headers of the request.
        body: Text to send.
        json: Data to send as JSON.
        auth: Who asks: type bearer or api_key with token, or type basic with username and password.
        retry: How often a request that may be repeated is sent again when nobody answers, or the server is busy.
        timeout: The longest wait for the answer, in seconds.
    """
    from llmspell_tools.fetching import Request

    if body is not None and json is not None:
        raise InvalidRequest("body and json are two ways to say what is sent: give one of them")
    sent = None if body is None else utf8(body)
    who = _read(auth)
    fields = {**_credentials(who), **(headers or {})}
    if json is not None:
        sent = json_text.dumps(json, ensure_ascii=False).encode("utf-8", "replace")
        fields = {"Content-Type": "application/json", **fields}
    check_size(len(sent or b""), "what is sent")
    secret = who.header if who is not None and who.type == "api_key" else None
    request = Request(input, method, fields, sent, secret)
    return _result(await _ask(context, request, retry if method in _REPEATABLE else 0, timeout))


async def _ask(context: ToolContext, request: Request, retry: int, timeout: float) -> Answer:
    import asyncio

    from llmspell_tools.fetching import fetch

    end = time.monotonic() + timeout
    pause = _PAUSE
    while True:
        try:
            answer = await fetch(context, request, end - time.monotonic())
        except ToolError as error:
            if not error.retryable or retry == 0 or time.monotonic() + pause >= end:
                raise
        else:
            pause = _wanted(answer, pause)
            if answer.status not in _LATER or retry == 0 or time.monotonic() + pause >= end:
                return answer
        await asyncio.sleep(pause)
        pause *= 2
        retry -= 1


def _wanted(answer: Answer, pause: float) -> float:
    """The pause that a busy server asks for, where it says so in seconds."""
    wanted = answer.headers.get("retry-after", "")
    return float(wanted) if wanted.isdecimal() and len(wanted) < 6 else pause


def _read(auth: dict[str, str] | None) -> Auth | None:
    try:
        return msgspec.convert(auth, Auth | None)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"auth: {error}") from error


def _credentials(auth: Auth | None) -> dict[str, str]:
    if auth is None:
        return {}
    if auth.type == "basic":
        if auth.username is None:
            raise InvalidRequest("auth of type basic needs username")
        name_and_password = f"{auth.username}:{auth.password or ''}".encode("utf-8", "replace")
        return {"Authorization": f"Basic {base64.b64encode(name_and_password).decode()}"}
    if auth.token is None:
        raise InvalidRequest(f"auth of type {auth.type} needs token")
    return {"Authorization": f"Bearer {auth.token}"} if auth.type == "bearer" else {auth.header: auth.token}


def _result(answer: Answer) -> dict[str, Any]:
    result: dict[str, Any] = {"status": answer.status, "status_code": answer.status, "url": answer.url}
    if _is_text(answer):
        text = answer.text()
        if answer.kind == "application/json" or answer.kind.endswith("+json"):
            try:
                result["json"] = json_text.loads(text)
            except (ValueError, RecursionError):
                pass  # the body shows what it is instead
        result["body"] = text
    else:
        result["body_base64"] = base64.b64encode(answer.body).decode()
    if answer.cut:
        result["truncated"] = True
    result["headers"] = dict(answer.headers)
    result["elapsed_ms"] = round(answer.seconds * 1000)
    return result


def _is_text(answer: Answer) -> bool:
    kind = answer.kind
    if kind.startswith("text/") or kind.endswith(("json", "xml", "javascript", "x-www-form-urlencoded", "yaml")):
        return True
    return not kind.startswith(("image/", "audio/", "video/", "font/")) and b"\0" not in answer.body[:4096]
