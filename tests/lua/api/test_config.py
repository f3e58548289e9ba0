"""The global Config."""

TOML = """
[models]
default = "local/tiny"
[models.aliases]
"my.alias" = "local/x"
[providers.fake]
project = "sk-0123456789abcdef"
host = "http://user:hush@127.0.0.1"
[sandbox]
read = ["data"]
"""


def test_values_by_dotted_key(lua):
    assert lua(
        """
        print(Config.get("models.default"), Config.get("models.aliases.my.alias"))
        print(math.type(Config.get("sandbox.memory_mb")))
        print(Config.get("models.none"), Config.get("models.default.deeper"), Config.get("none.at.all", "default"))
        print(Config.get().models.default, Config.getSection("models").default, Config.getSection("none"))
        print(Config.getDefaultEngine(), table.concat(Config.listProviders(), ","), Config.getProvider("none"))
        print(Config.getSecurity().read[1] ~= nil, type(Config.getTools()), Config.isFileAccessAllowed())
        """,
        toml=TOML,
    ) == [
        "local/tiny\tlocal/x",
        "integer",
        "nil\tnil\tdefault",
        "local/tiny\tlocal/tiny\tnil",
        "lua\tfake\tnil",
        "true\ttable\ttrue",
    ]


def test_whether_tools_may_reach_hosts(lua):
    code = "print(Config.isNetworkAccessAllowed())"
    assert lua(code) == ["false"]
    for key in ("hosts", "private_hosts"):
        assert lua(code, toml=f'[sandbox]\n{key} = ["x.test"]') == ["true"]


def test_secrets_stay_hidden(lua):
    (line,) = lua('print(JSON.stringify(Config.get()), Config.get("providers.fake.project"))', toml=TOML)
    assert "sk-0123456789abcdef" not in line and "hush" not in line
    assert line.endswith("\t***")


def test_a_key_is_a_text(lua):
    (line,) = lua("print(select(2, pcall(Config.get, {})).message)")
    assert line == "Config.get takes a dotted key"


def test_a_script_cannot_change_it(lua):
    assert lua("""
        local copy = Config.get()
        copy.models.default = "mine"
        print(Config.get("models.default"), Config.setProvider)
    """) == ["local/smollm2:135m\tnil"]
