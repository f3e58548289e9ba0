"""The user's own editor, for an input that is too long to be typed at a prompt."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile

from llmspell.errors import UsageError

_USUAL = ("editor", "nano", "vi", "emacs")


def edited(text: str, suffix: str = ".lua") -> str | None:
    """What becomes of a text in the user's editor; None where the editor ends with an error, which means leave it.

    Raises:
        UsageError: there is no editor, or it can't be started.
    """
    command = _editor()
    try:
        with tempfile.TemporaryDirectory(prefix="llmspell-") as folder:  # private, as prompts are
            path = os.path.join(folder, f"input{suffix}")
            with open(path, "w", encoding="utf-8", errors="replace", newline="") as file:
                file.write(text if not text or text.endswith("\n") else f"{text}\n")
            if subprocess.call([*command, path]) != 0:
                return None
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read().rstrip("\n")
    except OSError as error:
        raise UsageError(
            f"the editor {command[0]} failed: {error.strerror}", hint="set VISUAL or EDITOR to one that runs here"
        ) from None


def _editor() -> list[str]:
    for variable in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(os.environ.get(variable, ""))
        except ValueError as error:
            raise UsageError(f"{variable} can't be read: {error}", hint=f"{variable}=vi, for one") from None
        if words:
            return words
    for name in _USUAL:
        if found := shutil.which(name):
            return [found]
    raise UsageError("there is no editor here", hint="set VISUAL or EDITOR to the command that starts yours")
