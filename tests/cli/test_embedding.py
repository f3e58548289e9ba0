"""`llmspell embed`: vectors of texts, from the command line and from stdin."""

import json
import signal
import subprocess
import sys

import pytest

from llmspell.testing import write_plugin

ABACUS = """\
import asyncio
from dataclasses import replace

from llmspell import ModelInfo, ProviderSpec, hookimpl
from llmspell.errors import ProviderCrashed


def make(settings):
    from llmspell.testing import ScriptedProvider

    class Abacus(ScriptedProvider):
        async def embed(self, request):
            if request.model.id == "endless":
                print("embedding", flush=True)
                await asyncio.Event().wait()
            result = await super().embed(request)
            bad = [place for place, text in enumerate(request.texts) if text == "bad"]
            vectors = tuple(() if place in bad else vector for place, vector in enumerate(result.vectors))
            errors = {place: ProviderCrashed("it died", hint="try again") for place in bad}
            return replace(result, vectors=vectors, errors=errors)

    return Abacus(name="abacus", models=("counter", "endless"), vector=lambda text: [len(text), 0.1])


@hookimpl
def llmspell_providers():
    return [ProviderSpec("abacus", make, kind="local")]
"""


@pytest.fixture
def embed(llmspell, tmp_path):
    """``embed("a", "b", stdin="…")`` runs the command with a provider whose vectors say how long a text is."""
    write_plugin(tmp_path / "plugins", "abacus", ABACUS)
    (llmspell.cwd / "llmspell.toml").write_text('[models]\nembedding = "abacus/counter"\n')

    def embed(*words, **more):
        return llmspell("embed", *words, env={"LLMSPELL_PLUGINS": "shop,abacus", **more.pop("env", {})}, **more)

    return embed


def test_a_line_for_each_text(embed):
    done = embed("a", "b c", "")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1.0, 0.1]\n[3.0, 0.1]\n[0.0, 0.1]\n", "")


def test_a_text_that_fails_leaves_its_line_to_null(embed):
    done = embed("a", "bad", "b c")
    assert (done.returncode, done.stdout) == (4, "[1.0, 0.1]\nnull\n[3.0, 0.1]\n")
    assert done.stderr == "text 2: it died (try again)\n"


def test_a_text_that_fails_in_json(embed):
    done = embed("--json", "bad", "b c")
    found = json.loads(done.stdout)
    assert (done.returncode, found["vectors"]) == (4, [None, [3.0, 0.1]])
    assert found["errors"] == [{"text": 1, "type": "provider_crashed", "message": "it died", "hint": "try again"}]


def test_no_vector_at_all_is_an_error(embed):
    done = embed("bad")
    assert (done.returncode, done.stdout, done.stderr) == (4, "", "error: it died (asked 2 times)\nhint: try again\n")


def test_json(embed):
    for words in (("--json", "a", "b c"), ("a", "--json", "b c"), ("a", "b c", "--json")):
        assert json.loads(embed(*words).stdout) == {
            "model": "counter",
            "vectors": [[1.0, 0.1], [3.0, 0.1]],
            "errors": [],
            "usage": {"input_tokens": 3, "output_tokens": 0, "cached_tokens": 0, "cost": 0.0},
        }


@pytest.mark.parametrize(
    ("given", "lengths"),
    [
        ("one\ntwo words\n", [3, 9]),
        ("one\r\ntwo\r\n", [3, 3]),
        ("one\n\nthree", [3, 0, 5]),
        ("\n", [0]),
        ("a\u2028b\n", [3]),
        ("", []),
    ],
)
def test_each_line_of_stdin_is_a_text(embed, given, lengths):
    for words in ((), ("-",)):
        done = embed(*words, stdin=given)
        assert [json.loads(line)[0] for line in done.stdout.splitlines()] == lengths


def test_which_model(embed):
    assert embed("a", "-m", "shop/tiny:1b").stderr.startswith("error: shop can't embed texts\nhint: these can: abacus")
    assert embed("a", env={"LLMSPELL_MODELS_EMBEDDING": "abacus/none"}).returncode == 5
    done = embed("-m", "abacus/counter", "--", "-m", env={"LLMSPELL_MODELS_EMBEDDING": "abacus/none"})
    assert done.stdout == "[2.0, 0.1]\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("a", "--frob"), 2, "there is no option '--frob'"),
        (("a", "-m", "a b"), 2, "--model: 'a b' is not a model name"),
        (("a", "-m", "abacus/none"), 5, "has no model 'none'"),
        (("a", "-m", "nobody/x"), 4, "nobody"),
    ],
)
def test_bad_input(embed, words, code, said):
    done = embed(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_stdin_that_is_no_text(llmspell, embed):
    child = subprocess.run(
        [sys.executable, "-m", "llmspell", "embed"],
        input=b"fine\n\xff\n",
        capture_output=True,
        env=llmspell.environment({}),
        cwd=llmspell.cwd,
    )
    assert (child.returncode, child.stdout) == (2, b"")
    assert child.stderr.startswith(b"error: the texts on stdin are not UTF-8 (byte 5)")


def test_ctrl_c(llmspell, embed):
    with subprocess.Popen(
        [sys.executable, "-m", "llmspell", "embed", "-m", "abacus/endless", "a"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=llmspell.environment({"LLMSPELL_PLUGINS": "abacus"}),
        cwd=llmspell.cwd,
    ) as child:
        assert child.stdout.readline() == "embedding\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
        assert child.stderr.read() == ""


def test_the_real_model(llmspell, llmspell_home):
    env = {"LLMSPELL_HOME": str(llmspell_home), "LLMSPELL_PLUGINS": "gguf", "LLMSPELL_PROVIDERS_GGUF_THREADS": "1"}
    done = llmspell("embed", "--json", "The sea", "Interest rates", "The sea", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    one, two, again = found["vectors"]
    assert (len(one), found["model"]) == (576, "smollm2:135m")
    assert found["usage"]["input_tokens"] >= 6
    assert one == pytest.approx(again, abs=1e-3)
    assert one != pytest.approx(two, abs=1e-2)
    assert sum(x * x for x in one) == pytest.approx(1)
