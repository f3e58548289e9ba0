"""Reading SKILL.md: by the specification, and as leniently as the guide for clients asks."""

import os

import pytest

from llmspell.agents.skills.skill_md import read_body, read_skill
from llmspell.errors import SkillError


@pytest.fixture
def read(write):
    def read(text, name="pdf-processing"):
        return read_skill(str(write(f"{name}/SKILL.md", text).parent), "project")

    return read


def test_every_field(read, tmp_path):
    skill = read(
        "---\nname: pdf-processing\ndescription: Extract text from PDF files.\nlicense: Apache-2.0\n"
        "compatibility: Requires git\nmetadata:\n  author: example-org\n  version: 1.10\n"
        "allowed-tools: 'Bash(git:*) Read'\nextra: x\n---\n\n# Steps\n\nUse {{ braces }} as they are.\n---\nmore\n\n"
    )
    assert (skill.name, skill.description, skill.kind) == (
        "pdf-processing",
        "Extract text from PDF files.",
        "instructions",
    )
    assert (skill.license, skill.compatibility) == ("Apache-2.0", "Requires git")
    assert skill.metadata == {"author": "example-org", "version": "1.10"}
    assert skill.allowed_tools == ("Bash(git:*)", "Read")
    assert skill.warnings == ()
    assert skill.path == os.path.join(skill.folder, "SKILL.md")
    assert read_body(skill) == "# Steps\n\nUse {{ braces }} as they are.\n---\nmore"


def test_the_least(read):
    skill = read("---\nname: pdf-processing\ndescription: Reads.\n---")
    assert (skill.license, skill.compatibility, skill.metadata, skill.allowed_tools) == (None, None, {}, ())
    assert read_body(skill) == ""


@pytest.mark.parametrize(
    "text",
    ["---\r\nname: x\r\ndescription: Windows.\r\n---\r\nbody", "\ufeff---\nname: x\ndescription: Windows.\n---\nbody"],
)
def test_line_ends_and_byte_order_marks(read, text):
    skill = read(text, "x")
    assert (skill.name, skill.description, read_body(skill)) == ("x", "Windows.", "body")


def test_colons_that_nobody_quoted(read):
    skill = read("---\nname: pdf-processing\ndescription: Use when: it's about PDFs\nmetadata:\n  a: b\n---\n")
    assert skill.description == "Use when: it's about PDFs"
    assert skill.metadata == {"a": "b"}


def test_allowed_tools_as_a_list(read):
    assert read("---\ndescription: x\nallowed-tools: [Read, 'Bash(jq:*)']\n---").allowed_tools == ("Read", "Bash(jq:*)")


@pytest.mark.parametrize(
    ("head", "name", "warning"),
    [
        ("name: other\ndescription: x", "other", "is not that of its folder, 'pdf-processing'"),
        ("description: x", "pdf-processing", "it has no name; its folder's is taken"),
        (f"name: {'a' * 65}\ndescription: x", "a" * 65, "65 characters; 64 are the most"),
        ("name: PDF--Processing\ndescription: x", "PDF--Processing", "a-z, 0-9 and single hyphens"),
        (f"name: pdf-processing\ndescription: {'x' * 1025}", "pdf-processing", "1025 characters; 1024 are the most"),
        (f"name: pdf-processing\ndescription: x\ncompatibility: {'x' * 501}", "pdf-processing", "more than 500"),
    ],
)
def test_what_only_warns(read, head, name, warning):
    skill = read(f"---\n{head}\n---\n")
    assert skill.name == name
    assert warning in "\n".join(skill.warnings)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("---\nname: x\n---\n", "has no description"),
        ("---\nname: x\ndescription:\n---\n", "has no description"),
        ("---\nname: x\ndescription: [a]\n---\n", "has no description"),
        ("# Just Markdown", "has no head"),
        ("---\nname: x\ndescription: y\n", "has no head"),
        ("---\n[\n---\n", "head can't be read: line"),
        ("---\nname: &a x\ndescription: *a\n---\n", "an alias"),
        (b"---\nname: \xff\n---\n", "no UTF-8"),
        ("---\nname: x\ndescription: y\n---\n" + "x" * (1 << 20), "larger than 1 MiB"),
    ],
    ids=range(9),
)
def test_what_makes_a_skill_unusable(read, text, why):
    with pytest.raises(SkillError, match=why):
        read(text)


def test_a_pipe_does_not_hold_up(tmp_path):
    (tmp_path / "x").mkdir()
    os.mkfifo(tmp_path / "x" / "SKILL.md")
    with pytest.raises(SkillError, match="no ordinary file"):
        read_skill(str(tmp_path / "x"), "user")


def test_a_link_out_of_the_folder(tmp_path, outside):
    (outside / "SKILL.md").write_text("---\ndescription: x\n---\n")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "SKILL.md").symlink_to(outside / "SKILL.md")
    with pytest.raises(SkillError, match=r"'SKILL\.md' is not in the folder of the skill"):
        read_skill(str(tmp_path / "x"), "user")
