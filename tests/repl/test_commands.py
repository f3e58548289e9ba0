"""Commands about models, files, time and settings, and the registry that carries them out."""

import asyncio
import signal
import threading

import pytest

from llmspell.cli.model_names import remembered
from llmspell.errors import LLMSpellError, PullFailed
from llmspell.providers.contract import ModelInfo, ProviderStatus, PullProgress, Usage
from llmspell.repl import registry, startup
from llmspell.repl.timing import took
from llmspell.testing import ScriptedProvider
from repl.shells import do, opened

TOTAL = 94_000_000


class Shop(ScriptedProvider):
    """A provider from which models can be pulled; ``at_half`` is called when half of one is there."""

    def __init__(self, at_half=lambda: None):
        super().__init__(name="shop", models=(), status=ProviderStatus(True, "9.1", 0))
        self.at_half = at_half
        self.ended = threading.Event()

    async def available(self):
        return [ModelInfo("tiny:1b", "shop", size_bytes=TOTAL)]

    async def pull(self, ref):
        if ref.id == "broken:1b":
            raise PullFailed("the line went dead", model=ref.id, hint="try again")
        try:
            yield PullProgress("downloading", TOTAL // 2, TOTAL)
            if self.at_half():
                await asyncio.Event().wait()
            self._models = (ModelInfo(ref.id, "shop", size_bytes=TOTAL),)
            yield PullProgress("complete", TOTAL, TOTAL)
        finally:
            self.ended.set()


class Leaving(Exception):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def shell():
    with opened(Shop()) as made:
        yield made


def error(shell, line):
    with pytest.raises(LLMSpellError) as caught:
        do(shell, line)
    return caught.value


# ── the registry ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_commands_have_all_that_help_needs():
    every = list(registry.commands())
    assert {".models", ".pull", ".status", ".run", ".time", ".set", ".config", ".plugins", ".tools", ".skills"} <= {
        one.name for one in every
    }
    assert len({one.name for one in every}) == len(every)
    for one in every:
        assert one.help and not one.help.endswith("."), one.name


@pytest.mark.parametrize(
    ("line", "said", "hint"),
    [
        (".modles", "there is no command .modles", ".models"),
        (".quit", "there is no command .quit", ".exit"),
        (".xyzzy", "there is no command .xyzzy", ".help"),
        (".status now", ".status takes no words", "say how each provider is"),
        (".pull", ".pull needs MODEL", "fetch a model"),
        (".run", ".run needs FILE", "run a file"),
        (".pull a b c", "'b c' is no quantization", "Q4_K_M"),
        (".exit 256", "'256' is no exit code", "0 to 255"),
        (".run 'x", "cannot read ''x'", "quote"),
        (".run nosuch.lua", "no such script: nosuch.lua", None),
        (".config models.defalt", "there is no setting 'models.defalt'", "models.default"),
        (".tools calculatr", "there is no tool 'calculatr'", None),
        (".skills sumarize", "there is no skill 'sumarize'", "summarize"),
        (".models nosuch", "'nosuch'", None),
    ],
)
def test_slips_are_named_with_what_was_meant(shell, line, said, hint):
    found = error(shell, line)
    assert said in found.message
    assert hint is None or hint in found.hint


# ── models ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_models_and_pulls(shell, capfd):
    do(shell, ".models")
    assert ".pull smollm2:135m" in capfd.readouterr().out
    do(shell, ".models available")
    assert [line.split() for line in capfd.readouterr().out.splitlines()][1][:4] == ["tiny:1b", "shop", "94", "MB"]
    do(shell, ".pull tiny:1b")
    out, err = capfd.readouterr()
    assert out.splitlines() == ["shop/tiny:1b is pulled"]
    assert "pulling tiny:1b (94 MB)" in err
    assert remembered() == ["shop/tiny:1b", "tiny:1b"], "completion knows it without asking"
    do(shell, ".models shop")
    assert "tiny:1b" in capfd.readouterr().out


def test_a_pull_that_fails_leaves_the_session(shell, capfd):
    found = error(shell, ".pull broken:1b")
    assert (found.message, found.hint) == ("the line went dead", "try again")
    do(shell, "1 + 1")
    assert "2" in capfd.readouterr().out


def test_ctrl_c_stops_a_pull_and_nothing_else(capfd):
    main = threading.main_thread().ident

    def press():
        signal.pthread_kill(main, signal.SIGINT)
        return True

    shop = Shop(press)
    with opened(shop) as shell:
        do(shell, ".pull tiny:1b")
        assert shop.ended.is_set(), "nothing of it goes on behind the prompt"
        assert "`.pull tiny:1b` goes on with what has come" in capfd.readouterr().err
        shop.at_half = lambda: None
        do(shell, ".pull tiny:1b")
        assert "is pulled" in capfd.readouterr().out


def test_status_says_what_is_wrong_below_the_table(capfd):
    lost = ScriptedProvider(name="lost", status=ProviderStatus(False, error="nobody \x1b[2Janswers"))
    with opened(Shop(), lost) as shell:
        do(shell, ".status")
    out, _ = capfd.readouterr()
    assert [line.split()[:2] for line in out.splitlines()[1:3]] == [["shop", "ready"], ["lost", "not"]]
    assert out.splitlines()[3] == "lost: nobody \\x1B[2Janswers"


def test_a_provider_that_never_answers_holds_nobody_up(capfd):
    class Hung(ScriptedProvider):
        async def status(self):
            await asyncio.Event().wait()

    with opened(Shop(), Hung(name="hung")) as shell:
        do(shell, ".status")
    assert "hung" in capfd.readouterr().out


# ── running ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_runs_in_the_session(shell, tmp_path, capfd):
    (tmp_path / "lib.lua").write_text(
        "#!/usr/bin/env llmspell\nlocal kept = 41\nfunction more() return kept + 1 end\nprint(...)\n"
    )
    do(shell, ".run lib.lua 'one two' 3", "kept", "more()")
    assert capfd.readouterr().out.splitlines() == ["one two\t3", "41", "42"]


def test_a_file_that_fails_says_where_and_keeps_what_it_did(shell, tmp_path, capfd):
    (tmp_path / "bad.lua").write_text("done = 1\nerror('no')\n")
    do(shell, ".run bad.lua", "done")
    out, err = capfd.readouterr()
    assert "bad.lua:2: no" in err
    assert out.splitlines() == ["1"]


def test_time(shell, capfd):
    assert error(shell, ".time").message == "nothing has run yet"
    do(shell, ".time 6 * 7")
    value, time = capfd.readouterr().out.splitlines()
    assert value == "42"
    assert time.endswith(("ms", " s"))
    do(shell, ".time")
    assert capfd.readouterr().out.splitlines() == [took(shell.last.ms)]


def test_time_counts_the_tokens_of_models(capfd):
    provider = ScriptedProvider(answer=lambda request: ["a"])
    provider.enqueue("b", usage=Usage(1200, 300))
    with opened(provider) as shell:
        do(shell, "a = Agent.create{}", ".time a:execute('x').text")
    assert "1,200 tokens in, 300 out (" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0.0123, "0.0123 ms"), (12.34, "12.3 ms"), (999.4, "999 ms"), (999.6, "1.00 s"), (61000, "61.00 s")],
)
def test_times_in_words(ms, said):
    assert took(ms) == said


def test_time_of_tokens():
    assert took(2000, (5, 5), (1005, 105)) == "2.00 s, 1,000 tokens in, 100 out (50.0 a second)"


# ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_settings_with_their_origins_and_without_secrets(home, tmp_path, monkeypatch, capfd):
    (tmp_path / "llmspell.toml").write_text(
        '[models]\ndefault = "shop/tiny:1b"\n[providers.shop]\nheaders = { "X-Api-Key" = "sk-verysecretverysecret1" }\n'
    )
    monkeypatch.setenv("LLMSPELL_REPL_PRINT_DEPTH", "3")
    with opened(Shop(), model=None) as shell:
        do(shell, ".config models.default", ".config repl.print_depth", ".config")
    out, _ = capfd.readouterr()
    assert 'default = "shop/tiny:1b"  # project ./llmspell.toml' in out
    assert "print_depth = 3  # environment LLMSPELL_REPL_PRINT_DEPTH" in out
    assert "verysecret" not in out


def test_tools_of_the_session_are_listed_and_explained(shell, capfd):
    do(shell, 'Tool.register{ name = "twice", description = "Doubles a number.", handler = function() end }')
    capfd.readouterr()
    do(shell, ".tools", ".tools twice")
    out, _ = capfd.readouterr()
    assert any(line.split()[0] == "twice" for line in out.splitlines())
    assert out.count("Doubles a number.") == 2


def test_skills_and_plugins(shell, capfd):
    do(shell, ".skills", ".skills summarize", ".plugins")
    out, _ = capfd.readouterr()
    assert "SKILL" in out and "system prompt:" in out
    assert [line.split()[0] for line in out.splitlines() if line.endswith(" good")] == ["lua", "shop"]


def test_exit_takes_a_code(monkeypatch):
    with opened() as shell:
        left = []

        def leave(code=0):
            left.append(code)
            raise Leaving

        monkeypatch.setattr(shell, "leave", leave)
        for line in (".exit", ".exit 7"):
            with pytest.raises(Leaving):
                do(shell, line)
        assert left == [0, 7]


# ── the beginning ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_banner_says_how_to_begin(home, capfd):
    with opened(model="local/smollm2:135m") as shell:
        startup.banner(shell)
        lines = capfd.readouterr().out.splitlines()
        assert len(lines) == 3
        assert "local/smollm2:135m" in lines[0]
        assert ".help" in lines[1]
        assert ".pull smollm2:135m" in lines[2]
        (home / "data" / "models" / "some").mkdir(parents=True)
        startup.banner(shell)
        assert len(capfd.readouterr().out.splitlines()) == 2
    with opened(model="openai/gpt-4o") as shell:
        startup.banner(shell)
    assert len(capfd.readouterr().out.splitlines()) == 2


def test_the_users_own_file_runs_first(home, tmp_path, capfd):
    (home / "config").mkdir(parents=True)
    (home / "config" / "init.lua").write_text("local greeting = 'ahoy'\n")
    (tmp_path / "app.lua").write_text("print(greeting, ...)\n")
    with opened(args=("a",)) as shell:
        startup.begin(shell, "app.lua")
    assert capfd.readouterr().out.splitlines()[-1] == "ahoy\ta"


@pytest.mark.parametrize("content", [b"error('planted')", b"\xff\xfe", b"this is no lua"])
def test_a_users_file_that_fails_keeps_nobody_out(home, content, capfd):
    (home / "config").mkdir(parents=True)
    (home / "config" / "init.lua").write_bytes(content)
    with opened() as shell:
        startup.begin(shell, None)
        assert "init.lua" in capfd.readouterr().err
        do(shell, "1 + 1")
    assert capfd.readouterr().out.splitlines() == ["2"]
