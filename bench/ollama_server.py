"""A server that answers as a recorded Ollama did: `ollama_server.py RECORDINGS PACE` prints its port and serves.

A process of its own, so that its work isn't counted. A chat answers with as many lines of the recording as
`num_predict` asks for, from the beginning again where it has fewer, each in a chunk of its own and PACE seconds after
the one before.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from pathlib import Path
from typing import Any

CHAT = "chat-format-json"
"""The recorded stream: sixty lines of one token each, and a last line with the counts."""
OTHERS = {"/api/version": "version", "/api/tags": "tags", "/api/ps": "ps-one", "/api/show": "show-smollm2"}


class _Server(ThreadingHTTPServer):
    def __init__(self, recordings: Path, pace: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        *self.tokens, self.last = _body(recordings, CHAT).splitlines(keepends=True)
        self.plain = {path: _body(recordings, id) for path, id in OTHERS.items()}
        self.pace = pace

    def lines(self, body: dict[str, Any]) -> Iterator[bytes]:
        yield from islice(cycle(self.tokens), body["options"]["num_predict"])
        yield self.last


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        given = self.rfile.read(int(self.headers["content-length"]))
        if self.path != "/api/chat":
            self._answer()
            return
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for line in self.server.lines(json.loads(given)):
            time.sleep(self.server.pace)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self) -> None:
        body = self.server.plain[self.path]
        self.send_response(200)
        self.send_header("content-type", "application/json; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _body(recordings: Path, id: str) -> bytes:
    exchange = json.loads((recordings / f"{id}.json").read_text(encoding="utf-8"))
    return "".join(chunk["s"] for chunk in exchange["response"]["chunks"]).encode()


if __name__ == "__main__":
    server = _Server(Path(sys.argv[1]), float(sys.argv[2]))
    print(server.server_port, flush=True)
    server.serve_forever()
