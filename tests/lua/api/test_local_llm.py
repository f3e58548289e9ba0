"""The global LocalLLM, in the shapes that the Rust llmspell's scripts read."""

import asyncio

import pytest

from llmspell.errors import PullFailed
from llmspell.providers.contract import LoadedModel, ModelInfo, Provider, ProviderStatus, PullProgress
from llmspell.testing import ScriptedProvider

MB = 1_000_000
INFO = ModelInfo(
    "small:1b",
    "store",
    size_bytes=92 * MB,
    quantization="Q4_1",
    parameter_count="135M",
    context_length=2048,
    architecture="llama",
    format="gguf",
    capabilities=frozenset({"chat", "embed"}),
    modified_at=1_700_000_000.7,
    path="/models/small.gguf",
    loaded=False,
    source="a store",
)


class Store(ScriptedProvider):
    """Has one model and can fetch another."""

    def __init__(self, **options):
        super().__init__(name="store", models=[INFO], **options)
        self.gate = None
        self.pulled = []
        self.closed_pulls = 0

    async def available(self):
        return [
            ModelInfo("tiny", "store", size_bytes=10),
            ModelInfo("good", "store", recommended="answers well in little memory"),
        ]

    async def pull(self, ref):
        self.pulled.append((ref.id, ref.quantization))
        try:
            yield PullProgress("starting")
            yield PullProgress("downloading", 5, 15)
            if self.gate is not None:
                await self.gate.wait()
            if ref.id == "broken":
                raise PullFailed("disk full", model="broken", hint="make room")
            yield PullProgress("verifying", 15, 15)
            yield PullProgress("complete", 15, 15, f"{ref.id}-q8_0" if ref.quantization else None)
        finally:
            self.closed_pulls += 1

    async def remove(self, ref):
        await self.info(ref)
        self._models = ()


@pytest.fixture
def provider():
    return Store()


def test_status_under_every_name(lua):
    assert lua(
        """
        local s = LocalLLM.status()
        for name, b in pairs(s) do print(name, b.running, b.ready, b.models, b.version) end
        print(math.type(s.old.models), s.store.error, s.nobody.running, s.nobody.error)
        """,
        aliases=("old",),
    ) == [
        "old\ttrue\ttrue\t1\t1",
        "store\ttrue\ttrue\t1\t1",
        "integer\tnil\tfalse\tno local provider is called 'nobody'",
    ]


def test_status_says_what_is_in_the_memory_of_a_server(lua):
    server = Store(status=ProviderStatus(True, models=2, loaded=("small:1b", "large:9b")))
    assert lua("local s = LocalLLM.status() print(#s.nobody.loaded, table.unpack(s.store.loaded))", server) == [
        "0\tsmall:1b\tlarge:9b"
    ]


def test_status_of_a_provider_that_is_down(lua):
    down = Store(status=ProviderStatus(False, error="start it"))
    assert lua("local s = LocalLLM.status().store print(s.running, s.ready, s.models, s.error)", down) == [
        "false\tfalse\t0\tstart it"
    ]


def test_list_and_info_have_every_field(lua):
    fields = (
        "id backend size_bytes quantization parameter_count context_length architecture format modified_at path loaded "
        "source"
    )
    shown = (
        "small:1b store 92000000 Q4_1 135M 2048 llama gguf 1700000000 /models/small.gguf false a store".replace(
            "a store", "a_store"
        )
    ).split()
    lines = lua(f"""
        local list = LocalLLM.list()
        for _, model in ipairs{{ list[1], LocalLLM.info("small:1b"), LocalLLM.info("store/small:1b") }} do
          for field in string.gmatch("{fields}", "%S+") do io.write(tostring(model[field]), "|") end
          print(#list, table.concat(model.capabilities, ","), string.format("%d", model.size_bytes))
        end
    """)
    expected = "|".join(shown).replace("a_store", "a store") + "|1\tchat,embed\t92000000"
    assert lines == [expected] * 3


def test_unknown_fields_are_nil(lua):
    bare = ScriptedProvider(name="store", models=["bare"])
    assert lua('local m = LocalLLM.info("bare") print(m.id, m.size_bytes, m.quantization, m.loaded)', bare) == [
        "bare\tnil\tnil\tnil"
    ]


def test_a_backend_that_is_not_there_has_no_models_and_says_so(lua, heard):
    assert lua("""print(#LocalLLM.list("all"), #LocalLLM.list("store"), #LocalLLM.list("stor"))""") == ["1\t1\t0"]
    assert len(heard) == 1 and "'stor'" in heard[0] and "did you mean 'store'?" in heard[0]


def test_available(lua):
    assert lua("""
        local tiny, good = table.unpack(LocalLLM.available())
        print(tiny.id, tiny.backend, tiny.size_bytes, tiny.recommended)
        print(good.id, good.recommended)
        for _, recommended in ipairs{ true, false } do
          local list = LocalLLM.available("store", { recommended = recommended })
          print(#list, list[1].id)
        end
    """) == ["tiny\tstore\t10\tnil", "good\tanswers well in little memory", "1\tgood", "2\ttiny"]


def test_pull_gives_the_last_status_and_reports_each(lua, provider):
    assert lua("""
        local shown = function(p)
          print(p.model_id, p.status, p.percent_complete, p.bytes_downloaded, p.bytes_total)
        end
        local last = LocalLLM.pull("tiny", { on_progress = shown, quantization = "Q8_0" })
        shown(last)
        print(math.type(last.percent_complete), math.type(last.bytes_total))
        print(LocalLLM.pull("store/tiny").status)
    """) == [
        "tiny\tstarting\t0\t0\tnil",
        "tiny\tdownloading\t33.3\t5\t15",
        "tiny\tverifying\t100\t15\t15",
        "tiny-q8_0\tcomplete\t100\t15\t15",
        "tiny-q8_0\tcomplete\t100\t15\t15",
        "integer\tinteger",
        "complete",
    ]
    assert provider.pulled == [("tiny", "Q8_0"), ("tiny", None)]


def test_a_pull_that_fails(lua):
    assert lua("""
        local ok, e = pcall(LocalLLM.pull, "store/broken")
        print(ok, e.message, e.type, e.hint, e.retryable)
    """) == ["false\tdisk full\tpull_failed\tmake room\ttrue"]


def test_a_callback_that_raises_stops_the_pull(lua, provider):
    provider.gate = asyncio.Event()
    assert lua("""
        print(pcall(LocalLLM.pull, "tiny", { on_progress = function(p)
          if p.status == "downloading" then error("enough", 0) end
        end }))
    """) == ["false\tenough"]
    assert provider.closed_pulls == 1


def test_remove(lua):
    assert lua("""
        print(LocalLLM.remove("small:1b"))
        local ok, e = pcall(LocalLLM.info, "small:1b")
        print(ok, e.type)
    """) == ["true", "false\tmodel_not_found"]


def test_load_ps_and_unload(lua):
    assert lua("""
        print(#LocalLLM.ps(), LocalLLM.unload("small:1b"))
        print(LocalLLM.load("small:1b"))
        local held = LocalLLM.ps("store")
        local one = held[1]
        print(#held, one.id, one.backend, one.memory_bytes, one.context_length, one.engine, one.pid)
        print(LocalLLM.unload("small:1b"), LocalLLM.unload("store/small:1b"), #LocalLLM.ps("all"))
    """) == ["0\tfalse", "true", f"1\tsmall:1b\tstore\t{92 * MB}\t2048\tscripted\tnil", "true\tfalse\t0"]


def test_what_is_known_of_a_model_in_memory_arrives(lua):
    class Server(ScriptedProvider):
        async def loaded(self):
            return [LoadedModel("a", self.name, engine="e", pid=7, program="p", expires_at=1_700_000_000.7)]

    assert lua(
        "local m = LocalLLM.ps()[1] print(m.id, m.engine, m.pid, m.program, m.expires_at, m.memory_bytes)",
        Server(name="store"),
    ) == ["a\te\t7\tp\t1700000000\tnil"]


def test_path(lua):
    assert lua('print(LocalLLM.path("small:1b"))') == ["/models/small.gguf"]
    bare = ScriptedProvider(name="store", models=["bare"])
    assert lua('print(select(2, pcall(LocalLLM.path, "bare")).type)', bare) == ["provider_error"]


def test_a_provider_that_can_not_say_what_is_in_memory(lua, heard):
    class Plain(Provider):
        name = "plain"

        async def models(self):
            return [ModelInfo("m", self.name)]

    assert lua(
        """
        print(#LocalLLM.ps(), #LocalLLM.ps("plain"))
        for _, verb in ipairs{ "load", "unload" } do
          local ok, e = pcall(LocalLLM[verb], "plain/m")
          print(ok, e.type, e.provider)
        end
        """,
        Plain(),
    ) == ["0\t0", "false\tprovider_error\tplain", "false\tprovider_error\tplain"]
    assert len(heard) == 1
    assert heard[0].startswith("LocalLLM.ps: plain ")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("LocalLLM.available(nil, true)", "the second argument of LocalLLM.available must be a table"),
        ("LocalLLM.available(nil, { all = true })", "LocalLLM.available has no option 'all'"),
        ("LocalLLM.available(nil, { recommended = 1 })", "recommended must be a boolean"),
        ("LocalLLM.ps(3)", "LocalLLM.ps takes the name of a backend"),
        ("LocalLLM.path()", "LocalLLM.path takes a model's name"),
        ('LocalLLM.load("smal:1b")', "no model 'smal:1b'"),
        ("LocalLLM.unload({})", "LocalLLM.unload takes a model's name"),
        ("LocalLLM.pull()", "LocalLLM.pull takes a model's name"),
        ('LocalLLM.pull("x", 3)', "the second argument of LocalLLM.pull must be a table"),
        ('LocalLLM.pull("x", { progress = print })', "LocalLLM.pull has no option 'progress'"),
        ('LocalLLM.pull("x", { on_progress = 3 })', "on_progress must be a function"),
        ("LocalLLM.info(3)", "LocalLLM.info takes a model's name"),
        ('LocalLLM.info("a b")', "'a b' is not a model name"),
        ("LocalLLM.list({})", "LocalLLM.list takes the name of a backend"),
        ('LocalLLM.info("smal:1b")', "no model 'smal:1b'"),
    ],
)
def test_wrong_arguments(lua, call, message):
    (line,) = lua(f"print(select(2, pcall(function() {call} end)))")
    assert line.startswith(f"main.lua:1: {message}")
