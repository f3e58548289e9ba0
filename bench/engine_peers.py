"""The engines without llmspell: called directly in this process, and behind the HTTP servers that they bring along.

Every peer is an `Ask`: a blocking function that has one conversation's next answer streamed, and notes the first text
and the number of tokens. All run the same file with the same context, batch and threads as llmspell's engine.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from socket import create_server
from typing import Any

from bench import environments
from bench.answers import Answer
from bench.models import THREADS
from bench.one_model import BATCH, CONTEXT, settings_of

Ask = Callable[[Sequence[dict[str, str]], int, Answer], str]
"""Messages, the most tokens of the answer, where to note what it took; gives the answer's text."""

START_SECONDS = 60.0


def user(text: str) -> dict[str, str]:
    """A message as every engine takes it."""
    return {"role": "user", "content": text}


# ── in this process ───────────────────────────────────────────────────────────────────────────────────────────────────


def direct(engine: str, file: Path) -> Ask:
    """An engine loaded for this and called as its own users do."""
    return xllamacpp_direct(_xllamacpp(file)) if engine == "xllamacpp" else _llama_cpp(file)


def xllamacpp_direct(server: Any) -> Ask:
    """An `xllamacpp.Server`, called with the body that llmspell sends."""

    def ask(messages: Sequence[dict[str, str]], tokens: int, answer: Answer) -> str:
        reader = _Reader(answer)
        more = {"return_progress": True, "timings_per_token": False}
        server.handle_chat_completions({**_body(messages, tokens), **more}, reader.take)
        return reader.end()

    return ask


def _xllamacpp(file: Path) -> Any:
    """The engine's server with the parameters that llmspell gives it."""
    from llmspell_gguf import metadata, sizing, xllamacpp_engine

    found = metadata.read(str(file))
    return xllamacpp_engine._start(found, sizing.plan(found, settings_of("xllamacpp")))


def _llama_cpp(file: Path) -> Ask:
    """`llama_cpp.Llama`, which is what its users call."""
    import llama_cpp

    llama = llama_cpp.Llama(
        str(file), n_ctx=CONTEXT, n_batch=BATCH, n_threads=THREADS, n_threads_batch=THREADS, verbose=False
    )

    def ask(messages: Sequence[dict[str, str]], tokens: int, answer: Answer) -> str:
        reader = _Reader(answer)
        said: Any = list(messages)
        for chunk in llama.create_chat_completion(said, max_tokens=tokens, temperature=0.0, stream=True):
            reader.take(chunk)
        return reader.end()

    return ask


def _body(messages: Sequence[dict[str, str]], tokens: int) -> dict[str, Any]:
    return {
        "messages": list(messages),
        "max_tokens": tokens,
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


class _Reader:
    """Takes the chunks of one streamed answer, in the shape that OpenAI gave them."""

    def __init__(self, answer: Answer) -> None:
        self._answer, self._texts = answer, list[str]()
        self._tokens = 0

    def take(self, chunk: Any) -> bool:
        """Note what a chunk brings; gives False, which makes xllamacpp go on."""
        for choice in chunk["choices"]:
            if text := choice["delta"].get("content"):
                if not self._texts:
                    self._answer.note("first")
                self._texts.append(text)
        if usage := chunk.get("usage"):
            self._tokens = usage["completion_tokens"]
        return False

    def end(self) -> str:
        """The whole text; a stream that doesn't count its tokens has one in each chunk of text."""
        self._answer.note("end", self._tokens or len(self._texts))
        return "".join(self._texts)


# ── behind HTTP ───────────────────────────────────────────────────────────────────────────────────────────────────────

XLLAMACPP_SERVER = """
import json, os, sys
from llmspell_gguf import metadata, sizing, xllamacpp_engine
found = metadata.read(sys.argv[1])
server = xllamacpp_engine._start(found, sizing.plan(found, json.loads(sys.argv[2])))  # it listens on loopback
print(server.listening_address, flush=True)
sys.stdin.read()
os._exit(0)
"""


def server(engine: str, file: Path) -> AbstractContextManager[Ask]:
    """The HTTP server of an engine in a process of its own, for as long as the context lasts.

    Raises:
        RuntimeError: it doesn't start.
    """
    return _xllamacpp_server(file) if engine == "xllamacpp" else _llama_cpp_server(file)


@contextmanager
def _xllamacpp_server(file: Path) -> Iterator[Ask]:
    settings = json.dumps(settings_of("xllamacpp"))
    with _running([sys.executable, "-c", XLLAMACPP_SERVER, str(file), settings], os.environ) as child:
        assert child.stdout is not None
        address = child.stdout.readline().decode().strip()
        if not address:
            raise RuntimeError(f"xllamacpp's server ended with {child.wait()}")
        yield _over_http(address.removeprefix("http://"))


@contextmanager
def _llama_cpp_server(file: Path) -> Iterator[Ask]:
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "model": file,
        "host": "127.0.0.1",
        "port": port,
        "n_ctx": CONTEXT,
        "n_batch": BATCH,
        "n_threads": THREADS,
        "n_threads_batch": THREADS,
        "logits_all": False,
        "verbose": False,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    variables = {**os.environ, "PYTHONPATH": str(environments.llama_cpp_server())}
    with _running([sys.executable, "-m", "llama_cpp.server", *words], variables) as child:
        _wait_for(child, port)
        yield _over_http(f"127.0.0.1:{port}", repeat_penalty=1.0)  # which is 1.1 there, and costs


@contextmanager
def _running(command: Sequence[str], variables: Any) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _wait_for(child: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise RuntimeError(f"llama-cpp-python's server ended with {child.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.request("GET", "/v1/models")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise RuntimeError(f"llama-cpp-python's server did not answer within {START_SECONDS:g} s")


def _over_http(address: str, **more: Any) -> Ask:
    def ask(messages: Sequence[dict[str, str]], tokens: int, answer: Answer) -> str:
        reader = _Reader(answer)
        connection = http.client.HTTPConnection(address)
        try:
            body = json.dumps({**_body(messages, tokens), **more})
            connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"{address} answers {response.status}: {response.read(500)!r}")
            for data in _events(response):
                reader.take(json.loads(data))
        finally:
            connection.close()
        return reader.end()

    return ask


def _events(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The data of server-sent events, each of which is one line here."""
    for line in lines:
        if line.startswith(b"data: {"):
            yield line[6:]
