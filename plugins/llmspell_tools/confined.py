"""Runs what may never end, or need all the memory, in a process with limits.

The jq library and Jinja2 carry out programs of whoever wrote the arguments, in C or in a thread that nothing can stop;
a parser of HTML works on pages of anybody.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any, Literal

from llmspell.errors import InvalidRequest, ToolError
from llmspell_tools.texts import LARGEST

SECONDS = 5
"""Processor time of one piece of work."""
MEMORY_MB = 512
_PATIENCE = 30.0
"""Seconds to wait for a process that gets no processor."""
_OF_THE_LOADER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Without these some interpreters don't start."""
_PROGRAM = os.path.join(os.path.dirname(__file__), "confined_process.py")


def confined(work: Literal["jq", "template", "page"], arguments: dict[str, Any], seconds: int | None = None) -> Any:
    """Give what the function of that name in confined_process.py returns.

    Starting the process takes some 40 ms. It sees none of the environment.

    Raises:
        InvalidRequest: it says that the arguments are wrong.
        ToolError: it took too long, needed too much memory or gave too long a result.
    """
    seconds = seconds or SECONDS
    limits = {"seconds": seconds, "bytes": MEMORY_MB << 20, "characters": LARGEST}
    order = {"path": [entry for entry in sys.path if entry], "work": work, "arguments": arguments, "limits": limits}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", _PROGRAM],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=_PATIENCE,
            env={name: os.environ[name] for name in _OF_THE_LOADER if name in os.environ},
        )
    except subprocess.TimeoutExpired:
        raise _endless(seconds) from None
    except OSError as error:
        raise ToolError(f"no process could be started for it ({error.strerror})") from error
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _endless(seconds)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        if done.returncode > 0 and "MemoryError" not in last:
            raise ToolError(f"its process failed: {last or done.returncode}") from None
        raise _too_large() from None  # it died where even a message was too much
    if "large" in answer:
        raise _too_large()
    if "error" in answer:
        raise InvalidRequest(answer["error"])
    return answer["value"]


def _endless(seconds: int) -> ToolError:
    return ToolError(f"it took more than {seconds} s and was stopped", hint="look for a loop that doesn't end")


def _too_large() -> ToolError:
    return ToolError(f"it needed more than {MEMORY_MB} MB of memory, or gave more than {LARGEST:,} characters")
