"""Each plugin loads by itself: a broken one costs a row and one warning, whatever it does."""

import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

from llmspell import Command, LuaModule, ProviderSpec, Tool, hookimpl
from llmspell.errors import PluginError
from llmspell.plugins.entry_points import EntryPoint, scan
from llmspell.plugins.host import HOOKS, PluginHost
from llmspell.testing import write_plugin

HEAD = "from llmspell import Command, LuaModule, ProviderSpec, Tool, hookimpl\n\n\n@hookimpl\n"
GOOD = HEAD + 'def llmspell_providers():\n    return [ProviderSpec("NAME", dict, aliases=("NAME-too",))]\n'


def module(name="inline", **hooks):
    """A plugin with these functions as its hooks."""
    made = ModuleType(name)
    for hook, function in hooks.items():
        setattr(made, hook, hookimpl(function))
    return made


def inline(**plugins):
    """A host of inline plugins, with its warnings."""
    warnings = []
    return PluginHost(plugins, points=(), warn=warnings.append), warnings


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A host of plugins written into a folder, with its warnings; each is ``name=source``."""
    before = set(sys.modules)

    def make(allow=None, **sources):
        for name, source in sources.items():
            write_plugin(tmp_path, name, source.replace("NAME", name))
        monkeypatch.syspath_prepend(tmp_path)
        warnings = []
        return PluginHost(points=scan([str(tmp_path)]), allow=allow, warn=warnings.append), warnings

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_what_each_hook_gives():
    tool = Tool("add", "Adds.", {"type": "object"}, sum)
    lua = LuaModule("Weather", "return {}", {"weather.now": len})
    command = Command("greet", "Greets.", lambda arguments: 0)
    spec = ProviderSpec("parrot", dict, aliases=("polly",))
    host, warnings = inline(
        all=module(
            llmspell_providers=lambda: [spec],
            llmspell_lua_modules=lambda session: (lua for _ in [session.script]),
            llmspell_tools=lambda: (tool,),
            llmspell_commands=lambda: {command.name: command}.values(),
        )
    )
    assert host.providers() == {"parrot": spec, "polly": spec}
    assert host.lua_modules(SimpleNamespace(script="x.lua")) == {"Weather": lua}
    assert host.tools() == {"add": tool}
    assert host.commands() == {"greet": command}
    assert warnings == []
    assert host.check("all").hooks == HOOKS


def test_hooks_run_once_but_lua_modules_for_each_run():
    calls = []
    host, _ = inline(
        x=module(
            llmspell_providers=lambda: calls.append("providers") or [],
            llmspell_lua_modules=lambda session: calls.append(session) or [],
        )
    )
    assert calls == []  # nothing is asked before somebody wants it
    for session in (1, 2):
        host.providers()
        host.lua_modules(session)
    assert calls == ["providers", 1, 2]


def test_a_hook_may_leave_out_arguments_or_give_them_a_default():
    seen = []

    def with_default(session=None):
        seen.append(session)
        return []

    host, warnings = inline(
        a=module("a", llmspell_lua_modules=lambda: seen.append("none") or []),
        b=module("b", llmspell_lua_modules=with_default),
    )
    host.lua_modules("the session")
    assert seen == ["none", "the session"]
    assert warnings == []


def test_an_object_can_be_the_plugin(installed):
    source = (
        "from llmspell import ProviderSpec, hookimpl\n\nclass Plugin:\n    @hookimpl\n"
        "    def llmspell_providers(self):\n        return [ProviderSpec('of-object', dict)]\n\nplugin = Plugin()\n"
    )
    installed(module_of_object=source)
    points = [
        EntryPoint("p", "module_of_object", "d", "1", "plugin"),
        EntryPoint("q", "module_of_object", "d", "1", "no"),
    ]
    warnings = []
    host = PluginHost(points=points, warn=warnings.append)
    assert set(host.providers()) == {"of-object"}
    assert [row.error is None for row in host.rows] == [True, False]
    assert "has no attribute 'no'" in warnings[0]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            "import no_such_module_at_all\n",
            "import failed: ModuleNotFoundError: No module named 'no_such_module_at_all'",
        ),
        ("def broken(:\n", "import failed: SyntaxError"),
        ("raise RuntimeError('two\\nlines')\n", "import failed: RuntimeError: two lines"),
        ("import sys\nsys.exit(3)\n", "import failed: SystemExit: 3"),
        ("raise RecursionError\n", "import failed: RecursionError"),
        (
            HEAD + "def llmspell_provider():\n    return []\n",
            "registration failed: PluginValidationError: unknown hook",
        ),
        (HEAD + "def llmspell_providers(models):\n    return []\n", "registration failed: PluginValidationError"),
        ("def llmspell_providers():\n    return []\n", "llmspell_providers is not marked with @llmspell.hookimpl"),
    ],
)
def test_a_plugin_that_cant_be_loaded_is_left_out(installed, source, says):
    host, warnings = installed(good_neighbour=GOOD, loading_fails=source)
    assert set(host.providers()) == {"good_neighbour", "good_neighbour-too"}
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: plugin 'loading_fails': ")
    assert says in warnings[0]
    assert "\n" not in warnings[0]
    with pytest.raises(PluginError, match="loading_fails"):
        host.check("loading_fails")
    assert host.check("good_neighbour").error is None


def test_ctrl_c_during_an_import_passes(installed):
    with pytest.raises(KeyboardInterrupt):
        installed(interrupted="raise KeyboardInterrupt\n")


def failing(error):
    def hook():
        raise error

    return hook


def midway():
    yield ProviderSpec("first", dict)
    raise OSError("disk")


async def in_async():
    return []


@pytest.mark.parametrize(
    ("hook", "says"),
    [
        (failing(ValueError("bad")), "llmspell_providers failed: ValueError: bad"),
        (failing(SystemExit("no key")), "SystemExit: no key"),
        (lambda: None, "must return a list of ProviderSpec values, not None"),
        (lambda: ProviderSpec("x", dict), "not a value of type ProviderSpec"),
        (lambda: "parrot", "not a value of type str"),
        (lambda: {"parrot": dict}, "not a value of type dict"),
        (lambda: ["parrot"], "it gave a value of type str, not ProviderSpec"),
        (lambda: [None], "it gave None, not ProviderSpec"),
        (in_async, "not a value of type coroutine"),
        (midway, "OSError: disk"),
        (lambda: [ProviderSpec("x", dict, contract=99)], "provider 'x' speaks contract 99, this llmspell 1"),
        (lambda: [ProviderSpec("x", dict, contract="1")], "speaks contract 1"),
        (lambda: [ProviderSpec(5, dict)], "ProviderSpec.name is 5, not a string"),
        (lambda: [ProviderSpec("Parrot", dict)], "'Parrot' can't be a provider's name"),
        (lambda: [ProviderSpec("a/b", dict)], "'a/b' can't be a provider's name"),
        (lambda: [ProviderSpec("local", dict)], "'local' can't be a provider's name"),
        (lambda: [ProviderSpec("x", dict, aliases="ab")], "aliases is 'ab', not a tuple"),
        (lambda: [ProviderSpec("x", dict, aliases=("hf",))], "'hf' can't be a provider's name"),
        (lambda: [ProviderSpec("x", dict, kind="remote")], "kind is 'remote'"),
        (lambda: [ProviderSpec("x", dict, rank="high")], "rank is 'high'"),
        (lambda: [ProviderSpec("x", "factory")], "its factory can't be called"),
    ],
)
def test_a_hook_that_breaks_a_rule_costs_its_plugin_only(hook, says):
    good = module("good", llmspell_providers=lambda: [ProviderSpec("good", dict)])
    host, warnings = inline(bad=module("bad", llmspell_providers=hook), good=good)
    assert set(host.providers()) == {"good"}
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: plugin 'bad': llmspell_providers")
    assert says in warnings[0]
    assert says in host.rows[0].error


@pytest.mark.parametrize(
    ("hook", "value", "says"),
    [
        ("llmspell_lua_modules", LuaModule("not a name", ""), "no Lua name"),
        ("llmspell_lua_modules", LuaModule("X", b""), "source is not a string"),
        ("llmspell_lua_modules", LuaModule("X", "", [len]), "ops is not a mapping"),
        ("llmspell_lua_modules", LuaModule("X", "", {"x.go": 5}), "op 'x.go' is not a name with a function"),
        ("llmspell_tools", Tool("add", "", {"type": "object"}, sum), "no description"),
        ("llmspell_tools", Tool("add", "Adds.", {"type": "string"}, sum), "not a JSON schema of type object"),
        ("llmspell_tools", Tool("add", "Adds.", {"type": "object"}, None), "run can't be called"),
        ("llmspell_commands", Command("Greet me", "", len), "can't be a command"),
        ("llmspell_commands", Command("greet", "", "run"), "run can't be called"),
    ],
)
def test_wrong_values_of_the_other_hooks(hook, value, says):
    host, warnings = inline(bad=module(**{hook: lambda: [value]}))
    get = {"llmspell_lua_modules": lambda: host.lua_modules(None), "llmspell_tools": host.tools}.get(
        hook, host.commands
    )
    assert get() == {}
    assert says in warnings[0]


def test_a_taken_name_stays_with_the_first():
    def of(name, *aliases):
        return module(name, llmspell_providers=lambda: [ProviderSpec(name, dict, aliases=aliases)])

    host, warnings = inline(a=of("one", "two"), b=of("two"), c=of("three", "one"), d=of("four"))
    specs = host.providers()
    assert set(specs) == {"one", "two", "four"}
    assert specs["two"].name == "one"
    assert [warning.split(": ", 1)[1].split(" (")[0] for warning in warnings] == [
        "plugin 'b': provider name 'two' is taken by another plugin",
        "plugin 'c': provider name 'one' is taken by another plugin",
    ]


def test_taken_names_of_the_other_hooks():
    first, second = (LuaModule("X", source) for source in ("return 1", "return 2"))
    host, warnings = inline(
        a=module("a", llmspell_lua_modules=lambda: [first]), b=module("b", llmspell_lua_modules=lambda: [second])
    )
    assert host.lua_modules(None) == {"X": first}
    assert "Lua global 'X' is taken" in warnings[0]


def test_an_op_belongs_to_one_lua_module():
    first, second = (LuaModule(name, "return {}", {"notes.add": len}) for name in ("Notes", "Memo"))
    host, warnings = inline(
        a=module("a", llmspell_lua_modules=lambda: [first]), b=module("b", llmspell_lua_modules=lambda: [second])
    )
    assert host.lua_modules(None) == {"Notes": first}
    assert "plugin 'b': op 'notes.add' is taken by another plugin" in warnings[0]


def test_asking_for_the_last_place_doesnt_take_the_first():
    late, early = (module(name) for name in "ab")
    late.llmspell_providers = hookimpl(trylast=True)(lambda: [ProviderSpec("x", dict, rank=1)])
    early.llmspell_providers = hookimpl(tryfirst=True)(lambda: [ProviderSpec("x", dict, rank=2)])
    host, _ = inline(a=late, b=early)
    assert host.providers()["x"].rank == 1


def test_a_plugin_warns_once_and_its_row_says_everything():
    host, warnings = inline(
        bad=module(
            llmspell_providers=lambda: [ProviderSpec("Bad", dict), ProviderSpec("good", dict), None],
            llmspell_lua_modules=failing(ValueError("twice")),
        )
    )
    assert set(host.providers()) == {"good"}  # the rest of a plugin goes on
    host.lua_modules(1)
    host.lua_modules(2)
    assert len(warnings) == 1
    error = host.rows[0].error
    assert "'Bad' can't be" in error
    assert "it gave None" in error
    assert error.count("ValueError: twice") == 1


def test_two_distributions_with_one_plugin_name(tmp_path, monkeypatch):
    write_plugin(tmp_path, "plugin_of_a", GOOD)
    write_plugin(tmp_path, "plugin_of_b", GOOD.replace("NAME", "other"))
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint("same", "plugin_of_a", "a", "1"), EntryPoint("same", "plugin_of_b", "b", "1")]
    (tmp_path / "plugin_of_a.py").write_text(GOOD.replace("NAME", "Wrong"), encoding="utf-8")
    warnings = []
    host = PluginHost(points=points, warn=warnings.append)
    host.providers()
    assert [row.error.split(":")[0] for row in host.rows] == ["llmspell_providers", "another plugin has this name"]
    assert len(warnings) == 2


def test_one_module_under_two_names(installed):
    installed(module_of_two=GOOD)
    warnings = []
    points = [EntryPoint("a", "module_of_two", "d", "1"), EntryPoint("b", "module_of_two", "d", "1")]
    host = PluginHost(points=points, warn=warnings.append)
    assert "module_of_two" in host.providers()
    assert "plugin 'b': registration failed: ValueError: plugin 'a' is the same module" in warnings[0]


def test_bundled_plugins_come_before_strangers(installed):
    installed(stranger=GOOD.replace("NAME", "wanted"), bundled=GOOD.replace("NAME", "wanted"))
    points = [EntryPoint("a", "stranger", "thing", "1"), EntryPoint("b", "bundled", "LLMSpell", "1")]
    warnings = []
    host = PluginHost(points=points, warn=warnings.append)
    host.providers()
    assert [row.name for row in host.rows if row.error] == ["a"]


@pytest.mark.parametrize(
    ("allow", "loaded"), [(None, ["one", "two"]), ("two", ["two"]), (" one , two ", ["one", "two"]), ("", [])]
)
def test_the_allow_list(installed, monkeypatch, allow, loaded):
    monkeypatch.delenv("LLMSPELL_PLUGINS", raising=False)
    if allow is not None:
        monkeypatch.setenv("LLMSPELL_PLUGINS", allow)
    host, warnings = installed(one=GOOD, two=GOOD)
    assert [row.name for row in host.rows] == loaded
    assert warnings == []


def test_a_plugin_outside_the_allow_list_is_not_imported(installed):
    installed(allow="fine", fine=GOOD, harmful="raise KeyboardInterrupt\n")


def test_an_allowed_name_that_isnt_installed_is_named(installed):
    _, warnings = installed(allow="one,tow", one=GOOD)
    assert warnings == ["warning: LLMSPELL_PLUGINS names 'tow', and no plugin of that name is installed"]


def test_the_builtin_are_there_whatever_the_list_says():
    good = module(llmspell_providers=lambda: [ProviderSpec("good", dict)])
    assert set(PluginHost({"own": good}, points=(), allow="").providers()) == {"good"}


def test_checking_a_plugin_that_isnt_there():
    host, _ = inline()
    with pytest.raises(PluginError, match="plugin 'x': not installed") as raised:
        host.check("x")
    assert raised.value.plugin == "x"


def test_the_warning_goes_to_stderr(tmp_path):
    write_plugin(tmp_path, "broken", "1 / 0\n")
    child = subprocess.run(
        [sys.executable, "-c", "from llmspell.plugins.host import PluginHost; PluginHost(allow='broken'); print('ok')"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert child.stdout == "ok\n"
    assert child.stderr == (
        "warning: plugin 'broken': import failed: ZeroDivisionError: division by zero "
        "(`llmspell plugin list` shows all)\n"
    )


def test_the_host_imports_nothing_heavy():
    heavy = ("asyncio", "importlib.metadata", "msgspec", "rich", "tomlkit", "lupa")
    code = (
        "import sys; from llmspell.plugins.host import PluginHost; PluginHost(allow='');"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout == "[]\n"
