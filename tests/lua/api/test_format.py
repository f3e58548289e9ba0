"""Formats of scripts: what is sent of a table, what is said of a wrong one and of an answer that doesn't fit."""

import json

import pytest


def test_a_table_gives_the_same_schema_each_time_in_the_order_of_required(lua, provider):
    for fields in ("b = {}, a = {}, c = {}", "c = {}, a = {}, b = {}", "a = {}, b = {}, c = {}"):
        provider.enqueue('{"c": 1, "b": 2}')
        lua(f"""
            local schema = {{ properties = {{ {fields} }}, required = {{ "c", "b" }}, type = "object" }}
            Agent.create{{ format = schema }}:execute("Hi")
        """)
    schemas = {json.dumps(request.format) for request in provider.requests}
    assert schemas == {'{"properties": {"c": {}, "b": {}, "a": {}}, "required": ["c", "b"], "type": "object"}'}


def test_empty_tables_become_what_can_stand_there(lua, provider):
    provider.enqueue("{}")
    lua("""
        local properties = { a = { type = "array", default = {} } }
        Agent.create{ format = { type = "object", properties = properties, required = {} } }:execute("Hi")
    """)
    properties = {"a": {"type": "array", "default": []}}
    assert provider.requests[0].format == {"type": "object", "properties": properties, "required": []}


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ('"json"', "format must be a JSON schema, not the string 'json'", "type ="),
        ('{ "a" }', "format must be a JSON schema, not a list", "type ="),
        ('{ name = "string" }', "'name' is no word of JSON schema", 'properties = {name = {type = "string"}}'),
        ('{ properties = { n = "integer" } }', "properties.n: a schema is a table", 'write n = {type = "integer"}'),
        ('{ properties = { n = { type = "int" } } }', "properties.n: there is no type 'int'", "'integer'"),
        ('{ type = "string", maxlength = 3 }', "no word 'maxlength'", "'maxLength'"),
        ("{ enum = {} }", "enum is empty", "leave enum out"),
        ('{ type = "integer", minimum = 2, maximum = 1 }', "minimum 2 is above maximum 1", ""),
        ('{ ["$ref"] = "http://127.0.0.1:9/x.json" }', "nothing is fetched", ""),
    ],
)
def test_what_is_no_schema_is_said_where_the_script_gives_it(lua, given, message, hint):
    told = lua(f"""
        local ok, e = pcall(Agent.create, {{ format = {given} }})
        print(ok, e.type, e.message, e.hint)
        local ok, e = pcall(function() Agent.create():execute{{ text = "Hi", format = {given} }} end)
        print(ok, e.type, e.message, e.hint)
    """)
    for line in told:
        ok, kind, text, help = line.split("\t")
        assert (ok, kind) == ("false", "invalid_request")
        assert message in text
        assert hint in help


def test_an_answer_that_does_not_fit_is_asked_for_again_with_what_is_wrong(lua, provider):
    provider.enqueue('{"n": "one", "m": 1}').enqueue('Sure: {"n": 1}')
    assert lua("""
        local a = Agent.create{ format = { properties = { n = { type = "integer" } }, additionalProperties = false } }
        local r = a:execute("Hi")
        print(r.data.n, r.answers, #a:messages())
    """) == ["1\t2\t2"]
    told = provider.requests[1].messages[-1]
    assert told.role == "user"
    assert '- n: "one" is not of type "integer"' in told.content
    assert "- Additional properties are not allowed ('m' was unexpected)" in told.content


def test_the_last_answer_is_in_the_error(lua, provider):
    provider.enqueue("no").enqueue("no").enqueue('{"n": "x"}')
    assert lua("""
        local ok, e = pcall(function()
          Agent.create{ format = { properties = { n = { type = "integer" } } } }:execute("Hi")
        end)
        print(e.type, e.partial, e.violations[1], e.hint)
    """) == [
        'invalid_answer\t{"n": "x"}\tn: "x" is not of type "integer"\t'
        "say in the prompt what each property is to hold, or take a larger model"
    ]
