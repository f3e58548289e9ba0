"""hash-calculator: checksums of texts and files."""

from __future__ import annotations

import base64
from typing import Any, Literal

from llmspell import ToolContext, tool
from llmspell.errors import InvalidRequest, ToolError
from llmspell_tools.granted_files import regular_file
from llmspell_tools.texts import utf8

_CHUNK = 1 << 20


@tool(
    name="hash-calculator",
    category="data",
    parallel=True,
    examples=[
        ("Compute the SHA-256 checksum of the file backup.zip.", {"algorithm": "sha256", "file": "backup.zip"}),
        ("Give me the SHA-512 hash of the text open sesame.", {"algorithm": "sha512", "input": "open sesame"}),
        ("How does the word sunshine look as MD5?", {"algorithm": "md5", "input": "sunshine"}),
        (
            "Does the text apple have the SHA-1 hash d0be2dc421be4fcd0172e5afceea3970e2f3d940?",
            {
                "operation": "verify",
                "algorithm": "sha1",
                "input": "apple",
                "expected_hash": "d0be2dc421be4fcd0172e5afceea3970e2f3d940",
            },
        ),
        (
            "Give me the SHA-512 hash of the file song.mp3 in base64.",
            {"algorithm": "sha512", "input_type": "file", "file": "song.mp3", "format": "base64"},
        ),
    ],
)
def hash_calculator(
    context: ToolContext,
    operation: Literal["hash", "verify"] = "hash",
    algorithm: Literal["md5", "sha1", "sha256", "sha512"] = "sha256",
    input_type: Literal["string", "file"] = "string",
    input: str | None = None,
    file: str | None = None,
    format: Literal["hex", "base64"] = "hex",
    expected_hash: str | None = None,
) -> dict[str, Any]:
    """Compute the hash or checksum (MD5, SHA-1, SHA-256, SHA-512) of a text or a file, or compare it with a known one.

    Args:
        operation: hash gives the hash, verify compares it with expected_hash.
        algorithm: Which hash.
        input_type: Whether a text or a file is hashed.
        input: The text.
        file: Path of the file.
        format: How the hash is written.
        expected_hash: The hash to compare with, written in that format.
    """
    digest = _digest(context, algorithm, input, file if input_type == "file" or input is None else None)
    text = digest.hex() if format == "hex" else base64.b64encode(digest).decode()
    result: dict[str, Any] = {"hash": text, "algorithm": algorithm}
    if operation == "hash":
        return result
    if not expected_hash:
        raise InvalidRequest("verify needs expected_hash, the hash to compare with")
    expected = expected_hash.strip()
    return {"valid": text == (expected.lower() if format == "hex" else expected), **result}


def _digest(context: ToolContext, algorithm: str, text: str | None, path: str | None) -> bytes:
    import hashlib

    hashing = hashlib.new(algorithm, usedforsecurity=False)
    if path is None:
        if text is None:
            raise InvalidRequest("there is nothing to hash: give input, a text, or file, a path")
        hashing.update(utf8(text))
        return hashing.digest()
    try:
        with open(regular_file(path, context), "rb") as file:
            while chunk := file.read(_CHUNK):
                hashing.update(chunk)
    except OSError as error:
        raise ToolError(f"cannot read {path}: {error.strerror}") from error
    return hashing.digest()
