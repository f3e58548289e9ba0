"""uuid-generator: identifiers that nobody else makes, and those that everybody makes the same."""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any, Literal

import msgspec

from llmspell import tool
from llmspell.errors import InvalidRequest

Version = Literal["v1", "v3", "v4", "v5"]
Format = Literal["standard", "hyphenated", "simple", "urn", "braced"]
_NAMESPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}
_SHORT = 8
"""Characters of a short identifier: enough to tell things of one program apart."""


@tool(
    name="uuid-generator",
    category="system",
    parallel=True,
    examples=[
        (
            "Which UUID belongs to the domain name shop.example?",
            {"operation": "deterministic", "namespace": "dns", "name": "shop.example"},
        ),
        ("I need three random ids without dashes.", {"count": 3, "format": "simple"}),
        ("Make me a new UUID.", {"count": 1}),
        (
            "Is 0b4c7d52-8a70-4c9e-9d7e-2f1d5a6b7c8d a valid UUID?",
            {"operation": "validate", "uuid": "0b4c7d52-8a70-4c9e-9d7e-2f1d5a6b7c8d"},
        ),
        (
            "Give me a short id that begins with order and has the time in it.",
            {"operation": "custom", "prefix": "order", "short": True, "timestamp": True},
        ),
    ],
)
def uuid_generator(
    operation: Literal["generate", "component_id", "deterministic", "custom", "validate"] = "generate",
    version: Version = "v4",
    format: Format = "standard",
    count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1,
    namespace: str = "dns",
    name: str | None = None,
    prefix: str | None = None,
    suffix: str | None = None,
    short: bool = False,
    timestamp: bool = False,
    uuid: Annotated[str, msgspec.Meta(max_length=100)] | None = None,
) -> dict[str, Any]:
    """Make a new unique identifier (UUID or id), or check whether a text is one.

    Args:
        operation: generate random ones, make an id for a component, a deterministic one from a name, a custom one with
            prefix and suffix, or validate one.
        version: Kind of UUID; v3 and v5 are made from a name.
        format: How it is written.
        count: How many are made.
        namespace: dns, url, oid, x500 or a UUID; for those made from a name.
        name: What a deterministic one is made from.
        prefix: What the id begins with.
        suffix: What the id ends with.
        short: Take eight characters only.
        timestamp: Put the time in, in milliseconds since 1970.
        uuid: The text to validate.
    """
    if operation == "validate":
        return _validated(uuid)
    if operation in ("component_id", "custom"):
        return {"id": _identifier(operation, prefix, suffix, short, timestamp, format)}
    if operation == "deterministic" and version not in ("v3", "v5"):
        version = "v5"
    made = [_written(_new(version, namespace, name), format) for _ in range(count)]
    return {"uuid": made[0], "version": version} | ({"uuids": made} if count > 1 else {})


def _new(version: Version, namespace: str, name: str | None) -> uuid.UUID:
    if version == "v4":
        return uuid.uuid4()
    if version == "v1":
        # a random node with the multicast bit (RFC 9562, 6.10): the true one is the address of the network card
        return uuid.uuid1(node=uuid.uuid4().int >> 80 | 1 << 40)
    if name is None:
        raise InvalidRequest(f"a UUID of version {version} is made from a name, and there is none")
    space = _NAMESPACES.get(namespace.lower()) or _read(namespace, "namespace")
    return uuid.uuid3(space, name) if version == "v3" else uuid.uuid5(space, name)


def _read(text: str, what: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        names = ", ".join(_NAMESPACES)
        raise InvalidRequest(f"{what} is '{text}', which is neither a UUID nor one of {names}") from error


def _validated(text: str | None) -> dict[str, Any]:
    if text is None:
        raise InvalidRequest("validate needs uuid, the text to look at")
    try:
        read = uuid.UUID(text.strip())
    except ValueError:
        return {"valid": False}
    return {"valid": True, "uuid": str(read), "version": f"v{read.version}" if read.version else None}


def _identifier(
    operation: str, prefix: str | None, suffix: str | None, short: bool, timestamp: bool, format: Format
) -> str:
    unique = uuid.uuid4().hex[:_SHORT] if short else _written(uuid.uuid4(), format)
    moment = str(time.time_ns() // 1_000_000) if timestamp else None
    parts = (prefix or ("component" if operation == "component_id" else None), moment, unique, suffix)
    return ("_" if operation == "component_id" else "-").join(part for part in parts if part)


def _written(value: uuid.UUID, format: Format) -> str:
    if format == "simple":
        return value.hex
    if format == "urn":
        return value.urn
    return f"{{{value}}}" if format == "braced" else str(value)
