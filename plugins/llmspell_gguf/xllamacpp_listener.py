"""The HTTP listener of the engine xllamacpp, which can't be turned off: this object alone can reach it.

It is a Unix socket in a folder that only this user may enter, and its requests need a key that nobody else knows. On
Linux the folder goes as soon as the model is loaded and the socket is reached by a descriptor. Where there are no Unix
sockets it is a port on loopback. It is of use for what the engine's functions can't do: it counts tokens.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llmspell.errors import ProviderError


class Listener:
    """Where the engine listens. Must be closed, if the engine was loaded."""

    def __init__(self) -> None:
        self._key = secrets.token_urlsafe(32)
        self._folder = self._path = ""
        self.address = ""
        """What the engine calls it, after the load; of use where it is no Unix socket."""
        self._descriptor: int | None = None

    @contextmanager
    def hidden(self, params: Any) -> Iterator[None]:
        """Have an engine that is loaded inside of the context, with these parameters, listen here."""
        params.api_keys = [self._key]
        if os.name != "posix":
            yield
            return
        self._folder = tempfile.mkdtemp(prefix="llmspell-")  # made with mode 0700
        self._path = os.path.join(self._folder, "engine.sock")
        params.hostnames = [self._path]
        try:
            yield
            if sys.platform == "linux":
                self._descriptor = os.open(self._path, os.O_PATH)
                self._path = f"/proc/self/fd/{self._descriptor}"
                shutil.rmtree(self._folder, ignore_errors=True)
        except BaseException:
            self.close()
            raise

    def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a request to one of the engine's addresses and return the JSON that comes back. Blocks.

        Raises:
            ProviderError: the engine is closed, or doesn't answer.
        """
        import http.client  # on first use, as it takes longer than a request

        connection = http.client.HTTPConnection(self.address.removeprefix("http://") if not self._path else "localhost")
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            if self._path:
                connection.sock = socket.socket(socket.AF_UNIX)
                connection.sock.connect(self._path)
            connection.request("POST", path, json.dumps(body), headers)
            with connection.getresponse() as response:
                return json.load(response)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ProviderError(f"the engine doesn't answer: {error}", provider="gguf", retryable=True) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Let go of it, whether there is an engine or not."""
        if self._descriptor is not None:
            self._path = os.devnull  # another file may get the number
            os.close(self._descriptor)
            self._descriptor = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
