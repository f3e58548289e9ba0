"""`llmspell model` and `llmspell doctor`, with a provider that has a shop and no models."""

import json
import os
import signal
import subprocess
import sys

import pytest

from llmspell.testing import write_plugin

NEED = {"LLMSPELL_MODEL": "tiny:1b"}


def test_status(llmspell):
    assert llmspell("model", "status").stdout.splitlines() == [
        "PROVIDER  STATUS  VERSION  MODELS",
        "shop      ready   9.1           0",
    ]
    assert json.loads(llmspell("model", "status", "--json").stdout) == {
        "shop": {"ready": True, "version": "9.1", "models": 0, "error": None, "loaded": []}
    }


def test_no_models(llmspell):
    done = llmspell("model", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "`llmspell model available`" in done.stderr
    assert json.loads(llmspell("--json", "model", "list").stdout) == []


def test_available(llmspell):
    assert [line.split() for line in llmspell("model", "available").stdout.splitlines()] == [
        ["MODEL", "PROVIDER", "SIZE", "QUANTIZATION", "CONTEXT", "SOURCE"],
        ["tiny:1b", "shop", "94", "MB", "-", "-", "-"],
        ["broken:1b", "shop", "10", "B", "-", "-", "-"],
        ["endless:1b", "shop", "1.0", "kB", "-", "-", "-"],
    ]
    (tiny, *_) = json.loads(llmspell("model", "available", "--json").stdout)
    assert (tiny["id"], tiny["size_bytes"], tiny["capabilities"]) == ("tiny:1b", 94_000_000, ["chat"])


def test_pull_says_how_far_it_is_on_stderr_and_the_name_on_stdout(llmspell):
    done = llmspell("model", "pull", "tiny:1b")
    assert (done.returncode, done.stdout) == (0, "shop/tiny:1b\n")
    lines = done.stderr.splitlines()
    lines = lines[lines.index("pulling tiny:1b (94 MB)") :]
    assert [line.split("%")[0].strip() for line in lines[1:11]] == [str(ten) for ten in range(10, 101, 10)]
    assert lines[10] == "100%  94 MB of 94 MB"
    assert lines[11:] == ["verifying", "shop/tiny:1b is pulled"]
    assert (llmspell.home / "cache" / "model-names").read_text() == "shop/tiny:1b\ntiny:1b\n"


def test_a_pull_that_fails(llmspell):
    done = llmspell("model", "pull", "broken:1b")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.splitlines()[-2:] == ["error: the line went dead", "hint: try again"]


def test_ctrl_c_during_a_pull(llmspell):
    with subprocess.Popen(
        [sys.executable, "-m", "llmspell", "model", "pull", "endless:1b"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=llmspell.environment({}),
        cwd=llmspell.cwd,
    ) as child:
        assert child.stderr.readline() == "pulling endless:1b (1.0 kB)\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
        assert (child.stdout.read(), child.stderr.read()) == ("", "")


GARAGE = """\
from llmspell import LoadedModel, ModelInfo, Provider, ProviderSpec, PullProgress, hookimpl
from llmspell.errors import ModelNotFound

HERE = {id: ModelInfo(id, "garage", path=f"/cars/{id}") for id in ("beetle", "mini", "hf:owner/repo/van.gguf")}
HELD = [
    LoadedModel("beetle", memory_bytes=900_000_000, context_length=4096, engine="boxer 1.2", expires_at=4102488000.0),
    LoadedModel("mini", pid=77, program="llmspell run race.lua"),
]


class Garage(Provider):
    name = "garage"

    async def models(self):
        return list(HERE.values())

    async def available(self):
        return [ModelInfo("mini", self.name, size_bytes=5, recommended="small"), ModelInfo("truck", self.name)]

    async def info(self, ref):
        id = str(ref).partition("@")[0] if ref.kind == "hf" else ref.id
        if id not in HERE:
            raise ModelNotFound(f"no {id}", model=id)
        return HERE[id]

    async def pull(self, ref):
        id = f"{ref.name}:{ref.quantization.lower()}" if ref.quantization else "hf:owner/repo/van.gguf"
        HERE[id] = ModelInfo(id, self.name)
        yield PullProgress("complete", 1, 1, id)

    async def remove(self, ref):
        del HERE[ref.id]

    async def loaded(self):
        return HELD

    async def unload(self, ref):
        return (await self.info(ref)).id == "beetle"


@hookimpl
def llmspell_providers():
    return [ProviderSpec("garage", lambda settings: Garage(), kind="local", takes=("hf",))]
"""


@pytest.fixture
def garage(llmspell, tmp_path):
    """``garage("ps")`` runs a verb of `llmspell model` with a provider that has models in memory."""
    write_plugin(tmp_path / "plugins", "garage", GARAGE)
    return lambda *words: llmspell("model", *words, env={"LLMSPELL_PLUGINS": "shop,garage"})


def test_ps(garage):
    head, beetle, mini = garage("ps").stdout.splitlines()
    assert head.split() == ["MODEL", "PROVIDER", "MEMORY", "CONTEXT", "ENGINE", "UNTIL", "PROCESS"]
    assert beetle.split() == ["beetle", "garage", "900", "MB", "4096", "boxer", "1.2", "2100-01-01", "-"]
    assert mini.split() == ["mini", "garage", "-", "-", "-", "-", "77", "llmspell", "run", "race.lua"]
    one, other = json.loads(garage("ps", "--json", "--backend", "garage").stdout)
    assert one == {
        "id": "beetle",
        "provider": "garage",
        "memory_bytes": 900_000_000,
        "context_length": 4096,
        "engine": "boxer 1.2",
        "pid": None,
        "expires_at": 4102488000.0,
        "program": None,
    }
    assert (other["pid"], other["program"]) == (77, "llmspell run race.lua")


def test_ps_of_nothing(llmspell, garage):
    done = llmspell("model", "ps")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no model is in memory\n")
    assert llmspell("model", "ps", "--json").stdout == "[]\n"
    done = garage("ps", "--backend", "shop")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "error: shop can't say which models are in memory\nhint: these can: garage\n"


def test_unload(garage):
    done = garage("unload", "garage/beetle")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "garage/beetle is unloaded\n")
    done = garage("unload", "hf:owner/repo/van.gguf")
    assert (done.returncode, done.stderr) == (0, "hf:owner/repo/van.gguf is not in memory\n")
    done = garage("unload", "mini")
    assert done.returncode == 5
    assert "mini is in the memory of '77 llmspell run race.lua'; only the process itself can give it" in done.stderr
    assert garage("unload", "truck").returncode == 5


def test_what_was_done_as_json(garage, llmspell):
    assert json.loads(garage("unload", "beetle", "--json").stdout) == {"model": "beetle", "unloaded": True}
    assert json.loads(garage("path", "beetle", "--json").stdout) == {"model": "beetle", "path": "/cars/beetle"}
    assert json.loads(garage("remove", "beetle", "--json").stdout) == {"model": "beetle", "removed": True}
    pulled = llmspell("model", "pull", "tiny:1b", "--json")
    assert json.loads(pulled.stdout) == {"model": "shop/tiny:1b", "fetched": True}


def test_path(garage):
    done = garage("path", "beetle")
    assert (done.returncode, done.stdout, done.stderr) == (0, "/cars/beetle\n", "")
    assert garage("path", "truck").returncode == 5


def test_recommended(llmspell, garage):
    assert [line.split() for line in garage("available", "--recommended").stdout.splitlines()] == [
        ["MODEL", "PROVIDER", "SIZE", "QUANTIZATION", "CONTEXT", "WHY"],
        ["mini", "garage", "5", "B", "-", "-", "small"],
    ]
    (one,) = json.loads(garage("available", "--recommended", "--json").stdout)
    assert (one["id"], one["recommended"]) == ("mini", "small")
    done = llmspell("model", "available", "--recommended")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no provider recommends a model\n")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("mini", "--quantization", "Q8_0"), "garage/mini:q8_0"),
        (("garage/mini", "--quantization", "Q8_0"), "garage/mini:q8_0"),
        (("hf:owner/repo",), "hf:owner/repo/van.gguf@garage"),
        (("hf:owner/repo@garage",), "hf:owner/repo/van.gguf@garage"),
    ],
)
def test_pull_prints_the_name_under_which_the_model_is_here(garage, words, name):
    done = garage("pull", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}\n", f"{name} is already here\n")


def test_models_that_nobody_has(llmspell):
    for verb in ("info", "remove"):
        done = llmspell("model", verb, "tiny:1b")
        assert (done.returncode, done.stdout) == (5, "")
        assert "`llmspell model pull tiny:1b`" in done.stderr
    assert llmspell("model", "list", "--backend", "nobody").returncode == 4


def test_the_real_model(llmspell, llmspell_home):
    env = {"LLMSPELL_HOME": str(llmspell_home), "LLMSPELL_PLUGINS": "gguf"}
    assert "smollm2:135m  gguf" in llmspell("model", "list", env=env).stdout
    (one,) = json.loads(llmspell("model", "list", "--json", env=env).stdout)
    assert (one["id"], one["provider"], one["quantization"]) == ("smollm2:135m", "gguf", "Q4_1")
    done = llmspell("model", "pull", "smollm2:135m", env=env)
    assert (done.returncode, done.stdout) == (0, "gguf/smollm2:135m\n")
    assert done.stderr == "gguf/smollm2:135m is already here\n"
    (file,) = llmspell("model", "path", "smollm2:135m", env=env).stdout.splitlines()
    assert os.path.getsize(file) == one["size_bytes"]
    about = llmspell("model", "info", "local/smollm2:135m", env=env).stdout
    assert "quantization    Q4_1" in about
    assert (
        json.loads(llmspell("model", "info", "smollm2:135m@candle", "--json", env=env).stdout)["id"] == "smollm2:135m"
    )
    done = llmspell("doctor", env=env)
    assert done.returncode == 0
    assert "default model  local/smollm2:135m, by gguf" in done.stdout
    assert llmspell("model", "remove", "smollm2:135m", env=env).returncode == 0
    assert llmspell("model", "list", env=env).stdout == ""
    done = llmspell("doctor", env=env)
    assert done.returncode == 5
    assert "FAIL  default model" in done.stdout
    assert "`llmspell model pull local/smollm2:135m`" in done.stderr


def test_ps_shows_what_another_process_holds(llmspell, llmspell_home):
    env = {"LLMSPELL_HOME": str(llmspell_home), "LLMSPELL_PLUGINS": "gguf", "LLMSPELL_PROVIDERS_GGUF_THREADS": "1"}
    code = 'LocalLLM.load("smollm2:135m") print("loaded") io.flush() io.read()'
    with subprocess.Popen(
        [sys.executable, "-m", "llmspell", "exec", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=llmspell.environment(env),
        cwd=llmspell.cwd,
    ) as child:
        assert child.stdout.readline() == "loaded\n"
        (held,) = json.loads(llmspell("model", "ps", "--json", env=env).stdout)
        assert (held["id"], held["provider"], held["pid"]) == ("smollm2:135m", "gguf", child.pid)
        assert held["memory_bytes"] > 90_000_000
        assert held["program"].startswith("llmspell exec LocalLLM.load")
        done = llmspell("model", "unload", "smollm2:135m", env=env)
        assert done.returncode == 5
        assert f"'{child.pid} llmspell exec" in done.stderr
        child.stdin.close()
        assert child.wait(30) == 0
    assert llmspell("model", "ps", env=env).stderr == "no model is in memory\n"
    assert llmspell("model", "unload", "smollm2:135m", env=env).stderr == "smollm2:135m is not in memory\n"


def test_the_real_model_answers_and_tells_why_it_runs_so(llmspell, llmspell_home):
    env = {"LLMSPELL_HOME": str(llmspell_home), "LLMSPELL_PLUGINS": "gguf", "LLMSPELL_PROVIDERS_GGUF_THREADS": "1"}
    code = 'print(Agent.create{max_tokens = 8}:execute("Say hi").text)'
    done = llmspell("exec", code, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
    assert "threads 1" in llmspell("-v", "exec", code, env=env).stderr


def test_doctor(llmspell):
    done = llmspell("doctor", env=NEED)
    assert done.returncode == 5
    assert "ok    provider shop  9.1, 0 models" in done.stdout
    assert "hint: fetch it (94 MB) with `llmspell model pull tiny:1b`" in done.stderr
    findings = {one["thing"]: one["state"] for one in json.loads(llmspell("doctor", "--json", env=NEED).stdout)}
    assert findings["default model"] == "FAIL"
    assert {"python", "lua", "settings", "data folder", "cache folder"} <= set(findings)
    assert llmspell("doctor", env={"LLMSPELL_MODEL": "nobody/x"}).returncode == 4
    done = llmspell("doctor", env={**NEED, "SHOP_CLOSED": "1"})
    assert done.returncode == 4
    assert "-     provider shop  the shop is closed" in done.stdout
    assert done.stderr == "hint: the shop is closed\n"
