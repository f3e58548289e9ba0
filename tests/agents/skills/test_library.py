"""All skills of all folders, each name once."""

import pytest

from llmspell.agents.skills.library import Library
from llmspell.errors import SkillError


def test_a_project_hides_the_user_s(skill, write, folders):
    skill("pdf", "That of the project.")
    skill("pdf", "That of the user.", within="mine")
    skill("csv", "Reads tables.", within="mine")
    write("mine/echo.yaml", "description: Says it back.")
    write("skills/README.md", "not a skill")
    write("skills/empty/notes.md", "not a skill")
    library = Library(folders("skills", "mine", "nowhere"))
    assert {name: (one.kind, one.source) for name, one in library.skills.items()} == {
        "pdf": ("instructions", "project"),
        "csv": ("instructions", "user"),
        "echo": ("prompt", "user"),
    }
    assert library.get("pdf").description == "That of the project."
    assert [one.name for one in library.instructions()] == ["csv", "pdf"]
    assert library.problems == []
    (remark,) = library.remarks
    assert "mine/pdf/SKILL.md is hidden by" in remark
    assert [(notice.text, notice.level) for notice in library.notices()] == [(remark, "debug")]


def test_instructions_hide_a_prompt_of_the_same_folder(skill, write, folders):
    write("skills/pdf.yaml", "description: A prompt.")
    skill("pdf")
    assert Library(folders()).get("pdf").kind == "instructions"


def test_a_broken_one_leaves_the_others(skill, write, folders):
    skill("good")
    write("skills/bad/SKILL.md", "no head")
    write("skills/worse.yaml", "description: x\nno_key: 1")
    library = Library(folders())
    assert list(library.skills) == ["good"]
    assert len(library.problems) == 2
    assert "skills/bad/SKILL.md has no head" in library.problems[0]
    assert [notice.level for notice in library.notices()] == ["info", "info"]
    assert library.notices(problems=False) == []
    for name, why in (("bad", "has no head"), ("worse", "no key 'no_key'")):
        assert name in library
        with pytest.raises(SkillError, match=why):
            library.get(name)


def test_a_broken_one_does_not_hide(skill, write, folders):
    write("skills/pdf/SKILL.md", "no head")
    skill("pdf", "That of the user.", within="mine")
    library = Library(folders("skills", "mine"))
    assert library.get("pdf").description == "That of the user."
    assert len(library.problems) == 1


def test_an_unknown_name(skill, folders):
    skill("summarise")
    skill("explain")
    library = Library(folders())
    assert "sumarise" not in library
    with pytest.raises(SkillError, match="there is no skill 'sumarise'") as caught:
        library.get("sumarise")
    assert caught.value.hint == "did you mean 'summarise'?"
    with pytest.raises(SkillError) as caught:
        library.get("zzz")
    assert caught.value.hint == "there are: explain, summarise"


def test_links_lead_out_of_no_project_but_may_out_of_the_users_folder(skill, write, folders, outside, tmp_path):
    (outside / "pdf").mkdir()
    (outside / "pdf" / "SKILL.md").write_text("---\ndescription: Elsewhere.\n---\n")
    (outside / "echo.yaml").write_text("description: Elsewhere.\n")
    for name in ("skills", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pdf").symlink_to(outside / "pdf")
        (tmp_path / name / "echo.yaml").symlink_to(outside / "echo.yaml")
    project = Library(folders("skills"))
    assert project.skills == {}
    assert all("leads out of" in problem for problem in project.problems)
    with pytest.raises(SkillError, match="leads out of"):
        project.get("pdf")
    assert {one.source for one in Library(folders("skills", "mine")).skills.values()} == {"user"}


def test_a_file_is_read_anew_when_it_changes(skill, folders):
    skill("pdf", "First.")
    first = Library(folders()).get("pdf")
    assert Library(folders()).get("pdf") is first
    skill("pdf", "Then another.")
    assert Library(folders()).get("pdf").description == "Then another."
