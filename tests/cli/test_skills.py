"""`llmspell skill`: which there are, what they say, and an agent that does what they say."""

import json
import os
import pty
import select
import subprocess
import sys
import time

import pytest

from llmspell.testing.plugin_files import write_plugin
from repl.terminal import Terminal

PARROT = """\
import json

from llmspell import Finish, ModelInfo, Provider, ProviderSpec, TextDelta, Usage, hookimpl
from llmspell.errors import ModelNotFound


class Parrot(Provider):
    name = "parrot"

    async def info(self, ref):
        if ref.id != "green":
            raise ModelNotFound(f"the parrot is not {ref.id}", model=ref.id)
        return ModelInfo("green", "parrot", capabilities=frozenset({"chat"}))

    async def chat(self, request):
        await self.info(request.model)
        said = [[message.role, message.content] for message in request.messages]
        if request.format:
            said = {"said": said[-1][1]}
        for piece in json.dumps(said, ensure_ascii=False).split(" "):
            yield TextDelta(piece + " ")
        yield Finish("stop", request.model.id, Usage())


@hookimpl
def llmspell_providers():
    return [ProviderSpec("parrot", lambda settings: Parrot(), kind="local")]
"""

TRANSLATE = """\
description: Translates a text. Asks nothing.
system_prompt: You translate{% if tone is defined %} in a {{ tone }} tone{% endif %}.
user_prompt_template: "To {{ language }}: {{ input }}"
"""


@pytest.fixture
def skills(llmspell, tmp_path):
    """``skills("run", …)``: the command, with a model that repeats what it is told."""
    write_plugin(tmp_path / "plugins", "parrot", PARROT)
    env = {
        "LLMSPELL_PLUGINS": "parrot",
        "LLMSPELL_MODELS_DEFAULT": "parrot/green",
        "HOME": str(tmp_path / "me"),
        "COLUMNS": "100",
    }

    def run(*words, stdin=None, **more):
        return llmspell("skill", *words, stdin=stdin, env={**env, **more})

    run.env = llmspell.environment(env)
    run.cwd = llmspell.cwd
    run.home = llmspell.home
    return run


@pytest.fixture
def write(skills):
    """Write a file below the working directory."""

    def write(path, text, below=None):
        file = (below or skills.cwd) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


@pytest.fixture
def translate(write):
    return write(".llmspell/skills/translate.yaml", TRANSLATE)


def said(done):
    """What the model was told, as the parrot repeats it."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_list(skills, write, translate, tmp_path):
    write(".agents/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: Reads PDF files. Use it.\n---\n")
    write("config/skills/mine.yaml", "description: My own", skills.home)
    write(".agents/skills/theirs/SKILL.md", "---\ndescription: Shared\n---\n", tmp_path / "me")
    write(".llmspell/skills/broken.yaml", "description: x\nmodel: y")
    done = skills("list")
    assert done.returncode == 0
    assert [line.split(maxsplit=3) for line in done.stdout.splitlines()[1:]] == [
        ["chat", "prompt", "llmspell", "Answers a question or a message, briefly and plainly."],
        ["code-review", "prompt", "llmspell", "Reviews a diff or code; names faults, their place and what to do."],
        ["commit-message", "prompt", "llmspell", "Writes a Git commit message for a diff, as `git diff` prints it."],
        ["explain", "prompt", "llmspell", "Explains a text, a piece of code, a command or an error message."],
        ["mine", "prompt", "user", "My own."],
        ["pdf", "instructions", "project", "Reads PDF files."],
        ["summarize", "prompt", "llmspell", "Sums a text up in a few sentences or points."],
        ["theirs", "instructions", "user", "Shared."],
        ["translate", "prompt", "project", "Translates a text."],
    ]  # fmt: skip
    assert "broken.yaml: a prompt skill has no key 'model'" in done.stderr
    listed = json.loads(skills("list", "--json").stdout)
    assert {one["name"]: one["source"] for one in listed}["pdf"] == "project"
    assert listed[-1]["path"] == str(translate)


def test_what_is_hidden_is_said_to_those_who_ask(skills, write):
    write(".llmspell/skills/chat.yaml", "description: Another one.")
    assert skills("list").stderr == ""
    assert "the skill 'chat' of" in skills("list", "-v").stderr


def test_show(skills, translate, write):
    done = skills("show", "translate")
    assert done.returncode == 0
    assert "variables       input, language, tone (optional)\n" in done.stdout
    assert f"path            {translate}\n" in done.stdout
    assert "\nprompt:\n\nTo {{ language }}: {{ input }}\n" in done.stdout
    fields = json.loads(skills("show", "translate", "--json").stdout)
    assert fields["variables"][1] == {"name": "language", "required": True}
    write(".agents/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: x\nlicense: MIT\n---\n# Do it\n")
    write(".agents/skills/pdf/a.md", "a")
    shown = skills("show", "pdf").stdout
    assert "license         MIT\n" in shown
    assert "files           a.md\n" in shown
    assert shown.endswith("\ninstructions:\n\n# Do it\n")


def test_run_with_a_text(skills, translate):
    done = skills("run", "translate", "Good", "day", "--set", "language=French", "--set", "tone=dry=dull")
    assert said(done) == [["system", "You translate in a dry=dull tone."], ["user", "To French: Good day"]]
    path = os.path.join(".llmspell", "skills", "translate.yaml")
    assert done.stderr == f"the skill 'translate' is that of {path}\n"


@pytest.mark.parametrize("words", [(), ("-",)])
def test_run_with_stdin(skills, words):
    done = skills("run", "commit-message", *words, stdin="diff --git a b\n+é\n")
    assert said(done)[-1][1].endswith("for this diff:\n\ndiff --git a b\n+é")
    assert done.stderr == ""


def test_a_text_is_taken_before_stdin(skills):
    assert said(skills("run", "chat", "the words", stdin="the pipe"))[-1] == ["user", "the words"]
    assert said(skills("run", "chat", "--set", "input=the flag", stdin="the pipe"))[-1] == ["user", "the flag"]


def test_a_skill_that_takes_no_text(skills, write):
    write(
        ".llmspell/skills/joke.yaml",
        "description: Jokes.\nuser_prompt_template: Tell a {{ kind | default('good') }} joke.",
    )
    assert said(skills("run", "joke", "--set", "kind=bad")) == [["user", "Tell a bad joke."]]
    done = skills("run", "joke", stdin="what is this?")
    assert done.returncode == 1
    assert "has no variable 'input'" in done.stderr


def test_the_answer_is_data(skills, write):
    write(
        ".llmspell/skills/data.yaml",
        "description: x\noutput_format: {type: object, properties: {said: {type: string}}, required: [said]}",
    )
    assert said(skills("run", "data", "hello")) == {"said": "hello"}
    result = json.loads(skills("run", "data", "hello", "--json").stdout)
    assert (result["data"], result["success"], result["provider"]) == ({"said": "hello"}, True, "parrot")


def test_instructions_are_followed(skills, write):
    write(".agents/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: x\n---\nRead it {{ well }}.\n")
    system, user = said(skills("run", "pdf", "What is in it?"))
    assert system == ["system", '<skill_content name="pdf">\nRead it {{ well }}.\n</skill_content>']
    assert user == ["user", "What is in it?"]


def test_the_model_that_a_skill_prefers(skills, write):
    write(".llmspell/skills/far.yaml", "description: x\nmodel_preference: parrot/grey")
    done = skills("run", "far", "hello")
    assert said(done) == [["user", "hello"]]
    assert "the default model answers, as parrot/grey isn't there: the parrot is not grey" in done.stderr
    done = skills("run", "far", "hello", "-m", "parrot/blue")
    assert done.returncode == 5
    assert "the parrot is not blue" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run",), 2, "needs SKILL"),
        (("run", "sumarize", "x"), 1, "there is no skill 'sumarize'\nhint: did you mean 'summarize'?"),
        (("show", "sumarize"), 1, "did you mean 'summarize'?"),
        (("run", "chat"), 1, "the skill 'chat' needs the variable 'input'"),
        (("run", "chat", "x", "--set", "abut=me"), 1, "has no variable 'abut'\nhint: did you mean 'about'?"),
        (("run", "chat", "x", "--set", "about"), 2, "--set: cannot read 'about'"),
        (("run", "chat", "x", "--timeout", "soon"), 2, "--timeout"),
        (("rum",), 2, "did you mean `llmspell skill run`?"),
        ((), 2, "needs one of: list, show, run"),
    ],
)
def test_slips(skills, words, code, says):
    done = skills(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_stdin_that_is_no_text(skills):
    done = subprocess.run(
        [sys.executable, "-m", "llmspell", "skill", "run", "chat"],
        input=b"a\xff", cwd=skills.cwd, env=skills.env, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"not UTF-8 (byte 1)" in done.stderr


@pytest.mark.parametrize(
    ("kind", "shown"), [("markdown", '[["user", "so it is"]]'), ("text", '[["user", "**so** it is"]]')]
)
def test_a_terminal_shows_markdown_where_the_skill_gives_it(skills, write, kind, shown):
    write(".llmspell/skills/loud.yaml", f"description: x\noutput_format: {kind}")
    command = [sys.executable, "-m", "llmspell", "skill", "run", "loud", "**so** it is"]
    env = {name: value for name, value in skills.env.items() if name != "NO_COLOR"}
    with Terminal(command, env={**env, "TERM": "xterm-256color"}, cwd=skills.cwd) as terminal:
        assert terminal.wait_end() == 0
        assert shown in terminal.screen


def test_a_terminal_is_asked_for_the_text(skills):
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(skills.cwd)
        os.execve(sys.executable, [sys.executable, "-m", "llmspell", "skill", "run", "chat"], skills.env)
    seen = read_until(terminal, "Ctrl-D ends it")
    os.write(terminal, b"Good day\n\x04")
    seen += read_until(terminal, '"Good day"]]')
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, seen


def read_until(terminal, text):
    seen, deadline = "", time.monotonic() + 60
    while text not in seen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536).decode("utf-8", "replace")
    assert text in seen
    return seen
