"""Templates of prompt skills: what they may say, and that every one ends."""

import pytest

from llmspell.agents.skills import templates
from llmspell.agents.skills.prompt_skill import PromptSkill
from llmspell.agents.skills.templates import Variable, render, variables_of
from llmspell.errors import SkillError


def skill_of(template, system=None):
    return PromptSkill("test", "A test.", "/skills/test.yaml", "user", system, template)


def test_variables_of_all_kinds():
    text = (
        "{% for row in rows %}\n{{ loop.index }}. {{ row.name }}: {{ row['n'] + 0.5 }}{{ ', best' if row.best }}\n"
        "{% endfor %}\n"
    )
    rows = [{"name": "é日", "n": 1, "best": True}, {"name": "\udcff", "n": 2, "best": False}]
    assert render(skill_of(text), {"rows": rows}).prompt == "1. é日: 1.5, best\n2. \udcff: 2.5"


def test_both_prompts_at_once():
    found = render(skill_of("  Ask {{ a }}\n\n", "You are {{ b | default('kind') }}.\n"), {"a": "this"})
    assert (found.prompt, found.system_prompt) == ("Ask this", "You are kind.")
    assert render(skill_of("x"), {}).system_prompt is None


def test_blocks_leave_no_lines_behind():
    text = "a\n  {% if x is defined %}\n  {{ x }}\n  {% endif %}\nb"
    assert render(skill_of(text), {}).prompt == "a\nb"
    assert render(skill_of(text), {"x": "{{ y }}"}).prompt == "a\n  {{ y }}\nb"


def test_its_variables():
    text = (
        "{{ a }}{{ b | default('x') }}{% if c is defined %}{{ c }}{% endif %}{{ range(d) | d(1) }}{% set e = 1 %}{{e}}"
    )
    assert variables_of(skill_of(text, "{{ a | default('') }} {{ f }}")) == (
        Variable("a", False),
        Variable("b", False),
        Variable("c", False),
        Variable("d", True),
        Variable("f", True),
    )


def test_a_missing_variable_is_named():
    with pytest.raises(SkillError, match="the skill 'test' needs the variable 'language'") as caught:
        render(skill_of("{{ input }} {{ language }} {{ tone | default('dry') }}"), {"input": "x"})
    assert caught.value.hint == "its variables are: input, language, tone (optional)"


@pytest.mark.parametrize(
    ("given", "hint"), [("inptu", "did you mean 'input'?"), ("zzz", "its variables are: input, tone (optional)")]
)
def test_an_unknown_variable_is_refused(given, hint):
    with pytest.raises(SkillError, match=f"has no variable '{given}'") as caught:
        render(skill_of("{{ input }}{{ tone | d('') }}"), {"input": "x", given: "y"})
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{% if %}", "user_prompt_template: line 1: Expected an expression"),
        ("\n{{ x", "line 2: unexpected end of template"),
        ("{{ 'x' | nothing }}", "No filter named 'nothing'"),
        ("{% include 'secret.txt' %}", "line 1: a template can't use another one"),
        ("{% import 'x' as y %}", "a template can't use another one"),
        ("{% from 'x' import y %}", "a template can't use another one"),
        ("{% extends 'x' %}", "a template can't use another one"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ {}.a.b }}", "has no attribute 'a'"),
        ("{{ ''.__class__ }}", "may not: access to attribute '__class__'"),
        ("{{ '' | attr('__class__') }}", "may not: access to attribute '__class__'"),
        ("{{ ''['__class__'] }}", "may not: access to attribute '__class__'"),
        ("{{ '{0.__class__}'.format(1) }}", "may not: access to attribute '__class__'"),
        ("{{ cycler.__init__.__globals__ }}", "may not: access to attribute '__init__'"),
        ("{{ [1].append(2) }}", "may not: "),
        ("{{ range(10 ** 9) }}", "makes a text that is too long"),
        ("{{ 'x' * 10 ** 10 }}", "makes a text that is too long"),
        ("{{ '%1000000000d' % 1 }}", "makes a text that is too long"),
        ("{{ 'x'.ljust(10 ** 9) }}", "makes a text that is too long"),
        ("{% for a in range(99999) %}0123456789abcdef{% endfor %}", "makes a text that is too long"),
        (
            "{% set ns = namespace(x='ab') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
            "too long",
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nested too deeply, or calls itself"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nested too deeply"),
    ],
    ids=range(23),
)
def test_what_goes_wrong_is_said(template, why):
    with pytest.raises(SkillError, match=r"^/skills/test\.yaml: user_prompt_template") as caught:
        render(skill_of(template), {})
    assert why in caught.value.message


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ range(99999) | map('string') | map('length') | sum }}" * 2000,
        "{{ lipsum(n=99999) | length }}",
    ],
)
def test_every_template_ends(template, monkeypatch):
    monkeypatch.setattr(templates, "SECONDS", 1)
    with pytest.raises(SkillError, match="the skill 'test' took more than 1 s to render, and was stopped"):
        render(skill_of(template), {})


def test_what_is_worked_out_when_a_template_is_read_ends_too(monkeypatch):
    """Jinja2 folds constants while it compiles, so a template that nobody renders can be as endless."""
    monkeypatch.setattr(templates, "SECONDS", 1)
    with pytest.raises(SkillError, match="took more than 1 s"):
        variables_of(skill_of("{{ 9 ** (9 ** 9) }}"))


def test_nothing_of_the_working_directory_runs(tmp_path, monkeypatch):
    (tmp_path / "jinja2.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "json.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend("")
    assert render(skill_of("{{ a }}"), {"a": "as ever"}).prompt == "as ever"


def test_a_system_without_processes(monkeypatch):
    monkeypatch.setattr(templates.sys, "executable", "/nowhere/python")
    with pytest.raises(SkillError, match=r"cannot render the skill 'test': no process for it \(No such file"):
        render(skill_of("x"), {})


def test_a_process_that_dies(monkeypatch, tmp_path):
    (tmp_path / "dies.py").write_text("import os, sys; print('no memory', file=sys.stderr, flush=True); os.abort()")
    monkeypatch.setattr(templates, "_PROCESS", str(tmp_path / "dies.py"))
    with pytest.raises(SkillError, match=r"rendering the skill 'test' failed \(no memory\)"):
        render(skill_of("x"), {})
