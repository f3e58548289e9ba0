"""Which process holds which model: real processes that hold, die and are swept."""

import os
import subprocess
import sys
import threading

import pytest

from llmspell import LoadedModel
from llmspell.config import paths
from llmspell_gguf import holders
from llmspell_gguf.holders import Holder

MODEL = LoadedModel("smollm2:135m", "gguf", 95_000_000, 2048, "xllamacpp 1", 77)

HOLD = """
import sys
from llmspell import LoadedModel
from llmspell_gguf.holders import Holder
holder = Holder()
for line in sys.stdin:
    holder.tell([LoadedModel(name, memory_bytes=5, pid=9) for name in line.split()])
    print("told", flush=True)
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def other():
    """Start another process: ``other("a", "b")`` holds two models."""
    started = []

    def start(*names):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, "run", "story.lua"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)

        def tell(*names):
            process.stdin.write(" ".join(names) + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "told\n"

        process.tell = tell
        tell(*names)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def folder():
    return paths.state_dir() / "holders"


def test_what_another_process_holds_is_seen(other):
    process = other("a:1b", "b:1b")
    assert holders.others() == [
        LoadedModel("a:1b", memory_bytes=5, pid=9, program="-c run story.lua"),
        LoadedModel("b:1b", memory_bytes=5, pid=9, program="-c run story.lua"),
    ]
    process.tell("c:1b")
    assert [model.id for model in holders.others()] == ["c:1b"]
    process.tell()
    assert holders.others() == []
    assert list(folder().iterdir()) == []


def test_only_this_user_may_look(other):
    other("a:1b")
    (file,) = folder().iterdir()
    assert [path.stat().st_mode & 0o777 for path in (folder(), file)] == [0o700, 0o600]


def test_what_a_killed_process_left_is_swept(other):
    dead, alive = other("a:1b"), other("b:1b")
    dead.kill()
    dead.wait()
    assert len(list(folder().iterdir())) == 2
    assert [model.id for model in holders.others()] == ["b:1b"]
    assert len(list(folder().iterdir())) == 1
    alive.kill()
    alive.wait()
    mine = Holder()
    mine.tell([MODEL])  # whoever begins sweeps too
    assert len(list(folder().iterdir())) == 1
    mine.close()


def test_what_this_process_holds_is_not_among_the_others():
    mine = Holder()
    mine.tell([MODEL])
    assert len(list(folder().iterdir())) == 1
    assert holders.others() == []
    mine.tell([])
    assert list(folder().iterdir()) == []
    mine.tell([MODEL])
    mine.close()
    assert list(folder().iterdir()) == []


def test_no_reader_sees_a_file_that_is_being_made(monkeypatch):
    seen, rename = [], os.rename

    def renamed(*names):
        seen.append(holders.others())
        rename(*names)

    monkeypatch.setattr(os, "rename", renamed)
    mine = Holder()
    mine.tell([MODEL])
    assert seen == [[]]
    assert len(list(folder().iterdir())) == 1, "it was swept before it was locked"
    mine.close()


def test_readers_at_one_time_do_not_hinder_each_other(other):
    dead = other("a:1b")
    dead.kill()
    dead.wait()
    other("b:1b")
    found = []
    threads = [threading.Thread(target=lambda: found.append([one.id for one in holders.others()])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["b:1b"]] * 8


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"pid": 1, "models": [{}]}', '{"models": 5}', "\xff"])
def test_damage_is_passed_over(other, text):
    process = other("a:1b")
    (file,) = folder().iterdir()
    file.write_text(text, encoding="latin-1")
    assert holders.others() == []
    process.tell("b:1b")
    assert [model.id for model in holders.others()] == ["b:1b"]


def test_fields_of_another_release_are_passed_over(other):
    other("a:1b")
    (file,) = folder().iterdir()
    file.write_text(file.read_text().replace('"id"', '"later": 1, "id"'))
    assert [model.id for model in holders.others()] == ["a:1b"]


def test_a_home_that_cannot_be_written_is_no_failure(home):
    home.write_text("a file where a folder should be")
    mine = Holder()
    mine.tell([MODEL])
    assert holders.others() == []
    mine.tell([])
    mine.close()
    assert home.read_text() == "a file where a folder should be"


def test_a_path_that_is_no_text_is_no_failure():
    mine = Holder()
    mine.tell([LoadedModel("/models/\udcff.gguf")])
    mine.close()
