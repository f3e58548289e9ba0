"""template-creator: texts with placeholders, filled in by Jinja2 in its sandbox and in a process with limits."""

from __future__ import annotations

from typing import Any, Literal

from llmspell import tool
from llmspell.errors import InvalidRequest
from llmspell_tools.confined import confined
from llmspell_tools.texts import check_size


@tool(
    name="template-creator",
    category="text",
    parallel=True,
    examples=[
        (
            "Fill in the template Dear {{ name }}, welcome! for Ms Lund.",
            {"input": "Dear {{ name }}, welcome!", "context": {"name": "Ms Lund"}},
        ),
        (
            "Render {% for city in cities %}{{ city }};{% endfor %} with Oslo and Lima.",
            {"input": "{% for city in cities %}{{ city }};{% endfor %}", "context": {"cities": ["Oslo", "Lima"]}},
        ),
        (
            "Put 12 into the handlebars template You have {{count}} letters.",
            {"input": "You have {{count}} letters.", "context": {"count": 12}, "engine": "handlebars"},
        ),
    ],
)
def template_creator(
    input: str,
    context: dict[str, Any] | None = None,
    engine: Literal["jinja", "tera", "handlebars"] = "jinja",
    auto_detect: bool = False,
) -> dict[str, Any]:
    """Fill in a template: put values into a text with placeholders in double curly brackets.

    Args:
        input: The template.
        context: The values by name.
        engine: The language of the template; of handlebars only placeholders are known.
        auto_detect: Accepted, and not needed, as the languages agree on placeholders.
    """
    check_size(len(input), "the template")
    for mark in ("{{#", "{{/", "{{>", "{{{"):
        if mark in input:
            raise InvalidRequest(
                f"the template has {mark}, and blocks of handlebars aren't known",
                hint="write {% if … %} … {% endif %} and {% for … in … %} … {% endfor %}",
            )
    return {"rendered": confined("template", {"source": input, "context": context or {}})}
