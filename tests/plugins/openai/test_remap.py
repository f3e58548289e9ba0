"""A script that was written for one provider runs on another: by the model's name, and by `[models.remap]` without one
word of it changed. All on the real model: in this process, and behind a server with OpenAI's wire format."""

import os
import subprocess
import sys

import pytest

SCRIPT = """\
local agent = Agent.create{ model = arg[1] or "openai/gpt-4o-mini", max_tokens = 12, temperature = 0, seed = 1 }
local result = agent:execute("What is the capital of France?")
local pieces = 0
for event in Agent.create{ model = arg[1] or "openai/gpt-4o-mini", max_tokens = 4 }:stream("Count to three.") do
  if type(event) == "string" or event.type == "text" then pieces = pieces + 1 end
end
print(result.provider, result.model, result.success, result.finish_reason, pieces > 0, result.cost)
print(result.text)
"""
"""Not one word of it knows where it runs."""
KEY = "sk-test-0123456789abcdef"
"""The one that the listener wants."""
SERVER = '[providers.house]\ntype = "openai"\nbase_url = "{url}"\napi_key_env = "HOUSE_KEY"\n'


@pytest.fixture
def program(llmspell_home, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "ask.lua").write_text(SCRIPT)

    def run(*words, toml=""):
        (work / "llmspell.toml").write_text(f"[providers.gguf]\nthreads = 1\n\n{toml}")
        environment = {**os.environ, "LLMSPELL_HOME": str(llmspell_home), "HOUSE_KEY": KEY}
        command = [sys.executable, "-m", "llmspell", *words]
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        first, _, text = done.stdout.partition("\n")
        return (*first.split("\t"), text)

    return run


def test_by_the_name_of_the_model(program, llama_server):
    here = program("run", "ask.lua", "local/smollm2:135m")
    there = program("run", "ask.lua", "house/smollm2:135m", toml=SERVER.format(url=llama_server))
    assert here[:1] == ("gguf",) and there[:1] == ("house",)
    for _, model, success, reason, streamed, _, text in (here, there):
        assert (success, streamed) == ("true", "true")
        assert reason in ("stop", "length")
        assert model and text.strip()
    assert here[6] == there[6], "it is the same model, which takes the likeliest token"
    assert (here[5], there[5]) == ("0.0", "nil")  # a server of one's own: nobody knows what it costs


def test_a_script_for_openai_runs_on_a_local_model(program):
    provider, model, success, _, streamed, cost, text = program(
        "run", "ask.lua", toml='[models.remap]\n"openai/*" = "local/smollm2:135m"\n'
    )
    assert (provider, model, success, streamed, cost) == ("gguf", "smollm2:135m", "true", "true", "0.0")
    assert text.strip()
    assert program("run", "--remap", "openai/*=local/smollm2:135m", "ask.lua")[0] == "gguf"


def test_and_back(program, llama_server):
    remap = '[models.remap]\n"local/*" = "house/gpt-4o-mini"\n'
    provider, _, success, _, streamed, _, text = program(
        "run", "ask.lua", "local/smollm2:135m", toml=SERVER.format(url=llama_server) + remap
    )
    assert (provider, success, streamed) == ("house", "true", "true")
    assert text.strip()


def test_the_server_takes_the_place_of_openai_itself(program, llama_server):
    provider, *_, text = program(
        "run",
        "ask.lua",
        toml=f'[providers.openai]\nbase_url = "{llama_server}"\napi_key_env = "HOUSE_KEY"\n',
    )
    assert provider == "openai" and text.strip()
