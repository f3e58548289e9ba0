"""Every block of docs/providers/ollama.md runs on what a real server said, and its table of troubles is the code's."""

import asyncio
import base64
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from recorded_ollama import recorded
from replay import answer, index, recording, replay

from llmspell import ChatRequest, EmbedRequest, Message, ModelRef, Notice
from llmspell.errors import LLMSpellError
from llmspell_ollama import embedding, llmspell_providers, managing, options
from llmspell_ollama.complaints import ROWS
from llmspell_ollama.connection import Connection
from llmspell_ollama.failures import failure
from llmspell_ollama.host import parse
from llmspell_ollama.provider import OllamaProvider
from llmspell_ollama.settings import read

__all__ = ["replay"]

FILE = Path(__file__).parents[2] / "docs" / "providers" / "ollama.md"
PAGE = FILE.read_text(encoding="utf-8")
HOST = parse("127.0.0.1:11434")
HELLO = ChatRequest(ModelRef("smollm2"), (Message("user", "Hello!"),))


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


# ── the blocks ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shell(replay, llmspell_home, tmp_path, monkeypatch):
    """Run a script with `llmspell` on the path, beside a `hello.lua` and a `photo.png`; gives its stdout."""
    replay.respond = recorded
    monkeypatch.setenv("OLLAMA_HOST", replay.url)
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    (picture,) = recording("chat-image-unsupported").match["body"]["messages"][0]["images"]
    (tmp_path / "photo.png").write_bytes(base64.b64decode(picture))
    (tmp_path / "hello.lua").write_text('print(Agent.create{}:execute("Hello!").text)\n')

    def run(text):
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("text", blocks("sh"))
def test_each_sh_block_runs(shell, replay, text):
    assert shell(text).strip()
    assert replay.requests


@pytest.mark.parametrize("text", blocks("lua"))
def test_each_lua_block_runs(shell, replay, text, tmp_path):
    (tmp_path / "block.lua").write_text(text, encoding="utf-8")
    assert shell("llmspell run block.lua").strip()
    assert {"/api/chat", "/api/embed"} & {request.path for request in replay.requests}


@pytest.mark.parametrize("text", blocks("toml"))
def test_each_toml_block_is_a_configuration(shell, text, tmp_path):
    (tmp_path / "llmspell.toml").write_text(text, encoding="utf-8")
    shell("llmspell config check")


@pytest.mark.parametrize("text", blocks("python"))
def test_each_python_block_runs(shell, text, tmp_path):
    (tmp_path / "block.py").write_text(text, encoding="utf-8")
    assert shell(f"{sys.executable} -W error block.py") == "get_weather {'city': 'Tokyo'}\n"


def test_all_blocks_are_of_a_kind_that_is_checked():
    checked = sum(len(blocks(language)) for language in ("sh", "lua", "toml", "python"))
    assert PAGE.count("\n```") / 2 == checked + 1
    assert "\n```\npip install 'llmspell[ollama]'\n```\n" in PAGE  # the one that isn't run


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert target.startswith("http") or (FILE.parent / target).exists(), target


def test_settings_and_options_are_those_of_the_code():
    (spec,) = llmspell_providers()
    for key in spec.settings:
        assert re.search(rf"`{key}\b", PAGE), key
    named = re.search(r"Beside them Ollama takes (.*?), in `options`", PAGE, re.S).group(1)
    for name in re.findall(r"`(\w+)`", named):
        options.read({name: True if name == "think" else 1})


# ── the table of troubles ─────────────────────────────────────────────────────────────────────────────────────────


def symptoms():
    """The messages of the table's first column; in each, `…` stands for anything."""
    table = PAGE.split("| symptom | cause | what to do |\n|---|---|---|\n")[1]
    cells = [line.split(" | ")[0] for line in table.splitlines()]
    return [(two or one).strip() for cell in cells for two, one in re.findall(r"`` (.*?) ``|`(.*?)`", cell)]


def pattern(symptom):
    return ".*".join(map(re.escape, symptom.split("…")))


def told():
    """What the code's own table makes of everything that a server says, recorded or not."""
    for row in ROWS:
        words = {"{model}": "'x'", "{host}": HOST.url}
        yield re.sub(r"\{\w+\}", lambda found, words=words: words.get(found[0], "x"), row.message)
    for exchange in map(recording, (entry["id"] for entry in index())):
        if exchange.match["path"] in ("/api/chat", "/api/embed", "/api/pull", "/api/show", "/api/delete", "/api/tags"):
            for said, status in errors_in(exchange.response):
                yield failure(status, said, model="x", host=HOST).message


def errors_in(response):
    """The errors of an answer, each with its status, None within a stream."""
    text = "".join(chunk.get("s", "") for chunk in response["chunks"])
    if response["status"] >= 400:
        yield parsed(text), response["status"]
    else:
        for line in text.splitlines():
            if isinstance(said := parsed(line), dict) and said.get("error"):
                yield said, None


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_the_table_has_every_message_that_the_code_s_table_makes():
    patterns = [pattern(symptom) for symptom in symptoms()]
    without = [message for message in told() if not any(re.fullmatch(one, message, re.S) for one in patterns)]
    assert without == []


class Provoked:
    """Messages that the provider itself has for what happens to it, each made to happen on the replay server."""

    def __init__(self, replay, monkeypatch, folder):
        self.replay, self.patch, self.folder = replay, monkeypatch, folder

    def of(self, work, *exchanges, **settings):
        """The messages of one piece of work: of its error, or of what it tells the user."""
        self.replay.play(*exchanges)
        provider = OllamaProvider({"host": self.replay.url, "context_length": 0} | settings)

        async def run():
            try:
                return await work(provider)
            except LLMSpellError as error:
                return [error.message]
            finally:
                await provider.aclose()

        return asyncio.run(run())

    def all(self):
        """Each of them, and what else is told on the way."""
        yield from self.of(chat, "syn-cut")
        yield from self.of(chat, "syn-half-line")
        yield from self.of(chat, "chat-repeat-abort")
        yield from self.of(chat, "syn-hang", silence_timeout=0.05)
        yield from self.of(chat, recording("chat-stream", hold=0), load_timeout=0.05)
        yield from self.of(chat, answer("POST", "/api/chat", status=307, headers={"location": "http://elsewhere/"}))
        yield from self.of(chat, answer("POST", "/api/chat", {"error": "who are you?"}, status=401))
        yield from self.of(chat, answer("POST", "/api/chat", {"error": "something new"}, status=400))
        yield from self.of(chat, "old-chat-overflow", "show-smollm2", context_length=512)
        yield from self.of(lambda provider: chat(provider, options={"num_ctx": 1}))
        yield from self.of(lambda provider: chat(provider, ModelRef("gpt-oss", variant="120b-cloud")), local_only=True)
        yield from self.of(pull, "syn-pull-no-success")
        yield from self.of(state, *(answer("GET", f"/api/{path}", 1) for path in ("version", "tags", "ps")))
        yield from self.of_embedding()
        yield from self.of_waiting()
        yield from self.of_proxies()
        yield from self.of_keys()
        yield from self.of_servers()

    def of_embedding(self):
        """One of two texts is bad: it kills the process, or is too long."""
        self.patch.setattr(embedding, "PAUSE_SECONDS", 0)
        for id in ("embed-crash", "embed-too-long"):

            def respond(request, id=id):
                bad = request.path == "/api/embed" and "bad" in request.json["input"]
                return recording(id) if bad else recorded(request)

            with self.patch.context() as patch:
                patch.setattr(self.replay, "respond", respond)
                yield from self.of(embed)

    def of_waiting(self):
        self.patch.setattr(managing, "UNLOAD_SECONDS", 0.05)
        self.patch.setattr(managing, "STATUS_SECONDS", 0.05)
        with self.patch.context() as patch:
            patch.setattr(self.replay, "respond", recorded)
            yield from self.of(lambda provider: provider.unload(ModelRef("smollm2")))
        yield from self.of(state, recording("version", hold=0), "tags", "ps-one")

    def of_proxies(self):
        elsewhere = {"host": "https://gpu.invalid"}
        with self.patch.context() as patch:
            patch.setattr(self.replay, "respond", lambda request: answer("CONNECT", request.path, status=403))
            patch.setenv("https_proxy", self.replay.url)
            yield from self.of(chat, **elsewhere)
            patch.setenv("https_proxy", "nonsense://127.0.0.1:9")
            yield from self.of(chat, **elsewhere)

    def of_keys(self):
        self.patch.setenv("OLLAMA_API_KEY", "secret")
        for table in ({}, {"api_key_env": "OLLAMA_API_KEY"}):
            yield Connection(read({"host": "http://gpu.example", **table})).notice()

    def of_servers(self):
        """None is there, one is started and ends at once, the client isn't installed."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            nobody = f"127.0.0.1:{free.getsockname()[1]}"
        yield from self.of(chat, host=nobody)
        program = self.folder / "ollama"
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
        self.patch.setenv("PATH", str(self.folder), prepend=os.pathsep)
        self.patch.setenv("LLMSPELL_HOME", str(self.folder))
        yield from self.of(chat, host=nobody, auto_start=True)
        self.patch.setitem(sys.modules, "ollama", None)
        yield from self.of(chat)


async def chat(provider, model=HELLO.model, options=None):
    request = ChatRequest(model, (Message("user", "word " * 2000),), options=options or {})
    return [event.text async for event in provider.chat(request) if isinstance(event, Notice)]


async def embed(provider):
    result = await provider.embed(EmbedRequest(ModelRef("all-minilm"), ("good", "bad")))
    return [error.message for error in result.errors.values()]


async def pull(provider):
    return [step.status async for step in provider.pull(ModelRef("smollm2"))]


async def state(provider):
    return [(await provider.status()).error]


def test_every_message_of_the_table_is_one_that_the_code_makes(replay, monkeypatch, tmp_path):
    messages = [*told(), *Provoked(replay, monkeypatch, tmp_path).all()]
    invented = [one for one in symptoms() if not any(re.match(pattern(one), message, re.S) for message in messages)]
    assert invented == []
