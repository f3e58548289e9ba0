"""`llmspell model` on a server that plays recorded exchanges."""

import json
import os
import signal
import subprocess
import sys

import pytest


@pytest.fixture
def model(replay, tmp_path):
    """Run a verb: ``model("pull", "ollama/smollm2")`` gives a finished process with text."""

    def run(*words):
        return subprocess.run(run.command(*words), capture_output=True, text=True, env=run.env, timeout=60)

    run.command = lambda *words: [sys.executable, "-m", "llmspell", "model", *words]
    run.env = {
        **os.environ,
        "LLMSPELL_HOME": str(tmp_path),
        "LLMSPELL_PLUGINS": "ollama",
        "LLMSPELL_PROVIDERS_OLLAMA_HOST": replay.url,
        "TZ": "CET-1",
    }
    return run


def test_status_and_list(model, replay):
    replay.match("version", "tags", "ps-none")
    assert model("status").stdout.splitlines()[1].split() == ["ollama", "ready", "0.33.0", "8"]
    lines = model("list").stdout.splitlines()
    assert lines[1].split()[:6] == ["all-minilm:latest", "ollama", "46", "MB", "F16", "-"]
    assert len(lines) == 9


def test_info(model, replay):
    replay.match("tags", "ps-one")
    replay.play("show-think")
    shown = dict(line.split(None, 1) for line in model("info", "ollama/smol-think").stdout.splitlines())
    assert (shown["model"], shown["provider"], shown["can"]) == (
        "smol-think:latest",
        "ollama",
        "chat, json_schema, thinking",
    )


def test_pull(model, replay):
    replay.match("tags")
    replay.play("pull-success", "pull-cached")
    done = model("pull", "ollama/smollm2")
    assert (done.returncode, done.stdout) == (0, "ollama/smollm2:latest\n")
    lines = done.stderr.splitlines()
    assert lines[0] == "pulling ollama/smollm2 (98 MB)"
    assert [line.split("%")[0].strip() for line in lines[1:10]] == [str(ten) for ten in range(10, 100, 10)]
    assert lines[10:] == ["verifying", "ollama/smollm2:latest is pulled"]
    assert model("pull", "ollama/smollm2").stderr == "ollama/smollm2:latest is already here\n"


def test_a_pull_that_fails(model, replay):
    replay.play("pull-digest-mismatch")
    done = model("pull", "ollama/smollm2")
    assert (done.returncode, done.stdout) == (5, "")
    error, hint = done.stderr.splitlines()[-2:]
    assert error.startswith("error: ")
    assert "digest mismatch" in error
    assert "again" in hint


def test_ctrl_c_closes_the_connection_of_a_pull(model, replay):
    (exchange,) = replay.play("pull-cancelled")
    command = model.command("pull", "ollama/smollm2")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=model.env) as child:
        assert exchange.held.wait(30)
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
    assert replay.requests[0].left.wait(20)


def test_ps_and_unload(model, replay):
    replay.play("ps-one", "ps-one", "chat-unload", "ps-after-unload", "ps-none")
    row = model("ps").stdout.splitlines()[1].split()
    assert row[:7] == ["smollm2:latest", "ollama", "160", "MB", "2048", "Ollama,", "CPU"]
    assert row[7] in ("13:53", "2026-11-21")  # the day, where that is not soon
    assert model("unload", "ollama/smollm2").stderr == "ollama/smollm2 is unloaded\n"
    assert model("ps").stderr == "no model is in memory\n"


def test_remove(model, replay):
    replay.match("tags", "ps-none")
    replay.play("delete", "delete-unknown")
    assert model("remove", "ollama/corsair:v2").returncode == 0
    done = model("remove", "ollama/smolm2")
    assert done.returncode == 5
    assert "did you mean smollm2:latest" in done.stderr


def test_a_model_of_the_cloud_is_refused(model, replay):
    model.env["LLMSPELL_PROVIDERS_OLLAMA_LOCAL_ONLY"] = "true"
    done = model("pull", "ollama/gpt-oss:120b-cloud")
    assert done.returncode == 5
    assert "local_only" in done.stderr
    assert replay.requests == []


def test_a_server_that_is_not_running(model):
    model.env["LLMSPELL_PROVIDERS_OLLAMA_HOST"] = "127.0.0.1:1"
    for words in (["list", "--backend", "ollama"], ["info", "ollama/x"], ["ps", "--backend", "ollama"]):
        done = model(*words)
        assert done.returncode == 4
        assert "cannot reach Ollama at http://127.0.0.1:1 (connection refused)" in done.stderr
        assert "hint: " in done.stderr
    assert json.loads(model("status", "--json").stdout)["ollama"]["ready"] is False
