"""The one way out of the process."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

READER_GONE = 141


def leave(code: int) -> NoReturn:
    """Write out what is still buffered and end the process at once.

    Unwinding the interpreter while an engine's native code runs crashes, so nothing is unwound. When the reader of
    stdout has gone (``| head -1``) the process ends silently, with the code that a signal would have given.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        code = READER_GONE
    except OSError as error:
        if code == 0 and sys.stderr is not None:  # a command that failed has said why, often this very reason
            print(f"error: cannot write to stdout: {error.strerror}", file=sys.stderr)
        code = code or 1
    except ValueError:  # closed by somebody
        pass
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):
        pass
    os._exit(code)
