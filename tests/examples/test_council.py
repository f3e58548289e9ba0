"""The council: on the real model, and on a scripted provider whatever its members do."""

import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell.config import load
from llmspell.errors import ProviderError
from llmspell.lua import api
from llmspell.lua.runner import run_file
from llmspell.lua.session import Session
from llmspell.plugins.host import PluginHost
from llmspell.providers.contract import ModelInfo
from llmspell.testing import ScriptedProvider, scripted_plugin

COUNCIL = Path(__file__).parents[2] / "scripts" / "examples" / "council"


@pytest.fixture
def council(tmp_path, monkeypatch, capfd):
    """``council(answer, toml)`` runs it on a provider that gives ``answer(request)`` and returns exit code, stdout,
    stderr and what was written."""
    folder = tmp_path / "council"
    shutil.copytree(COUNCIL, folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))

    def run(answer, toml, *arguments):
        (folder / "council.toml").write_text(toml)
        provider = ScriptedProvider(name="fake", models=[ModelInfo(m, "fake") for m in MODELS], answer=answer)
        plugins = PluginHost({"core": api, "fake": scripted_plugin(provider, kind="local")}, points=[])
        session = Session(load(environ={}, cwd=str(tmp_path)), plugins, script="council.lua", arguments=arguments)
        capfd.readouterr()
        code = run_file("council/council.lua", session)
        out, err = capfd.readouterr()
        written = tmp_path / "council.json"
        return code, out, err, json.loads(written.read_text()) if written.exists() else None

    return run


MODELS = [f"m{number}" for number in range(1, 31)]


def toml(members, **more):
    lines = [f"{key} = {json.dumps(value)}" for key, value in more.items() if key not in ("judges", "chairman")]
    return "\n".join(
        [
            'backend = "local"',
            'question = "Why?"',
            'output = "council.json"',
            *lines,
            "[local]",
            f'chairman = "{more.get("chairman", "fake/m1")}"',
            f"members = {json.dumps(members)}",
            *([f"judges = {json.dumps(more['judges'])}"] if "judges" in more else []),
        ]
    )


def ranked(request, best=None):
    """What a perfect judge says: the answers in the order of the number that each has."""
    shown = dict(re.findall(r"Response ([A-Z]+):\nanswer (\d+)", request.messages[-1].content))
    return [json.dumps({"ranking": sorted(shown, key=lambda label: int(shown[label]))})]


def clever(request):
    """Members answer with the number of their model; judges prefer low numbers."""
    text = request.messages[-1].content
    if request.format is not None:
        return ranked(request)
    if "Write the council's answer" in text:
        return ["the whole"]
    return [f"answer {request.model.id[1:]}"]


def test_the_best_come_first_and_the_chairman_has_the_last_word(council):
    code, out, err, written = council(clever, toml(["fake/m3", "fake/m1", "fake/m2"], rounds=0))
    assert (code, err) == (0, "")
    assert re.findall(r"^\d +(m\d)", out, re.M) == ["m1", "m2", "m3"]
    assert "\nthe whole\n" in out
    assert [row["score"] for row in written["rounds"][-1]["ranks"]] == [1, 0.5, 0]
    assert written["answer"] == {"author": "chairman", "text": "the whole"}
    assert [seat["name"] for seat in written["seats"]] == ["m3", "m1", "m2", "chairman"]
    assert all(seat["input_tokens"] > 0 and seat["calls"] == 2 for seat in written["seats"][:3])


def test_no_judge_reads_its_own_answer_or_a_name(council):
    seen = []

    def watched(request):
        if request.format is not None:
            seen.append((request.model.id[1:], request.messages[-1].content))
        return clever(request)

    council(watched, toml([f"fake/{model}" for model in MODELS[:5]], rounds=0))
    assert len(seen) == 5
    for own, text in seen:
        assert f"answer {own}" not in text
        assert not re.search(r"\bm\d", text)
        assert len(re.findall(r"^Response [A-Z]:$", text, re.M)) == 4


def test_each_judge_reads_them_in_an_order_of_its_own(council):
    *_, written = council(clever, toml([f"fake/{model}" for model in MODELS[:8]], rounds=0))
    orders = {tuple(ballot["labels"].items()) for ballot in written["rounds"][0]["ballots"]}
    assert len(orders) == 8
    first = [ballot["labels"]["A"] for ballot in written["rounds"][0]["ballots"]]
    assert len(set(first)) > 2


def test_thirty_members_are_seated_and_labelled(council):
    members = [f"fake/{model}" for model in MODELS]
    random.Random(3).shuffle(members)
    code, _out, err, written = council(clever, toml(members, rounds=0))
    assert (code, err) == (0, "")
    assert [row["author"] for row in written["rounds"][-1]["ranks"]] == MODELS
    assert "AC" in written["rounds"][0]["ballots"][0]["labels"]


def test_two_members_and_the_same_model_twice(council):
    code, _out, err, written = council(clever, toml(["fake/m1", "fake/m1"], rounds=2))
    assert (code, err) == (0, "")
    assert [seat["name"] for seat in written["seats"]] == ["m1", "m1 2", "chairman"]
    assert [len(ballot["ranking"]) for ballot in written["rounds"][-1]["ballots"]] == [1, 1]


def test_one_member_alone_is_a_council_too(council):
    code, out, err, written = council(clever, toml(["fake/m2"], rounds=2))
    assert (code, err) == (0, "")
    assert written["rounds"][0]["ballots"] == []
    assert "\nthe whole\n" in out


def test_a_member_that_fails_is_left_out_and_said_so(council):
    def failing(request):
        if request.model.id == "m2":
            return [ProviderError("the cable is cut", provider="fake")]
        return clever(request)

    code, out, err, written = council(failing, toml(["fake/m1", "fake/m2", "fake/m3"], rounds=0))
    assert code == 0
    assert "m2 is left out of the answers: the cable is cut" in err
    assert re.findall(r"^\d +(m\d)", out, re.M) == ["m1", "m3"]
    assert {"name": "m2", "stage": "answers", "reason": "the cable is cut"} in written["left_out"]


def test_a_chairman_that_fails_leaves_the_best_answer_standing(council):
    def failing(request):
        return [ProviderError("gone", provider="fake")] if request.model.id == "m9" else clever(request)

    code, _out, err, written = council(failing, toml(["fake/m2", "fake/m1", "fake/m3"], chairman="fake/m9", rounds=0))
    assert code == 0
    assert "chairman is left out of the synthesis: gone" in err
    assert written["answer"] == {"author": "m1", "text": "answer 1"}


def test_nobody_answers(council):
    code, _, err, written = council(lambda request: [ProviderError("gone", provider="fake")], toml(["fake/m1"]))
    assert code == 1
    assert "no member of the council has answered" in err
    assert written is None


def test_a_judge_without_json_is_read_as_text(council):
    def wordy(request):
        if request.format is not None:
            return ["I prefer not to write JSON."]
        text = request.messages[-1].content
        if "FINAL RANKING" in text:
            order = json.loads(ranked(request)[0])["ranking"]
            return ["Well.\nFINAL RANKING:\n" + "\n".join(f"{i}. Response {label}" for i, label in enumerate(order, 1))]
        return clever(request)

    code, _out, err, written = council(wordy, toml(["fake/m3", "fake/m1", "fake/m2"], rounds=0))
    assert (code, err) == (0, "")
    assert [row["author"] for row in written["rounds"][-1]["ranks"]] == ["m1", "m2", "m3"]


def test_a_judge_that_ranks_nothing_is_left_out(council):
    def silent(request):
        if request.format is not None or "FINAL RANKING" in request.messages[-1].content:
            return ["no"] if request.model.id == "m2" else ranked(request)
        return clever(request)

    code, _out, err, written = council(silent, toml(["fake/m1", "fake/m2", "fake/m3"], rounds=0))
    assert code == 0
    assert "m2 is left out of the judging: no ranking in its answer" in err
    assert len(written["rounds"][0]["ballots"]) == 2


def test_the_debate_ends_when_the_ranking_settles(council):
    code, out, err, written = council(clever, toml(["fake/m1", "fake/m2", "fake/m3"], rounds=5))
    assert (code, err) == (0, "")
    assert len(written["rounds"]) == 2
    assert "rounds of debate: 1; left out: 0" in out


def test_judges_of_their_own_never_read_the_answer_of_their_model(council):
    *_, written = council(clever, toml(["fake/m1", "fake/m2"], judges=["fake/m2", "fake/m7"], rounds=0))
    read = {ballot["judge"]: ballot["read"] for ballot in written["rounds"][0]["ballots"]}
    assert read == {"m2": ["m1"], "m7": read["m7"]}
    assert sorted(read["m7"]) == ["m1", "m2"]


def test_another_council_and_another_question(council, tmp_path):
    (tmp_path / "other.toml").write_text(toml(["fake/m5"], rounds=0))
    code, _out, err, written = council(clever, "", "--council", "other.toml", "What", "now?")
    assert (code, err) == (0, "")
    assert written["question"] == "What now?"


@pytest.mark.usefixtures("llmspell_home")
def test_it_runs_on_the_real_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "llmspell.toml").write_text("[providers.gguf]\nthreads = 1\n")
    (tmp_path / "my.toml").write_text(
        toml(["local/smollm2:135m"] * 3, rounds=1, max_tokens=24, chairman="local/smollm2:135m")
    )
    command = [sys.executable, "-m", "llmspell", "run", str(COUNCIL / "council.lua"), "--", "--council", "my.toml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "council.json").read_text())
    assert len(written["rounds"]) == 2
    assert len(written["rounds"][0]["ballots"]) == 3
    assert written["left_out"] == []
    assert all(seat["output_tokens"] > 0 for seat in written["seats"])


def test_the_shipped_council_names_models_of_both_worlds():
    tables = re.findall(r"^\[(\w+)\]$", (COUNCIL / "council.toml").read_text(), re.M)
    assert tables == ["local", "openrouter"]
