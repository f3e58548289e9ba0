"""Values cross both ways exactly, or an error says why not; the global JSON follows RFC 8259."""

import json
import math
import random

import pytest

from llmspell.lua.driver import Driver
from llmspell.lua.effects import Live
from llmspell.lua.vm import Vm


class Bench:
    """A Lua state that takes values to and fro."""

    def __init__(self):
        self.seen = None

        async def show(value=None):
            self.seen = value

        async def give():
            return self.given

        self._live = Live({"show": show, "give": give, "io.write": lambda *_: True})

    def run(self, source):
        vm = Vm(lambda op, *args: self._live.call(op, args))
        driver = Driver(vm, self._live)
        module = (
            "return { show = function(...) return await('show', ...) end, give = function() return await('give') end }"
        )
        assert vm.load_module("Test", module) is None
        root = vm.load(source.encode(), "main.lua")
        driver.run()
        return driver.ended[root]

    def python(self, expression):
        """What an expression of Lua is in Python."""
        failure = self.run(f"Test.show({expression})")
        assert failure is None, failure
        return self.seen

    def refused(self, expression):
        failure = self.run(f"Test.show({expression})")
        assert failure is not None and failure.type == "conversion_error"
        return failure.message

    def around(self, value):
        """A value after its way into Lua and back."""
        self.given = value
        failure = self.run("Test.show(Test.give())")
        assert failure is None, failure
        return self.seen


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench._live.close()


OUT = [
    ("nil", None),
    ("true", True),
    ("1", 1),
    ("1.0", 1.0),
    ("-0.0", -0.0),
    ("math.maxinteger", (1 << 63) - 1),
    ("math.mininteger", -(1 << 63)),
    ("1/0", math.inf),
    ("'text'", "text"),
    ("'\\u{e9}\\0'", "é\0"),
    ("{}", {}),
    ("JSON.array()", []),
    ("JSON.array{}", []),
    ("{ 1, 2, 3 }", [1, 2, 3]),
    ("{ [1.0] = 'x' }", ["x"]),
    ("{ 1, nil, 3 }", [1, None, 3]),
    ("{ [3] = 'x' }", [None, None, "x"]),
    ("{ [10] = 'x' }", [None] * 9 + ["x"]),
    ("{ [11] = 'x' }", {11: "x"}),
    ("{ [0] = 'x' }", {0: "x"}),
    ("{ [-1] = 'x', [5] = 'y' }", {-1: "x", 5: "y"}),
    ("{ a = 1, b = { c = {} } }", {"a": 1, "b": {"c": {}}}),
    ("{ a = JSON.null, b = 1 }", {"b": 1}),
    ("{ JSON.null, 1, JSON.null }", [None, 1, None]),
    ("JSON.null", None),
    ("{ { {} }, JSON.array() }", [[{}], []]),
]


@pytest.mark.parametrize(("expression", "value"), OUT)
def test_out_of_lua(bench, expression, value):
    result = bench.python(expression)
    assert result == value and type(result) is type(value)
    if isinstance(value, float):
        assert math.copysign(1, result) == math.copysign(1, value)


def test_names_come_sorted(bench):
    assert list(bench.python("{ z = 1, a = 2, m = 3, B = 4 }")) == ["B", "a", "m", "z"]
    assert list(bench.python("{ [100] = 1, [-5] = 2, [50] = 3 }")) == [-5, 50, 100]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("print", "a function can't leave Lua"),
        ("coroutine.create(print)", "can't leave Lua"),
        ("{ f = print }", "a function can't leave Lua"),
        ("{ 1, x = 2 }", "both positions and names"),
        ("{ [true] = 1 }", "a bool can't be a key"),
        ("{ [{}] = 1 }", "a table can't be a key"),
        ("(function() local t = {} t.t = t return t end)()", "contains itself"),
        ("(function() local t = {} for i = 1, 60 do t = { t, t } end return t end)()", "more than 1000000 values"),
        ("(function() local t = {} for i = 1, 101 do t = { t } end return t end)()", "deeper than 100"),
    ],
)
def test_what_cannot_leave_lua(bench, expression, why):
    assert why in bench.refused(expression)


def test_half_a_million_values_are_fine(bench):
    assert len(bench.python("(function() local t = {} for i = 1, 500000 do t[i] = i end return t end)()")) == 500000


def test_a_hundred_levels_are_fine(bench):
    value = bench.python("(function() local t = 1 for i = 1, 100 do t = { t } end return t end)()")
    for _ in range(100):
        (value,) = value
    assert value == 1


INTO = [
    (1 << 64, float(1 << 64)),
    (10**400, math.inf),
    ((1, 2), [1, 2]),
    ({"a": None, "b": 1}, {"b": 1}),
    ([None, 1, None], [None, 1, None]),
    ([], []),
    ({}, {}),
    ({"a": [], "b": {}}, {"a": [], "b": {}}),
    (b"\xff\x00", "\udcff\0"),
    ("\udcff", "\udcff"),
    ({1: "x", 2: "y"}, ["x", "y"]),
]


@pytest.mark.parametrize(("value", "back"), INTO)
def test_into_lua_and_back(bench, value, back):
    assert bench.around(value) == back


def test_shared_lists_stay_what_they_are(bench):
    a, b = [1], {"x": 2}
    assert bench.around([a, b, a, b]) == [[1], {"x": 2}, [1], {"x": 2}]


@pytest.mark.parametrize("value", [object(), {1, 2}, {(1, 2): 3}, {2.5: 1}, [object()], {"a": {"b": print}}])
def test_what_cannot_go_into_lua(bench, value):
    bench.given = value
    failure = bench.run("Test.give()")
    assert failure.type == "conversion_error" and "can't" in failure.message


def test_a_list_of_python_that_contains_itself(bench):
    value = []
    value.append(value)
    bench.given = value
    assert "contains itself" in bench.run("Test.give()").message


def made_up(chance, depth=0):
    kind = chance.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return chance.choice([True, False])
    if kind == 1:
        return chance.choice([0, -1, 1 << 62, -(1 << 63), chance.randrange(-1000, 1000)])
    if kind == 2:
        return chance.choice([0.5, -0.0, 1e308, 5e-324, chance.uniform(-1e6, 1e6)])
    if kind <= 5:
        return "".join(chance.choice('aZ0 é€😀"\\/\n\t\x01\x7f') for _ in range(chance.randrange(8)))
    if kind == 6:
        return [made_up(chance, depth + 1) for _ in range(chance.randrange(5))]
    size = chance.randrange(5)
    return {made_up_name(chance): made_up(chance, depth + 1) for _ in range(size)}


def made_up_name(chance):
    return "".join(chance.choice('abé"\\ ') for _ in range(1 + chance.randrange(5)))


def test_a_thousand_made_up_values_come_back_the_same(bench):
    chance = random.Random(4)
    values = [made_up(chance) for _ in range(1000)]
    back = bench.around(values)
    assert back == values
    assert json.dumps(back, sort_keys=True) == json.dumps(values, sort_keys=True)  # 1 is not 1.0 or true


def test_made_up_values_survive_json_in_lua(bench):
    chance = random.Random(5)
    values = [made_up(chance) for _ in range(300)]
    bench.given = [json.dumps(value, ensure_ascii=bool(i % 2)) for i, value in enumerate(values)]
    failure = bench.run("""
        local out, texts = JSON.array(), Test.give()
        for i = 1, #texts do
          local value = JSON.parse(texts[i])
          out[i] = { value = value, text = JSON.stringify(value), pretty = JSON.stringify(value, 2) }
        end
        Test.show(out)
    """)
    assert failure is None, failure
    for value, result in zip(values, bench.seen, strict=True):
        assert result["value"] == value
        assert json.loads(result["text"]) == value
        assert json.loads(result["pretty"]) == value
        assert json.dumps(json.loads(result["text"]), sort_keys=True) == json.dumps(value, sort_keys=True)


VALID = [
    "0", "-0", "1", "-1", "1.5", "-1.5e10", "1E5", "1e+5", "1e-5", "0.0", "1e400", "123456789012345678901234567890",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "true", "false", '""', '"a"', '"\\u00e9"',
    '"\\ud83d\\ude00"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\x7f"', '"\\u0000"', "[]", "[ ]", "[1]", "[1,2]", "[[],[[]]]",
    "{}", "{ }", '{"a":1}', '{"a":{"b":[1,2,{"c":[]}]}}', ' \t\r\n1 \n', '{"":1}', '{"a":1,"a":2}', "[true,false]",
    "1.7976931348623157e308", "0.1", "1e0", '{"a" : [ 1 , 2 ] }',
]  # fmt: skip

INVALID = [
    "", " ", "tru", "nul", "True", "nan", "NaN", "Infinity", "-Infinity", "+1", "01", "-01", "1.", ".5", "1e", "1e+",
    "--1", "0x10", "1_000", "'a'", '"a', '"\\x"', '"\\u12"', '"\\u12g4"', '"\n"', '"\t"', '"\x00"', "[", "]", "[1",
    "[1,", "[1,]", "[,1]", "[1 2]", "{", "}", "{1:2}", '{"a"}', '{"a":}', '{"a":1,}', '{"a":1 "b":2}', "{,}",
    "1 2", "[] []",
    "true false", "//x\n1", "/**/1", '{a:1}', "\u00a01", '"\\', '"\\u', "[1}", '{"a":1]', "-", "e5", "1.e5", "1.5.5",
]  # fmt: skip


@pytest.mark.parametrize("text", VALID)
def test_valid_json(bench, text):
    bench.given = text
    assert bench.run("Test.show({ JSON.parse(Test.give()) })") is None
    expected = json.loads(text)
    if type(expected) is int and not -(1 << 63) <= expected < 1 << 63:
        expected = float(expected)
    assert bench.seen == [expected] and type(bench.seen[0]) is type(expected)


@pytest.mark.parametrize("text", INVALID)
def test_invalid_json(bench, text):
    if text not in ("NaN", "Infinity", "-Infinity"):  # Python takes these
        with pytest.raises(ValueError):
            json.loads(text)
    bench.given = text
    failure = bench.run("local text = Test.give()\nJSON.parse(text)")
    assert failure is not None and failure.type == "json_error"
    assert failure.message.startswith("main.lua:2: invalid JSON at line ")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("x", 1, 1),
        ("[1,\n 2,\n  x]", 3, 3),
        ('{"a": 1,\n"b" 2}', 2, 5),
        ("[1, 2", 1, 6),
        ('"abc', 1, 1),
        ("1\n\n2", 3, 1),
    ],
)
def test_an_error_in_json_has_its_place(bench, text, line, column):
    bench.given = text
    failure = bench.run("JSON.parse(Test.give())")
    assert f"line {line}, column {column}:" in failure.message


def test_json_s_edges(prints):
    source = r"""
        print(JSON.parse('[null]')[1] == JSON.null, JSON.parse('{"a":null}').a, JSON.parse('null') == JSON.null)
        print(tostring(JSON.null), JSON.stringify(JSON.null), JSON.stringify(nil))
        print(JSON.stringify({}), JSON.stringify(JSON.array()), JSON.stringify(JSON.parse("[]")),
          JSON.stringify({ {} }))
        print(JSON.stringify({ 1, nil, 3 }), JSON.stringify({ [100] = 1 }), JSON.stringify({ b = 1, a = 2 }))
        print(JSON.stringify(1), JSON.stringify(1.0), JSON.stringify(0.1), JSON.stringify(1e300), JSON.stringify(-0.0))
        print(JSON.stringify("\0\31\127\"\\/é"), JSON.encode == JSON.stringify, JSON.decode == JSON.parse)
        print(JSON.stringify({ a = { 1, 2 }, b = {} }, 2))
        print(#JSON.parse('"\\ud800"'), #JSON.parse('"\\ud83d\\ude00"'))
        for _, bad in ipairs { print, 0/0, 1/0, { [true] = 1 }, { 1, a = 2 }, coroutine.create(print) } do
          local ok, e = pcall(JSON.stringify, bad)
          print(ok, e.type)
        end
        local loop = {} loop.loop = loop
        print(select(2, pcall(JSON.stringify, loop)).message)
        print(pcall(JSON.parse, ("["):rep(100) .. ("]"):rep(100)))
        print(select(2, pcall(JSON.parse, ("["):rep(101))).message)
        print(pcall(JSON.parse, 5))
        print(pcall(JSON.parse))
        local shared = { 1 }
        print(JSON.stringify({ shared, shared }))
    """
    lines = prints(source)
    assert lines[:6] == [
        "true\tnil\ttrue",
        "null\tnull\tnull",
        "{}\t[]\t[]\t[{}]",
        '[1,null,3]\t{"100":1}\t{"a":2,"b":1}',
        "1\t1.0\t0.1\t1e+300\t-0.0",
        '"\\u0000\\u001f\\u007f\\"\\\\/é"\ttrue\ttrue',
    ]
    assert lines[6:14] == ["{", '  "a": [', "    1,", "    2", "  ],", '  "b": {}', "}", "3\t4"]
    assert lines[14:20] == ["false\tjson_error"] * 6
    assert lines[20] == "the table contains itself"
    assert lines[21].startswith("true\ttable")
    assert "nested deeper than 100 levels" in lines[22]
    assert lines[25] == "[[1],[1]]"
