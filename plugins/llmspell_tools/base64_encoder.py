"""base64-encoder: bytes as text and back (RFC 4648)."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

from llmspell import ToolContext, tool
from llmspell.errors import InvalidRequest
from llmspell_tools.granted_files import read_bytes, write_bytes
from llmspell_tools.texts import check_size, utf8


@tool(
    name="base64-encoder",
    category="data",
    parallel=True,
    examples=[
        (
            "Write the picture logo.png as URL-safe base64 to logo.txt.",
            {"operation": "encode", "input_file": "logo.png", "output_file": "logo.txt", "variant": "url-safe"},
        ),
        ("What does the base64 text Z29vZCBsdWNr mean?", {"operation": "decode", "input": "Z29vZCBsdWNr"}),
        ("Encode the text see you soon in base64.", {"operation": "encode", "input": "see you soon"}),
    ],
)
def base64_encoder(
    context: ToolContext,
    operation: Literal["encode", "decode"],
    input: str | None = None,
    input_file: str | None = None,
    output_file: str | None = None,
    variant: Literal["standard", "url-safe"] = "standard",
    binary_input: bool = False,
) -> dict[str, Any]:
    """Encode a text or a file as base64, or decode base64.

    Args:
        operation: Which way.
        input: The text.
        input_file: Path of a file to take instead of a text.
        output_file: Path of a file to write the result to.
        variant: Alphabet of the base64.
        binary_input: The input is bytes, written as hexadecimal digits.
    """
    data = _given(context, input, input_file, binary_input and operation == "encode")
    if operation == "encode":
        result = base64.b64encode(data) if variant == "standard" else base64.urlsafe_b64encode(data)
    else:
        result = _decoded(data, variant)
    if output_file is not None:
        write_bytes(output_file, result, context)
        return {"output_file": output_file, "bytes": len(result)}
    try:
        return {"output": result.decode("utf-8")}
    except UnicodeDecodeError:
        return {"output": result.hex(), "encoding": "hex", "bytes": len(result)}


def _given(context: ToolContext, text: str | None, path: str | None, hexadecimal: bool) -> bytes:
    if path is not None:
        return read_bytes(path, context)
    if text is None:
        raise InvalidRequest("there is nothing to convert: give input, a text, or input_file, a path")
    check_size(len(text), "input")
    if not hexadecimal:
        return utf8(text)
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise InvalidRequest(f"input is not hexadecimal: {error}") from error


def _decoded(data: bytes, variant: str) -> bytes:
    """White space is passed over, and the padding may be missing, as it is in URLs."""
    packed = b"".join(data.split()).rstrip(b"=")
    alphabet = b"+/" if variant == "standard" else b"-_"
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), altchars=alphabet, validate=True)
    except binascii.Error as error:
        other = "url-safe" if variant == "standard" else "standard"
        wrong = set(packed) & set(b"-_" if variant == "standard" else b"+/")
        hint = f'it may be of the other alphabet: variant = "{other}"' if wrong else None
        raise InvalidRequest(f"input is not base64 of the variant {variant}", hint=hint) from error
