"""Folders with skills in them."""

from pathlib import Path

import pytest

from llmspell.agents.skills.folders import Folder


@pytest.fixture
def write(tmp_path):
    """``write("a/b.md", text)`` writes a file below the test's folder and gives its path."""

    def write(path, text=""):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


@pytest.fixture
def skill(write):
    """``skill("pdf", "Reads PDF files.")`` writes a SKILL.md below ``skills`` and gives its folder."""

    def skill(name, description="Does things.", body="Do it.", within="skills", **files):
        file = write(f"{within}/{name}/SKILL.md", f"---\nname: {name}\ndescription: {description}\n---\n{body}\n")
        for path, text in files.items():
            write(f"{within}/{name}/{path}", text)
        return file.parent

    return skill


@pytest.fixture
def folders(tmp_path):
    """``folders("skills", "mine")``: a project's folder, then the user's."""

    def folders(*names):
        sources = ["project", "user"]
        return [
            Folder(str(tmp_path / name), source, str(tmp_path) if source == "project" else None)
            for name, source in zip(names or ["skills"], sources, strict=False)
        ]

    return folders


@pytest.fixture
def outside(tmp_path_factory):
    """A folder that no project of a test holds, with a secret in it."""
    place = Path(tmp_path_factory.mktemp("outside"))
    (place / "secret.txt").write_text("the secret")
    return place
