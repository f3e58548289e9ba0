"""What the console shows for the results of an expression."""

import pytest

from llmspell.lua.vm import Vm


class Inspector:
    """A Lua state with the console's part of the prelude: ``inspector(expression)`` gives what is echoed."""

    def __init__(self):
        self.echoed = []
        self.vm = Vm(self._call, parts=("console", "inspect"))

    def _call(self, op, *args):
        if op == "console.echo":
            self.echoed.append(args[0])
        return (True,)

    def set(self, **limits):
        for name, value in limits.items():
            assert self.vm.console("query", "set_inspect", name, value) == "true"

    def __call__(self, source):
        root = self.vm.console("run", source, "@app.lua", "")
        assert isinstance(root, int), root
        assert self.vm.step(0, True, None) == (1, root)
        assert self.vm.outcome(root) == ("done",)
        return self.echoed.pop() if self.echoed else None


@pytest.fixture(scope="module")
def inspector():
    return Inspector()


@pytest.fixture(scope="module")
def inspect(inspector):
    return inspector


@pytest.fixture
def fresh():
    return Inspector()


PLAIN = {
    "nil": "nil",
    "true, false": "true\nfalse",
    "1, 1.0, -0.0, 1e100, 1 << 62": "1\n1.0\n-0.0\n1e+100\n4611686018427387904",
    "1/0, -1/0": "inf\n-inf",
    "math.abs(0/0)": "nan",
    "'text'": '"text"',
    "'say \"hi\" \\\\ there'": r'"say \"hi\" \\ there"',
    "{}": "{}",
    "{ 1, 'two', { 3 } }": '{ 1, "two", { 3 } }',
    "{ 1, nil, 3 }": "{ 1, nil, 3 }",
    "{ b = 1, a = 2, 10, 20, _c1 = 3 }": "{ 10, 20, _c1 = 3, a = 2, b = 1 }",
    "{ ['a b'] = 1, ['end'] = 2, ['1x'] = 3, [''] = 4 }": '{ [""] = 4, ["1x"] = 3, ["a b"] = 1, ["end"] = 2 }',
    "{ [1.5] = 1, [-1] = 2, [true] = 3, [false] = 4 }": "{ [-1] = 2, [1.5] = 1, [false] = 4, [true] = 3 }",
    "JSON.null, { JSON.null }": "JSON.null\n{ JSON.null }",
}


@pytest.mark.parametrize("source", PLAIN)
def test_values_look_as_lua_writes_them(inspect, source):
    assert inspect(source) == PLAIN[source]


@pytest.mark.parametrize(
    "source",
    [
        "{ 1, 2.5, 'a\\0b\\27[31m\\r\\n\\t\\127é漢\\xff\\u{202e}', { x = { true } }, ['k\\n'] = 1, ['end'] = 2 }",
        "{ '\\xed\\xa0\\x80', '\\u{85}\\xe6\\xbc', ('long '):rep(30), a = { b = { c = ('text '):rep(20) } } }",
    ],
)
def test_what_is_shown_reads_as_the_same_value(inspect, source):
    shown = inspect(source)
    assert "cut short" not in shown
    assert inspect(shown) == shown


def test_nothing_in_a_text_reaches_the_terminal_but_what_can_be_seen(inspect):
    shown = inspect("'\\27]0;title\\7\\b\\0\\1279\\xc2\\x9b31m\\u{200b}\\u{feff}\\u{e0041}\\xff\\xc3 é 漢 🎉 ñ'")
    assert shown == r'"\x1B]0;title\a\b\x00\x7F9\u{9B}31m\u{200B}\u{FEFF}\u{E0041}\xFF\xC3 é 漢 🎉 ñ"'


def test_keys_names_and_places_are_as_harmless(inspect):
    shown = inspect(
        "{ ['\\27[2J'] = 1, load('return 1', '@\\27[2J.lua'), setmetatable({}, { __name = '\\27[2J' }), "
        "setmetatable({}, { __tostring = function() return '\\27[2J' end }), "
        "setmetatable({}, { __tostring = function() error('\\27[2J\\nmore') end }) }"
    )
    assert "\x1b" not in shown
    assert shown.count("[2J") == 4


def test_a_long_text_is_cut_with_its_length(inspect):
    shown = inspect("('x'):rep(10 * 1024 * 1024)")
    assert shown == f'"{"x" * 2000}"… 10,485,760 bytes\n-- cut short: .inspect shows more'
    assert inspect("{ ('x'):rep(201) }").splitlines()[1] == f'  "{"x" * 200}"… 201 bytes,'
    assert inspect("('x'):rep(2000)") == f'"{"x" * 2000}"'


def test_a_text_is_not_cut_within_a_character(inspect):
    assert inspect("'x' .. ('漢'):rep(1000)").startswith(f'"x{"漢" * 666}"… 3,001 bytes')
    assert inspect("('\\xbf'):rep(3000)").startswith('"' + r"\xBF" * 2000 + '"… 3,000 bytes')


def test_what_does_not_fit_the_width_stands_one_entry_a_line(inspect):
    shown = inspect("{ 1, { a = 1, b = { 2 } }, text = ('word '):rep(14), done = true }")
    assert shown.splitlines() == [
        "{",
        "  1,",
        "  { a = 1, b = { 2 } },",
        "  done = true,",
        f'  text = "{"word " * 14}",',
        "}",
    ]


def test_the_width_is_counted_in_columns(inspect):
    assert inspect("{ ('漢'):rep(37) }") == f'{{ "{"漢" * 37}" }}'  # 80 columns
    assert inspect("{ ('漢'):rep(37) .. 'x' }") == f'{{\n  "{"漢" * 37}x",\n}}'
    assert inspect("{ ('e\\u{301}'):rep(60) }").count("\n") == 0
    assert inspect("{ ('x'):rep(75) }").count("\n") == 2


def test_limits_can_be_set(fresh):
    fresh.set(width=20, items=2, depth=2, text=30)
    assert fresh("{ 1, 2, 3, 4 }") == "{ 1, 2, … 2 more }\n-- cut short: .inspect shows more"
    fresh.set(items=9)
    assert fresh("{ { { { 1 } } }, {} }") == "{ { {…} }, {} }\n-- cut short: .inspect shows more"
    assert fresh("{ 'abcdef' }").startswith('{ "abc"… 6 bytes }')
    assert fresh("{ name = 'ab', x = 100000000 }") == '{\n  name = "ab",\n  x = 100000000,\n}'
    assert fresh.vm.console("query", "set_inspect", "colour", 1) is None


def test_a_table_that_is_met_again_is_shown_once(inspect):
    inspect("function knot() local t = { name = 'knot' } t.self = t t.deep = { t } return t end")
    assert inspect("knot()") == '<table 1>{ deep = { <table 1> }, name = "knot", self = <table 1> }'
    assert inspect("(function() local s, t = { 1 }, { 2 } return { t, s, s, t } end)()") == (
        "{ <table 1>{ 2 }, <table 2>{ 1 }, <table 2>, <table 1> }"
    )


def test_many_entries_are_counted(inspect):
    lines = inspect("(function() local t = {} for i = 1, 10090 do t[i] = i end t.x = 1 return t end)()").splitlines()
    assert (lines[1], lines[100], lines[101]) == ("  1,", "  100,", "  … 9,991 more")
    lines = inspect("(function() local t = {} for i = 1, 10000 do t['f' .. i] = i end return t end)()").splitlines()
    names = sorted(f"f{i}" for i in range(1, 10001))
    assert lines[1:101] == [f"  {name} = {name[1:]}," for name in names[:100]]
    assert lines[101:] == ["  … 9,900 more", "}", "-- cut short: .inspect shows more"]


def test_no_more_is_shown_in_all_than_one_can_read(inspect):
    shown = inspect(
        "(function() local t = {} for i = 1, 100 do t[i] = {} for j = 1, 100 do t[i][j] = j end end return t end)()"
    )
    assert shown.count("\n") < 1100
    assert "  {…},\n" in shown


def test_only_some_of_very_many_keys_are_visited(inspect):
    array = "(function() local t = {} for i = 1, 3e5 do t[i] = i end t.name = 'x' return t end)()"
    assert "\n  … 299,901 more\n" in inspect(array)
    fields = "(function() local t = {} for i = 1, 3e5 do t['f' .. i] = i end return t end)()"
    assert "\n  … at least 199,900 more\n" in inspect(fields)


def test_depth_never_overflows_the_stack(fresh):
    deep = "(function() local t = {} for i = 1, 1e5 do t = { t } end return t end)()"
    assert fresh(deep).startswith("{ { { { { { {…} } } } } } }")
    fresh.set(depth=1_000_000_000)
    assert fresh(deep).count("{") == 201


def test_functions_show_their_parameters_and_where_they_are(inspect):
    inspect("function greet(name, ...) end\nfunction outer() return function(a, b) end end")
    assert inspect("greet") == "function greet(name, ...)  -- app.lua:1"
    assert inspect("outer()") == "function(a, b)  -- app.lua:2"
    assert inspect("{ greet = greet, x = 1 }") == "{\n  greet = function(name, ...),  -- app.lua:1\n  x = 1,\n}"
    assert inspect("print, string.byte") == "function print(...)  -- built in\nfunction string.byte(...)  -- built in"
    assert inspect("JSON.stringify") == "function JSON.encode(value, indent)  -- built in"
    assert inspect("{ string.byte }") == "{ function(...) }"


def test_coroutines_show_their_state_and_where_they_stand(inspect):
    inspect("co = coroutine.create(function()\n  coroutine.yield()\nend)\ncoroutine.resume(co)")
    assert inspect("co, coroutine.wrap(function() end)").splitlines()[0] == "<coroutine, suspended>  -- app.lua:2"
    inspect("coroutine.resume(co)")
    assert inspect("co") == "<coroutine, dead>"
    assert inspect("{ [co] = 1 }").startswith("{ [<thread 0x")


def test_a_value_with_tostring_says_itself_what_it_is(inspect):
    inspect("function with(method, t) return setmetatable(t or {}, { __tostring = method }) end")
    assert inspect("with(function() return 'Point(1, 2)' end)") == "Point(1, 2)"
    assert inspect("{ with(function() return '1 2\\n3 4' end) }") == "{\n  1 2\n  3 4,\n}"
    assert inspect("with(function() return 12 end)") == "12"
    assert inspect("with(function() return ('x'):rep(3000) end)").startswith("x" * 2000 + "… 3,000 bytes\n")


def test_a_tostring_that_fails_leaves_the_fields(inspect):
    note = "<__tostring failed: app.lua:1: no>"
    assert inspect("with(function() error('no') end, { x = 1 })") == (
        f"{{ x = 1, <metatable> = {{ __tostring }}, {note} }}"
    )
    assert "<__tostring failed: it raised a table>" in inspect("with(function() error({}) end)")
    assert "<__tostring gave a table>" in inspect("with(function() return {} end)")
    assert "<__tostring failed: " in inspect("with(function() local function f() return f() + 1 end return f() end)")


def test_a_tostring_that_waits_belongs_to_the_input(inspect):
    inspect("joined = with(function() return Task.spawn(function() return 'waited' end):wait() end)")
    assert inspect("joined") == "waited"


def test_cancelling_the_input_ends_a_tostring_that_waits(fresh):
    root = fresh.vm.console("run", "setmetatable({}, { __tostring = function() sleep(9) end })", "@app.lua", "")
    assert fresh.vm.step(0, True, None)[0] == 3
    fresh.vm.cancel_all("cancelled", "stop")
    assert fresh.vm.step(0, True, None) == (1, root)
    assert fresh.vm.outcome(root) == ("cancelled",)
    assert fresh.echoed == []


def test_metatables_are_mentioned(inspect):
    inspect("Account = {} Account.__index = Account")
    assert inspect("setmetatable({ balance = 0 }, Account)") == "{ balance = 0, <metatable> = Account }"
    assert inspect("setmetatable({ 1 }, { __index = {}, __len = print, other = 1 })") == (
        "{ 1, <metatable> = { __index, __len } }"
    )
    assert inspect("setmetatable({ x = 1 }, { __name = 'Point' })") == "Point { x = 1 }"
    assert inspect("setmetatable({}, { __index = error, __len = error, __pairs = error, __eq = error })") == (
        "{ <metatable> = { __eq, __index, __len, __pairs } }"
    )


def test_what_comes_with_llmspell_shows_what_it_is(inspect):
    assert inspect("select(2, pcall(JSON.parse, '{'))").splitlines() == [
        "error {",
        '  type = "json_error",',
        '  message = "invalid JSON at line 1, column 2: expected a name in quotes",',
        "}",
    ]
    assert inspect("Task.spawn(function() end)").endswith(', status = "ready" }')
    assert inspect("{ io.stdout }").startswith("{ file (0x")


def test_all_globals_are_shown(inspect):
    lines = inspect("_G").splitlines()
    assert lines[0] == "<table 1>{"
    assert "  _G = <table 1>," in lines
    assert '  _VERSION = "Lua 5.4",' in lines


def test_a_query_may_look_without_running_code_of_a_user(fresh):
    fresh.vm._load(
        "local K = ... K.queries.look = function(name) return (K.inspect(K.scope[name], { plain = true })) end", "=test"
    )
    fresh("ran = false\nloud = setmetatable({ x = 1 }, { __tostring = function() ran = true return '' end })")
    assert fresh.vm.console("query", "look", "loud") == "{ x = 1, <metatable> = { __tostring } }"
    assert fresh("ran") == "false"


def test_messages_of_errors_are_shown_at_length(inspect):
    inspect("ok, failed = pcall(JSON.parse, '') failed.message = ('word '):rep(100)")
    assert f'message = "{"word " * 100}",' in inspect("failed")
    assert f'message = "{"word " * 100}",' in inspect("{ { failed } }")
    inspect("failed.message = failed")
    assert inspect("failed") == '<table 1>error { type = "json_error", message = <table 1> }'


def test_an_array_may_have_fields_that_are_not_shown(inspect):
    assert inspect("(function() local t = {} for i = 1, 100 do t[i] = i t['f' .. i] = i end return t end)()").endswith(
        "  … 100 more\n}\n-- cut short: .inspect shows more"
    )
