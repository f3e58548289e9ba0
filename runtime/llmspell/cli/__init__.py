"""The command ``llmspell``. This module imports next to nothing, so that ``--version`` answers at once."""

from __future__ import annotations

import os
import sys

from llmspell import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out a command line (without the program's name) and return its exit code; never raises."""
    words = sys.argv[1:] if argv is None else list(argv)
    if "_ARGCOMPLETE" in os.environ:
        from llmspell.cli.completion import complete

        complete()
    if words in (["--version"], ["-V"]):
        print(f"llmspell {__version__}")
        return 0
    from llmspell.cli.dispatch import carry_out

    return carry_out(words)


def entry() -> NoReturn:
    """Run as a process of its own and end it."""
    from llmspell.leaving import leave

    leave(main())
