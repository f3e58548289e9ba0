"""What xllamacpp says of a schema before it is sent; what llama.cpp's own converter, which Ollama has, holds to."""

import re

import pytest

from llmspell import ChatRequest, Message, ModelRef
from llmspell.errors import UnsupportedOption
from llmspell.providers.schema_dialects import GBNF
from llmspell.providers.schema_reduction import reduced
from llmspell.providers.schemas import check_schema
from llmspell.testing import drive
from llmspell.testing.streams import text_of
from llmspell_gguf import engine as engines
from llmspell_gguf import metadata
from llmspell_gguf.engine import Work
from llmspell_gguf.sizing import Plan

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed: pip install -e '.[local]'")


@pytest.fixture(scope="module")
def converted(model_file):
    """Answer with llama.cpp's own converter: ``converted(schema)`` gives the text."""
    plan = Plan(context_length=512, parallel=1, threads=1, why="")
    engine = engines.load("xllamacpp", metadata.read(str(model_file)), plan)

    async def collect(schema):
        wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        request = ChatRequest(ModelRef("it"), (Message("user", "Give me some data."),))
        work = Work(request, "it", {"temperature": 0, "max_tokens": 24, "response_format": wanted})
        return text_of([event async for event in engine.chat(work)])

    yield lambda schema: drive(collect(reduced(check_schema(schema), GBNF)))
    engine.close()


@pytest.mark.parametrize(
    ("schema", "kept"),
    [
        ({"type": "string", "pattern": "^\\d{3}-[A-Z]{2}$"}, r'"[0-9]{3}-[A-Z]{2}"$'),
        ({"type": "string", "pattern": "^(?:x|y)\\.z$"}, r'"[xy]\.z"$'),
        ({"type": "string", "pattern": "^(?=a)b$", "maxLength": 2}, r'"[^"]{0,2}"$'),
        ({"type": "string", "pattern": "[A-Z]", "maxLength": 2}, r'"[^"]{0,2}"$'),
        ({"type": "string"}, r'"'),
        ({"type": "integer", "minimum": 0.5, "exclusiveMaximum": 3}, r"[12]$"),
        ({"type": "integer", "allOf": [{"minimum": 1}, {"maximum": 2}]}, r"[12]$"),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": "b"}], "items": False}, r'\[\s*1,\s*"b"\s*\]$'),
        (
            {"type": "array", "prefixItems": [{"const": 1}], "items": {"const": 2}, "minItems": 2},
            r"\[\s*[12],\s*[12]\b",
        ),
        ({"items": {"const": 1}, "contains": {"const": 1}, "minItems": 1, "maxItems": 1}, r"\[\s*1\s*\]$"),
        ({"oneOf": [{"type": "integer", "maximum": 2, "minimum": 0}, {"const": 1}]}, r"[012]$"),
        ({"properties": {"a": True}, "required": ["a"]}, r'\{\s*"a":\s*["\-0-9tf\[{n]'),
        ({"type": "object", "properties": {}}, r"\{\s*\}$"),
        ({"properties": {"a": False, "b": {"const": 1}}, "required": ["b"]}, r'\{\s*"b":\s*1\s*\}$'),
        ({"type": "object", "required": ["z"]}, r'\{\s*"z":'),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"required": ["a"]}]}, r'\{\s*"a":\s*1\s*\}$'),
        (
            {"properties": {"a": {"const": 1}}, "required": ["a"], "anyOf": [{"required": ["b"]}, {"required": ["c"]}]},
            r'\{\s*"a":\s*1,\s*"[bc]":',
        ),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"enum": ["🙂", "é"]}}}, r'"(🙂|é)"$'),
        ({"type": "string", "enum": ["p", None]}, r'"p"$'),
        ({"not": {"const": 1}}, r'["\-0-9tf\[{n]'),
    ],
)
def test_the_reduction_for_the_other_converter_holds(converted, schema, kept):
    text = converted(schema)
    assert re.match(kept, text), text


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "string", "pattern": "^a$", "minLength": 2}, "Regex is empty"),
        ({"type": "string", "pattern": "([a-z"}, "regex parse error"),
        ({"anyOf": [{"type": "no such type"}]}, "Invalid type"),
    ],
)
def test_what_the_engine_would_drop_without_a_word_is_refused_with_its_reason(schema, told):
    from llmspell_gguf.xllamacpp_grammar import grammar

    with pytest.raises(UnsupportedOption) as caught:
        grammar(schema)
    assert told in caught.value.message


def test_a_schema_becomes_a_compact_grammar_in_its_order():
    from llmspell_gguf.xllamacpp_grammar import grammar

    written = grammar({"type": "object", "properties": {"b": {"const": "é"}, "a": {}}})
    assert '{"b":{"const":"é"},"a":{}}' in written
    assert '"whitespace_flexible":false' in written
