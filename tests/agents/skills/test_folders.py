"""Where skills are looked for, and in which order."""

import os

import pytest

from llmspell.agents.skills.folders import Folder, skill_folders


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    script = tmp_path / "programs" / "main.lua"
    script.parent.mkdir()
    script.touch()

    def places(script=None, cwd=str(tmp_path / "work")):
        found = skill_folders(script, environ={"LLMSPELL_HOME": str(tmp_path / "home")}, cwd=cwd)
        return [(os.path.relpath(folder.path, tmp_path), folder.source) for folder in found[:-1]]

    places.script = str(script)
    return places


PROJECT = [("work/.llmspell/skills", "project"), ("work/.agents/skills", "project")]
USER = [("home/config/skills", "user"), ("me/.agents/skills", "user")]


def test_project_before_user(places):
    assert places() == [*PROJECT, *USER]


def test_a_program_brings_its_own(places):
    own = [("programs/.llmspell/skills", "script"), ("programs/.agents/skills", "script")]
    assert places(places.script) == [*own, *PROJECT, *USER]
    assert places("exec") == [*PROJECT, *USER]
    assert places(places.script, os.path.dirname(places.script)) == [
        ("programs/.llmspell/skills", "project"),
        ("programs/.agents/skills", "project"),
        *USER,
    ]


def test_the_shipped_ones_come_last():
    last = skill_folders()[-1]
    assert last.source == "llmspell"
    assert {name for name in os.listdir(last.path) if name.endswith(".yaml")} == {
        "chat.yaml",
        "code-review.yaml",
        "commit-message.yaml",
        "explain.yaml",
        "summarize.yaml",
    }


def test_a_project_holds_only_what_is_in_it(tmp_path, outside):
    project = tmp_path / "project"
    project.mkdir()
    (project / "in").symlink_to(project)
    (project / "out").symlink_to(outside)
    folder = Folder(str(project / "skills"), "project", str(project))
    assert folder.holds(str(project / "in"))
    assert not folder.holds(str(project / "out"))
    assert not folder.holds(str(tmp_path / "projects"))
    assert Folder(str(project / "skills"), "user").holds(str(project / "out"))
