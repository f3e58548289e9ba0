"""Whether a server is there, and the one that llmspell starts: ``[providers.ollama] auto_start = true``.

Only a server of this machine is started, and only what was started here is stopped. Nothing of this imports an HTTP
client: where no server runs, asking for one costs a connection that is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Final

from llmspell import Notice
from llmspell.config import paths
from llmspell.errors import ProviderUnavailable
from llmspell.models import ollama_names
from llmspell_ollama.host import Host
from llmspell_ollama.names import same

PROGRAM: Final = "ollama"
GREETING: Final = b"Ollama is running"
"""What a server answers to ``GET /``."""
START_SECONDS: Final = 30.0
"""How long a server may look for graphics cards before it answers."""
STOP_SECONDS: Final = 1.5
LOOK_SECONDS: Final = 0.05
"""Time between two looks at whether a server answers, or a process has ended."""
_KNOCK_SECONDS: Final = 1.0
_TAIL: Final = 500
"""Bytes of a log that an error shows."""
_PLACES: Final = {
    "darwin": "/Applications/Ollama.app/Contents/Resources/ollama",
    "win32": r"%LOCALAPPDATA%\Programs\Ollama\ollama.exe",
}


def program() -> str | None:
    """The path of the program ``ollama``: on the PATH, or where its installer puts it."""
    found = shutil.which(PROGRAM)
    usual = os.path.expandvars(_PLACES.get(sys.platform, ""))
    return found or (usual if os.path.isfile(usual) else None)


def log_file() -> str:
    """Where a server that llmspell starts writes what it has to say."""
    return os.path.join(paths.folder("state"), "ollama-serve.log")


def holds(name: str) -> bool:
    """Whether the store on this machine has a model, as the server would list it if it ran."""
    return any(same(name, found.name) for found in ollama_names.names())


class Server:
    """The server of one host. ``auto_start`` lets it be started; ``patience`` is how long it may take to answer."""

    def __init__(self, host: Host, *, auto_start: bool = False, patience: float = START_SECONDS) -> None:
        self._host = host
        self._auto_start = auto_start
        self._patience = patience
        self._there = not host.loopback  # a server elsewhere may be behind a proxy: its client finds out
        self._lock = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._notice: Notice | None = None

    @contextlib.asynccontextmanager
    async def reached(self, *, start: bool = True) -> AsyncIterator[None]:
        """Make sure that a server is there before the block, and look again next time where it went away in it.

        ``start = False`` is for questions that a server which doesn't run needn't be started for.

        Raises:
            ProviderUnavailable: nobody listens, and none was to be started or none could be.
        """
        if not self._there:
            async with self._lock:  # a thousand agents start one server
                await self._reach(start)
        try:
            yield
        except ProviderUnavailable:
            self._there = not self._host.loopback
            raise

    def notice(self) -> Notice | None:
        """What there is to tell since this was last asked: that a server was started."""
        notice, self._notice = self._notice, None
        return notice

    async def stop(self) -> None:
        """End the server that was started here, and wait for that a moment."""
        process, self._process = self._process, None
        if process is None:
            return
        self._there = False
        process.terminate()  # it ends its runners; killed, it would leave them behind
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, STOP_SECONDS)

    # ── details ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _address(self) -> str:
        return self._host.url.partition("://")[2]

    async def _reach(self, start: bool) -> None:
        if self._there:
            return
        refusal = await self._knock()
        if refusal is not None:
            if not (start and self._auto_start):
                raise self._unreachable(refusal, later=self._auto_start)
            await self._start(refusal)
        self._there = True

    async def _knock(self) -> str | None:
        """Connect and hang up; why that failed, None where somebody listens."""
        try:
            connecting = asyncio.open_connection(self._host.name, self._host.port)
            _, writer = await asyncio.wait_for(connecting, _KNOCK_SECONDS)
        except (asyncio.TimeoutError, TimeoutError):
            return "no answer"
        except OSError as error:
            # of a name with two addresses there is one error without a number, whose text has both
            refused = error.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(error)
            return "connection refused" if refused else os.strerror(error.errno).lower() if error.errno else str(error)
        writer.close()
        return None

    async def _start(self, refusal: str) -> None:
        """Start a server, unless one is starting, and wait until it answers."""
        path, log = program(), log_file()
        if path is None or self._host.secure or "/" in self._address:  # behind a proxy there is no telling where
            raise self._unreachable(refusal)
        if self._process is None or self._process.poll() is not None:
            self._process = _serve(path, self._address, log)
        try:
            up = await asyncio.wait_for(self._up(self._process), self._patience)
        except (asyncio.TimeoutError, TimeoutError):
            # made before it is stopped, which is what the log would end in
            failure = self._failed(f"it did not answer within {self._patience:g} s", log)
            await self.stop()
            raise failure from None
        code = self._process.poll()
        if code is not None:
            self._process = None
        if not up:
            raise self._failed(f"it ended at once with exit code {code}", log)
        if code is None:
            self._notice = Notice(f"started `ollama serve`, which is stopped at the end; it writes to {log}")

    async def _up(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until a server answers, or the process has ended and none does: another one may have been faster."""
        while not await self._answers():
            if process.poll() is not None:
                return await self._answers()
            await asyncio.sleep(LOOK_SECONDS)
        return True

    async def _answers(self) -> bool:
        """Whether an Ollama server answers; waits for the answer where the connection is accepted."""
        try:
            reader, writer = await asyncio.open_connection(self._host.name, self._host.port)
            try:
                writer.write(f"GET / HTTP/1.0\r\nHost: {self._address}\r\n\r\n".encode())
                return GREETING in await reader.read(4096)
            finally:
                writer.close()
        except OSError:
            return False

    def _unreachable(self, why: str, *, later: bool = False) -> ProviderUnavailable:
        """The error to raise; ``later`` says that a chat would start the server."""
        if program() is None:
            hint = "`llmspell model install-ollama` says how to install it"
        elif later:
            hint = "it is started when a model of it is used (auto_start = true); start it with `ollama serve`"
        elif self._auto_start:
            hint = "start it with `ollama serve`"
        else:
            hint = "start it with `ollama serve`, let llmspell do it by [providers.ollama] auto_start = true"
        return ProviderUnavailable(
            f"cannot reach Ollama at {self._host} ({why})",
            provider="ollama",
            hint=f"{hint}, or set [providers.ollama] host",
        )

    def _failed(self, why: str, log: str) -> ProviderUnavailable:
        said = _tail(log)
        return ProviderUnavailable(
            f"`ollama serve` was started for {self._host}, and {why}{f': {said}' if said else ''}",
            provider="ollama",
            hint=f"{log} has all that it said; `ollama serve` in a terminal shows the same",
        )


def _serve(path: str, address: str, log: str) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that a Ctrl-C which is meant for the script doesn't end it."""
    try:
        os.makedirs(os.path.dirname(log), exist_ok=True)
        with open(log, "wb") as output:
            return subprocess.Popen(
                [path, "serve"],
                env={**os.environ, "OLLAMA_HOST": address},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise ProviderUnavailable(
            f"`ollama serve` can't be started: {error.filename}: {error.strerror}",
            provider="ollama",
            hint="start it in a terminal, and see what it says",
        ) from error


def _tail(log: str) -> str:
    """The last line of a log."""
    with contextlib.suppress(OSError), open(log, "rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - _TAIL))
        lines = stream.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""
    return ""
