"""A server of the tests in a process of its own: `fault_serving.py TESTS CHUNKS` prints its address and serves.

It ends when its standard input does. Every chat is answered with so many pieces of text, in OpenAI's format or in
Anthropic's, as it is asked.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    server: Any = import_module("fault_server").FaultServer
    with server(words=("word ",) * int(sys.argv[2])) as running:
        print(running.url, flush=True)
        sys.stdin.read()
