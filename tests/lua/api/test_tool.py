"""Tools in scripts: made, found and called."""

import pytest

from llmspell.errors import ToolError
from llmspell.plugins.hookspecs import hookimpl
from llmspell.plugins.values import Tool

WEATHER = """
  local weather = Tool.register {
    name = "weather", description = "Tells the weather of a city.", category = "sky", tags = { "rain" },
    parameters = { city = "string: City name", days = { type = "integer", default = 1 } },
    examples = { { "Is it cold in Rome?", { city = "Rome" } } },
    handler = function(args) return { city = args.city, days = args.days, sky = "clear" } end,
  }
"""


class Tools:
    """A plugin with tools."""

    def __init__(self, *tools):
        self._tools = tools

    @hookimpl
    def llmspell_tools(self):
        return self._tools


def failing(arguments, context):
    raise ToolError("the pump is dry", hint="fill it")


PUMP = Tool("water-pump", "Pumps water.", {"type": "object", "properties": {}}, failing, category="garden")
ADD = Tool(
    "add",
    "Adds.",
    {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]},
    lambda arguments, context: {"sum": arguments["a"] + arguments["b"]},
    category="math",
    tags=("numbers",),
)


@pytest.fixture
def extra():
    return {"tools": Tools(PUMP, ADD)}


def test_a_tool_of_the_script_is_registered_and_called(lua):
    assert lua(
        WEATHER
        + """
      local r = weather:execute{ city = "Rome" }
      print(r.success, r.result.city, r.result.days, r.result.sky, r.error, r.metadata.tool)
      print(r.text)
      print(weather.execute({ city = "Oslo", days = 3 }).result.days)
      print(weather, weather.name, weather.category, Tool.exists("weather"))
    """
    ) == [
        "true\tRome\t1\tclear\tnil\tweather",
        '{"city": "Rome", "days": 1, "sky": "clear"}',
        "3",
        "Tool(weather)\tweather\tsky\ttrue",
    ]


def test_tools_of_plugins_are_listed_found_and_called(lua, extra):
    assert lua(
        WEATHER
        + """
      for _, t in ipairs(Tool.list()) do print(t.name, t.category, t.version, t.description) end
      print(table.concat(Tool.categories(), " "))
      print(#Tool.discover{ category = "math" }, Tool.discover{ tag = "rain" }[1].name, #Tool.discover())
      print(Tool.execute("add", { a = 1, b = 2 }).result.sum, Tool.invoke("add", { a = 1, b = 2.5 }).result.sum)
      local add = Tool.get("add")
      print(add.schema.parameters[1].name, add.schema.parameters[1].required, add.parameters.type)
    """,
        extra=extra,
    ) == [
        "add\tmath\t1.0.0\tAdds.",
        "water-pump\tgarden\t1.0.0\tPumps water.",
        "weather\tsky\t1.0.0\tTells the weather of a city.",
        "garden math sky",
        "1\tweather\t3",
        "3\t3.5",
        "a\ttrue\tobject",
    ]


def test_dots_colons_dashes_and_underscores_all_do(lua, extra):
    assert lua(
        """
      print(Tool:exists("water_pump"), Tool.exists("water-pump"), Tool:get("water_pump").name)
      print(Tool.water_pump.name, Tool["water-pump"].name, Tool.no_such_tool, Tool.get("no such tool"))
      print(#Tool:list(), Tool:execute("add", { a = 1, b = 1 }).result.sum, Tool.add.execute{ a = 2, b = 2 }.result.sum)
    """,
        extra=extra,
    ) == ["true\ttrue\twater-pump", "water-pump\twater-pump\tnil\tnil", "2\t2\t4"]


def test_what_goes_wrong_in_a_tool_is_a_value(lua, extra):
    assert lua(
        """
      local r = Tool.execute("water-pump")
      print(r.success, r.result, r.error.type, r.error.message, r.error.hint)
      print("failed: " .. r.error)
      local w = Tool.execute("add", { a = "x" })
      print(w.success, w.error.type, w.error.message:find("a") ~= nil, w.error.message:find("b") ~= nil)
    """,
        extra=extra,
    ) == [
        "false\tnil\ttool_error\tthe pump is dry\tfill it",
        "failed: main.lua:2: the pump is dry",
        "false\tinvalid_request\ttrue\ttrue",
    ]


def test_an_unknown_tool_raises_and_says_what_is_near(lua, extra):
    out = lua("local ok, e = pcall(Tool.execute, 'water-pomp') print(ok, e.type, e.message, e.hint)", extra=extra)
    assert out == ["false\ttool_not_found\tthere is no tool 'water-pomp'\tdid you mean 'water-pump'?"]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("5", "Tool.register takes one table, not a number"),
        ("{}", "a tool's name must be a text"),
        ("{ name = 't', description = 'd' }", "tool 't' has no handler"),
        ("{ name = 't', description = 'd', handler = 5 }", "tool 't' has no handler"),
        ("{ name = 't', handler = print }", "tool 't' has no description"),
        ("{ name = 'two words', description = 'd', handler = print }", "two words"),
        ("{ name = 't', description = 'd', handler = print, params = {} }", "tool 't' has no field 'params'"),
        ("{ name = 't', description = 'd', handler = print, examples = { 'x' } }", "an example is a request"),
        ("{ name = 't', description = 'd', handler = print, parameters = { x = 'sting: y' } }", "x"),
        (
            "{ name = 't', description = 'd', handler = print, parameters = { type = 'object', properties = 5 } }",
            "tool 't'",
        ),
        ("{ name = 'add', description = 'd', handler = print }", "a tool 'add' exists already"),
        ("{ name = 't', description = 'd', handler = print, timeout = -1 }", "timeout must be a number of seconds"),
    ],
)
def test_what_is_no_tool_is_refused(lua, extra, definition, message):
    (line,) = lua(f"local ok, e = pcall(Tool.register, {definition}) print(ok, e.type, e.message)", extra=extra)
    assert line.startswith("false\tinvalid_request\t")
    assert message in line


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return print", "the tool 't' returned what can't be told: a function can't leave Lua"),
        ("local t = {} t.t = t return t", "contains itself"),
        ("error('no luck')", "main.lua:1: no luck"),
        ("error({ message = 'odd', type = 'weird' })", "odd"),
        ("sleep(5)", "took longer than 0.05 s"),
    ],
)
def test_a_handler_that_goes_wrong_is_a_value_too(lua, body, message):
    source = f"local t = Tool.register{{ name='t', description='d', timeout = 0.05, handler = function() {body} end }}"
    (line,) = lua(source + " local r = t:execute() print(r.success, r.error.message)")
    assert line.startswith("false\t")
    assert message in line


def test_handlers_may_wait_and_call_tools(lua):
    assert lua(
        WEATHER
        + """
      Tool.register {
        name = "trip", description = "Plans a trip.", parameters = { cities = "string[]: Where to" },
        handler = function(args)
          local skies = parallel(args.cities, function(city) return Tool.execute("weather", { city = city }) end)
          return #skies .. " " .. skies[2].value.result.city
        end,
      }
      print(Tool.execute("trip", { cities = { "Rome", "Oslo" } }).result)
    """
    ) == ["2 Oslo"]


def test_a_result_that_is_nothing_is_a_success(lua):
    assert lua("""
      Tool.register{ name = "t", description = "d", handler = function() end }
      local r = Tool.execute("t")
      print(r.success, r.result, r.text)
    """) == ["true\tnil\tdone"]
