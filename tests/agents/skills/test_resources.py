"""The files of a skill, and nothing outside its folder."""

import pytest

from llmspell.agents.skills.resources import list_resources, read_resource
from llmspell.errors import SkillError


@pytest.fixture
def folder(skill, outside):
    place = skill("pdf", **{
        "references/FORMS.md": "forms",
        "assets/deep/er/table.csv": "a,b",
        "scripts/run.sh": "echo hi",
        "a.txt": "a",
        ".hidden": "h",
        ".git/config": "g",
        "node_modules/x.js": "x",
    })  # fmt: skip
    (place / "out.txt").symlink_to(outside / "secret.txt")
    (place / "outside").symlink_to(outside)
    (place / "within.txt").symlink_to(place / "a.txt")
    return str(place)


def test_the_list(folder):
    assert list_resources(folder) == [
        "a.txt",
        "within.txt",
        "assets/deep/er/table.csv",
        "references/FORMS.md",
        "scripts/run.sh",
    ]
    assert list_resources(folder, 2) == ["a.txt", "within.txt"]


def test_a_list_has_an_end(skill):
    place = skill("many", **{f"f{n}.md": "" for n in range(250)}, **{"1/2/3/4/5/too-deep.md": ""})
    found = list_resources(str(place))
    assert len(found) == 200
    assert list_resources(str(place), 1000)[-1] == "f99.md"


def test_reading(folder):
    assert read_resource(folder, "references/FORMS.md") == "forms"
    assert read_resource(folder, "./within.txt") == "a"
    assert read_resource(folder, "SKILL.md").startswith("---\nname: pdf")


@pytest.mark.parametrize(
    "path",
    [
        "../pdf/a.txt",
        "../../secret",
        "references/../../x",
        "references/../a.txt",
        "..\\x",
        "/etc/passwd",
        "out.txt",
        "outside/secret.txt",
        "a\0b",
        "..",
    ],
)
def test_nothing_outside(folder, path):
    with pytest.raises(SkillError, match="is not in the folder of the skill"):
        read_resource(folder, path)


@pytest.mark.parametrize(
    ("path", "why"), [("", "is a folder"), ("references", "is a folder"), ("no.md", "No such file")]
)
def test_what_is_no_file(folder, path, why):
    with pytest.raises(SkillError, match=why):
        read_resource(folder, path)


def test_what_is_no_text(skill):
    with pytest.raises(SkillError, match=r"no UTF-8 text \(byte 1\)"):
        read_resource(str(skill("x", **{"a.bin": b"\x00\xff"})), "a.bin")
