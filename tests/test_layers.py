"""The house rules of the source: who imports whom, what each file may know, how files are called.

Everything is read from the syntax trees, so an import inside a function counts like one at the top.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "runtime" / "llmspell"
PLUGINS = ROOT / "plugins"

LAYERS = (
    ("secrets",),
    ("errors", "leaving"),
    ("sqlite_file",),
    ("config",),
    ("keys",),
    ("plugins",),
    ("models",),
    ("providers",),
    ("agents",),
    ("lua",),
    ("cli", "repl"),
)
"""Each may import those above it in this list, and itself."""
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer}
TOGETHER = {"cli", "repl"}
"""Two that use each other: a verb opens the REPL, and a command of the REPL does what a verb does."""
FREE = {"testing", "__main__"}
"""What may see everything. Nothing may see it."""

PROVIDER_NAMES = {"gguf", "ollama", "openai", "anthropic", "candle", "groq", "openrouter"}
PROVIDER_PACKAGES = {"xllamacpp", "llama_cpp", "ollama", "openai", "anthropic"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "tools_", "base", "core"}


def sources(folder):
    return sorted(folder.rglob("*.py"))


def short(file):
    return str(file.relative_to(ROOT))


@cache
def tree(file):
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def module_of(file, root):
    parts = list(file.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(file, root):
    """Every module that a file imports, by its full name, with the names taken from it."""
    here = module_of(file, root)
    package = here if file.name == "__init__.py" else here.rpartition(".")[0]
    found = []
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            found += [(base, alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.append((argument.value, ""))
    return found


def layer(module, name=""):
    """The part of llmspell that an import reaches: ``from llmspell import errors`` reaches errors."""
    parts = module.split(".")
    if parts[0] != "llmspell":
        return None
    return parts[1] if len(parts) > 1 else name


RUNTIME_FILES = sources(RUNTIME)
PLUGIN_FILES = sources(PLUGINS)


@pytest.mark.parametrize("file", RUNTIME_FILES, ids=short)
def test_imports_point_down(file):
    own = module_of(file, ROOT / "runtime").split(".")[1:]
    if not own or own[0] in FREE:
        return
    for module, name in imports(file, ROOT / "runtime"):
        other = layer(module, name)
        if other is None or other == "__version__":
            continue
        assert other in HEIGHT, f"{short(file)} imports {module}.{name}: the façade and the tests' kit are for others"
        assert HEIGHT[other] <= HEIGHT[own[0]], f"{short(file)} imports {module}: {own[0]} stands below {other}"
        if {other, own[0]} != TOGETHER:
            assert other == own[0] or HEIGHT[other] < HEIGHT[own[0]], f"{short(file)} imports {module}, beside it"


def test_every_part_of_the_house_has_a_place():
    parts = {path.stem for path in RUNTIME.iterdir() if not path.name.startswith("_") and path.name != "py.typed"}
    assert parts <= set(HEIGHT) | FREE


@pytest.mark.parametrize("file", RUNTIME_FILES, ids=short)
def test_the_runtime_imports_no_provider(file):
    for module, _ in imports(file, ROOT / "runtime"):
        top = module.split(".")[0]
        assert not top.startswith("llmspell_"), f"{short(file)} imports the plugin {module}"
        assert top not in PROVIDER_PACKAGES, f"{short(file)} imports {module}: only a plugin may"


def docstrings(root):
    for node in ast.walk(root):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            for child in node.body:
                if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                    yield child.value


@pytest.mark.parametrize("file", RUNTIME_FILES, ids=short)
def test_the_runtime_knows_no_provider_by_name(file):
    """No identifier and no text is a provider's name; prose that mentions one, as an example, may."""
    if module_of(file, ROOT / "runtime") == "llmspell.testing.registration":
        return  # a list of packages that are heavy, not of providers
    told = {id(node) for node in docstrings(tree(file))}
    for node in ast.walk(tree(file)):
        name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "arg", None)
        if isinstance(node, ast.Constant) and id(node) not in told:
            name = node.value
        if isinstance(name, str):
            line = f"{short(file)}:{getattr(node, 'lineno', '?')}"
            assert name.lower() not in PROVIDER_NAMES | PROVIDER_PACKAGES, f"{line} knows the provider {name!r}"


@pytest.mark.parametrize("file", PLUGIN_FILES, ids=short)
def test_plugins_use_public_names_only(file):
    own = file.relative_to(PLUGINS).parts[0]
    for module, name in imports(file, PLUGINS):
        if module.split(".")[0] != "llmspell":
            assert not module.startswith("llmspell_") or module.split(".")[0] == own, f"{short(file)} imports {module}"
            continue
        private = [part for part in [*module.split("."), name] if part.startswith("_") and part != "__version__"]
        assert not private, f"{short(file)} imports the private {module}.{name}"
        assert layer(module, name) not in ("cli", "repl", "lua", "agents"), f"{short(file)} imports {module}"


def test_lua_is_embedded_in_one_place():
    users = [
        short(file)
        for file in RUNTIME_FILES + PLUGIN_FILES
        for module, _ in imports(file, ROOT)
        if module.split(".")[0] == "lupa"
    ]
    assert len(set(users)) == 1, users
    assert users[0].startswith("runtime/llmspell/lua/")


def test_files_are_called_by_what_is_in_them():
    folders = (RUNTIME, PLUGINS, ROOT / "tests", ROOT / "bench")
    vague = [short(file) for folder in folders for file in sources(folder) if file.stem.strip("_") in VAGUE]
    assert vague == []


@pytest.mark.parametrize("file", RUNTIME_FILES + PLUGIN_FILES, ids=short)
def test_every_module_says_what_it_is(file):
    assert ast.get_docstring(tree(file)), f"{short(file)} has no docstring"


def test_the_rules_see_what_they_forbid(tmp_path):
    """The reader of imports finds every way to write one."""
    package = tmp_path / "llmspell" / "models"
    package.mkdir(parents=True)
    file = package / "bad.py"
    file.write_text(
        "import llmspell.cli.main\nfrom llmspell import agents\nfrom ..providers import hub\nfrom . import names\n"
        "def late():\n    from llmspell.lua.vm import x\n    import_module('llmspell.repl')\n",
        encoding="utf-8",
    )
    assert [layer(module, name) for module, name in imports(file, tmp_path)] == [
        "cli", "agents", "providers", "models", "lua", "repl",
    ]  # fmt: skip
