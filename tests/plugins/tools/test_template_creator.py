"""template-creator."""

import pytest

from llmspell.errors import InvalidRequest, ToolError


@pytest.fixture
def render(call):
    def render(template, engine="jinja", **context):
        return call("template-creator", {"input": template, "context": context, "engine": engine})["rendered"]

    return render


@pytest.mark.parametrize("engine", ["jinja", "tera", "handlebars"])
def test_placeholders_are_the_same_in_all_languages(render, engine):
    assert render("Hello, {{name}}!", engine, name="Zoë") == "Hello, Zoë!"


@pytest.mark.parametrize(
    ("template", "context", "text"),
    [
        ("{% for n in numbers %}{{ loop.index }}:{{ n }} {% endfor %}", {"numbers": [7, 8]}, "1:7 2:8 "),
        ("{% if a > 1 %}many{% else %}one{% endif %}", {"a": 1}, "one"),
        ("{{ user.name|upper }} {{ user['city'] }}", {"user": {"name": "Ann", "city": "Oslo"}}, "ANN Oslo"),
        ("{{ missing|default('none') }}", {}, "none"),
        ("<b>{{ text }}</b>\n", {"text": "<i>"}, "<b><i></b>"),
        ("no placeholders", {}, "no placeholders"),
    ],
)
def test_jinja(render, template, context, text):
    assert render(template, **context) == text


def test_the_context_may_be_left_out(call):
    assert call("template-creator", {"input": "x", "auto_detect": True}) == {"rendered": "x"}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Hello, {{ nobody }}!", "'nobody' is undefined"),
        ("{{ user.name }}", "'dict object' has no attribute 'name'"),
        ("line one\n{% if %}", "line 2: Expected an expression"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{% include 'other' %}", "no loader"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ cycler.__init__.__globals__ }}", "unsafe"),
        ("{% for i in range(1000000) %}x{% endfor %}", "Range too big"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself"),
    ],
)
def test_what_is_wrong_with_a_template(render, template, message):
    with pytest.raises(InvalidRequest) as caught:
        render(template, user={})
    assert message in caught.value.message


@pytest.mark.parametrize("template", ["{{#if a}}x{{/if}}", "{{#each a}}", "{{> part}}", "{{{a}}}"])
def test_blocks_of_handlebars_are_told_from_jinja(render, template):
    with pytest.raises(InvalidRequest, match="blocks of handlebars aren't known"):
        render(template, "handlebars", a=1)


def test_a_template_that_never_ends_is_stopped(render, monkeypatch):
    monkeypatch.setattr("llmspell_tools.confined.SECONDS", 1)
    loops = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(ToolError, match="took more than 1 s and was stopped"):
        render(loops)


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' * 10000000000 }}",
        "{{ 'x'|center(10000000000) }}",
        "{% for i in range(99999) %}{{ 'x' * 10000 }}{% endfor %}",
    ],
)
def test_a_text_that_would_be_huge_is_stopped(render, template):
    with pytest.raises(ToolError, match=r"more than 512 MB of memory, or gave more than 20,000,000 characters"):
        render(template)


def test_ten_megabytes(render):
    assert len(render("{{ text }}", text="x" * 10_000_000)) == 10_000_000
