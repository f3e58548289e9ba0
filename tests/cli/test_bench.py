"""`llmspell bench`: real processes, with providers that do as their models' names say, and with the real model."""

import json
import os
import signal
import subprocess
import sys

import pytest

from llmspell.testing.plugin_files import write_plugin

LAB = """\
import asyncio
import os
import signal

from llmspell import Finish, LoadedModel, ModelInfo, Provider, ProviderSpec, TextDelta, Usage, hookimpl
from llmspell.errors import ModelNotFound, RateLimited

WORDS = ["It ", "was ", "a ", "dark ", "night."]
print("a plugin that is imported may print")


class Lab(Provider):
    name = "lab"

    def __init__(self):
        self.asked = 0
        self.running = 0
        self.together = 0

    async def info(self, ref):
        if ref.id == "gone":
            raise ModelNotFound("the lab has no gone", model="gone")
        return ModelInfo(ref.id, "lab", size_bytes=4_700_000_000, parameter_count="7.2B", quantization="Q4_K_M")

    async def chat(self, request):
        await self.info(request.model)
        self.asked += 1
        self.running += 1
        self.together = max(self.together, self.running)
        try:
            async for event in self.answer(request):
                yield event
        finally:
            self.running -= 1

    async def answer(self, request):
        does = request.model.id
        if does == "noisy":
            os.write(1, b"a library may write to the terminal\\n")
        if self.asked == 2:
            if does == "dies":
                os.kill(os.getpid(), signal.SIGSEGV)
            if does == "refuses":
                raise RateLimited("slow down", provider="lab", hint="wait", retryable=False)
            if does == "endless":
                with open("pid", "w") as stream:
                    stream.write(str(os.getpid()))
                yield TextDelta("and ")
                await asyncio.Event().wait()
        for word in WORDS:
            await asyncio.sleep(0)
            yield TextDelta(word)
        with open("together", "w") as stream:
            stream.write(str(self.together))
        words = sum(len(message.content.split()) for message in request.messages)
        cached = words - len(request.messages[-1].content.split())
        assert request.options["temperature"] == 0
        yield Finish("stop", does, Usage(words, len(WORDS), cached))


class Loads(Lab):
    name = "loads"

    async def load(self, ref):
        await asyncio.sleep(0)

    async def loaded(self):
        return [
            LoadedModel("m", engine="lab engine 3", pid=os.getpid()),
            LoadedModel("other", engine="another model's", pid=os.getpid()),
            LoadedModel("m", engine="another program's", pid=1, program="init"),
        ]


@hookimpl
def llmspell_providers():
    return [ProviderSpec("lab", lambda settings: Lab()), ProviderSpec("loads", lambda settings: Loads())]
"""

FIGURES = (
    "cold_start_seconds",
    "first_token_seconds",
    "tokens_per_second",
    "agents_tokens_per_second",
    "second_turn_first_token_seconds",
    "peak_memory_bytes",
)


@pytest.fixture
def bench(llmspell, tmp_path):
    """Run `llmspell bench` with the providers of the lab; `bench.json(…)` also reads the answer."""
    write_plugin(tmp_path / "plugins", "lab", LAB)

    def run(*words, **more):
        return llmspell("bench", *words, env={"LLMSPELL_PLUGINS": "lab", **more})

    def parsed(*words, **more):
        done = run("--json", *words, **more)
        return done, json.loads(done.stdout)

    run.json = parsed
    run.llmspell = llmspell
    return run


def test_figures_as_json(bench):
    done, (found,) = bench.json("-m", "lab/steady")
    assert done.returncode == 0
    assert (found["model"], found["provider"], found["agents"], found["error"]) == ("lab/steady", "lab", 4, None)
    assert (found["parameter_count"], found["quantization"], found["size_bytes"]) == ("7.2B", "Q4_K_M", 4_700_000_000)
    assert all(found[name] > 0 for name in FIGURES)
    assert (found["load_seconds"], found["engine"]) == (None, None)  # the provider can't load, nor list what is loaded
    assert found["cold_start_seconds"] > found["first_token_seconds"]
    assert (found["prompt_tokens"], found["answer_tokens"]) == (8, 5)
    assert found["second_turn_prompt_tokens"] == found["second_turn_cached_tokens"] + 6
    assert done.stderr.splitlines()[-5:] == [
        "lab/steady: load …",
        "lab/steady: cold start …",
        "lab/steady: first token …",
        "lab/steady: 4 agents at once, in all …",
        "lab/steady: second turn, first token …",
    ]


def test_a_provider_that_loads(bench):
    _, (found,) = bench.json("-m", "loads/m")
    assert 0 < found["load_seconds"] < found["cold_start_seconds"]
    assert found["engine"] == "lab engine 3"


def test_the_agents_ask_at_once(bench):
    for count in (1, 7):
        _, (found,) = bench.json("-m", "lab/steady", "--agents", str(count))
        assert found["agents"] == count
        assert (bench.llmspell.cwd / "together").read_text() == str(count)


def test_a_column_for_each_model_and_those_that_fail_say_why(bench):
    models = ("lab/steady", "lab/gone", "lab/refuses", "loads/m")
    done = bench(*(word for model in models for word in ("-m", model)))
    assert done.returncode == 5  # no such model: the worst of the three
    lines = {line[:24].strip(): line for line in done.stdout.splitlines()}
    assert done.stdout.splitlines()[0].split() == ["TARGET", "AT", "7B", *models]
    assert lines["model"].count("7.2B, Q4_K_M, 4.7 GB") == 3
    assert lines["load"].split()[1:4] == ["≤", "5", "s"]
    assert lines["load"].split()[4:6] == ["-", "-"]
    assert "≤ 10 s" in lines["cold start"]
    assert "model not found" in lines["cold start"]
    assert "rate limited" in lines["first token"]
    assert lines["one stream"].count(" tokens/s") == 3
    assert lines["4 agents at once, in all"].split()[-2:][1] == "tokens/s"
    assert lines["of its prompt cached"].count(" of ") == 3
    assert "≤ 5 GB" in lines["peak memory"]
    assert "for a model of 7 billion parameters at Q4_K_M" in done.stdout
    assert "up to 64 tokens to fixed\nprompts of 8 tokens" in done.stdout
    said = done.stderr.splitlines()
    assert said[-4] == "error: lab/gone: no model 'gone': the lab has no gone"
    assert said[-3].startswith("hint: ")
    assert said[-2:] == ["error: lab/refuses: slow down", "hint: wait"]


def test_a_process_that_dies_costs_its_column_only(bench):
    done, (dead, alive) = bench.json("-m", "lab/dies", "-m", "lab/steady")
    assert done.returncode == 4
    assert dead["error"]["type"] == "provider_crashed"
    assert dead["error"]["at"] == "first_token_seconds"
    assert "SIGSEGV" in dead["error"]["message"]
    assert dead["cold_start_seconds"] > 0
    assert (dead["tokens_per_second"], alive["error"]) == (None, None)
    assert "error: lab/dies: the process that ran it was ended by SIGSEGV" in done.stderr


def test_what_others_print_stays_out_of_the_answer(bench):
    done, (found,) = bench.json("-m", "lab/noisy")
    assert (done.returncode, found["error"]) == (0, None)
    assert "a plugin that is imported may print" in done.stderr
    assert "a library may write to the terminal" in done.stderr


def test_flags_and_settings_hold_in_the_measured_process(bench):
    (bench.llmspell.cwd / "other.toml").write_text('[models]\ndefault = "quick"\n[models.aliases]\nquick = "lab/a"\n')
    done, (found,) = bench.json("-c", "other.toml")
    assert (done.returncode, found["model"], found["provider"]) == (0, "quick", "lab")
    done, (found,) = bench.json("--remap", "openai/*=lab/steady", "-m", "openai/gpt")
    assert (done.returncode, found["model"], found["provider"]) == (0, "openai/gpt", "lab")


def test_agents_must_be_a_number_above_0(bench):
    for given, said in (("0", "--agents 0: there must be one at least"), ("many", "invalid int value: 'many'")):
        done = bench("--agents", given)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


@pytest.fixture
def endless(bench):
    """A bench that waits for a token that never comes, and the id of the process that it measures."""
    with subprocess.Popen(
        [sys.executable, "-m", "llmspell", "bench", "-m", "lab/endless", "-m", "lab/steady"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=bench.llmspell.environment({"LLMSPELL_PLUGINS": "lab"}),
        cwd=bench.llmspell.cwd,
    ) as child:
        while child.stderr.readline() != "lab/endless: first token …\n":
            assert child.poll() is None
        pid_file = bench.llmspell.cwd / "pid"
        while not (pid_file.exists() and pid_file.read_text()):
            assert child.poll() is None
        yield child, int(pid_file.read_text())
        child.kill()


def test_ctrl_c_ends_both_processes(endless):
    child, measured = endless
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == 130
    assert (child.stdout.read(), child.stderr.read()) == ("", "")
    with pytest.raises(ProcessLookupError):
        os.kill(measured, 0)


def test_the_measured_process_ends_with_the_one_that_started_it(endless):
    child, _ = endless
    child.kill()
    assert child.communicate(timeout=60) == ("", "")  # their ends are reached: nobody is left who could write


def test_the_peak_counts_processes_that_this_one_started(tmp_path):
    big = "data = bytearray(b'x') * 150_000_000; print(flush=True); del data; input()"
    code = (
        "import subprocess, sys\n"
        "from llmspell.cli.bench_memory import peak_of_tree, peak_reported\n"
        "before = peak_of_tree()\n"
        f"with subprocess.Popen([sys.executable, '-c', {big!r}], stdin=-1, stdout=-1, text=True) as child:\n"
        "    child.stdout.readline()\n"
        "    print(before, peak_of_tree())\n"
        "    child.communicate('\\n')\n"
        "print(peak_reported())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after, reported = map(int, done.stdout.split())
    assert 5_000_000 < before < 150_000_000
    assert after > before + 150_000_000
    assert reported > 150_000_000


def test_the_real_model(bench, llmspell_home):
    env = {"LLMSPELL_HOME": str(llmspell_home), "LLMSPELL_PLUGINS": "gguf", "LLMSPELL_PROVIDERS_GGUF_THREADS": "1"}
    done, (found,) = bench.json("--agents", "2", **env)
    assert (done.returncode, found["model"], found["provider"]) == (0, "local/smollm2:135m", "gguf")
    assert all(found[name] > 0 for name in FIGURES)
    assert 0 < found["load_seconds"] < found["cold_start_seconds"]
    assert found["engine"].startswith("xllamacpp ")
    assert found["answer_tokens"] == 64
    assert found["second_turn_cached_tokens"] > 0.8 * found["second_turn_prompt_tokens"]
    assert found["peak_memory_bytes"] > found["size_bytes"]
