"""Everything that the command line understands: options, verbs and what they take.

Help, parsing, completion and the suggestions for slips all come from these tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Option(NamedTuple):
    """A flag. ``metavar`` is None for a switch; ``setting`` is the key of llmspell.toml that it sets.

    ``key`` names the value among the arguments where that isn't the long name.
    """

    names: tuple[str, ...]
    help: str
    metavar: str | None = None
    repeated: bool = False
    read: Callable[[str], Any] = str
    setting: str | None = None
    key: str | None = None

    @property
    def name(self) -> str:
        """The long name, as messages and origins write it."""
        return self.names[-1]

    @property
    def dest(self) -> str:
        """The name of the value among the arguments."""
        return self.key or self.name[2:].replace("-", "_")


class Argument(NamedTuple):
    """A word that isn't a flag."""

    name: str
    help: str
    optional: bool = False
    choices: tuple[str, ...] = ()


class Verb(NamedTuple):
    """What the user can ask for. ``home`` is ``module:function`` below this package; it gets the context.

    ``program`` is for verbs whose further words belong to a script; ``greedy`` ones take options too, so that only
    the words after a ``--`` are all the script's.
    """

    words: tuple[str, ...]
    help: str
    home: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    program: bool = False
    greedy: bool = False

    @property
    def name(self) -> str:
        return " ".join(self.words)


MODEL = Option(("-m", "--model"), "the model of an agent that names none", "SPEC", setting="models.default")
REMAP = Option(
    ("--remap",),
    "run SPEC in place of the models that PATTERN matches (repeatable)",
    "PATTERN=SPEC",
    repeated=True,
    setting="models.remap",
)
CONFIG = Option(("-c", "--config"), "read FILE in place of the project's llmspell.toml", "FILE")
VERBOSE = Option(("-v", "--verbose"), "say what was chosen and why", setting="logs.verbose")
LEVEL = Option(
    ("--log-level",), "say so much: error, warning, info (as -v) or debug (each request)", "LEVEL", setting="logs.level"
)
DEBUG = Option(("--debug",), "show Python tracebacks", setting="logs.debug")
JSON = Option(("--json",), "print JSON")
TIMEOUT = Option(("--timeout",), "end the program after so many seconds", "SECONDS", read=float, setting="runs.timeout")
MAX_COST = Option(
    ("--max-cost",), "stop before the requests of the program cost more", "USD", read=float, setting="runs.max_cost"
)
ALLOW_READ = Option(
    ("--allow-read",), "let the script read below DIR (repeatable)", "DIR", repeated=True, setting="sandbox.read"
)
ALLOW_WRITE = Option(
    ("--allow-write",), "let the script write below DIR (repeatable)", "DIR", repeated=True, setting="sandbox.write"
)
ALLOW_ENV = Option(
    ("--allow-env",), "let the script read the variable NAME (repeatable)", "NAME", repeated=True, setting="sandbox.env"
)
ALLOW_HOST = Option(
    ("--allow-host",), "let tools reach the host HOST (repeatable)", "HOST", repeated=True, setting="sandbox.hosts"
)
ALLOW_PRIVATE_HOST = Option(
    ("--allow-private-host",),
    "let tools reach HOST or HOST:PORT although it is of this machine or its network (repeatable)",
    "HOST",
    repeated=True,
    setting="sandbox.private_hosts",
)
ALLOW_PROGRAM = Option(
    ("--allow-program",),
    "let tools run the program NAME (repeatable)",
    "NAME",
    repeated=True,
    setting="sandbox.programs",
)
NO_LOG = Option(("--no-log",), "write none of its requests down", setting="logs.requests")
BACKEND = Option(("--backend",), "only this provider", "NAME")
RECOMMENDED = Option(("--recommended",), "only those to begin with, and why")
QUANTIZATION = Option(("--quantization",), "fetch this quantization, such as Q4_K_M", "Q")
MODELS = Option(
    ("-m", "--model"), "measure SPEC; without any the default (repeatable)", "SPEC", repeated=True, key="models"
)
EMBEDDER = Option(("-m", "--model"), "the model that embeds, in place of `[models] embedding`", "SPEC")
AGENTS = Option(("--agents",), "how many agents ask at once, 4 if not given", "N", read=int)
NUMBER = Option(("-n", "--number"), "so many at most, 20 if not given", "N", read=int)
OF_MODEL = Option(("-m", "--model"), "only models whose name has TEXT in it", "TEXT", key="of_model")
OF_AGENT = Option(("--agent",), "only agents whose name has TEXT in it", "TEXT")
SINCE = Option(("--since",), "only later ones: 30m, 12h, 3d, today, 2026-10-31", "WHEN")
ERRORS = Option(("--errors",), "only those that failed, or never ended")
OF_RUN = Option(("--run",), "only those of one run", "ID")
ORIGIN = Option(("--origin",), "say where each value comes from")
SET = Option(("--set",), "give the variable NAME of the skill a value (repeatable)", "NAME=VALUE", repeated=True)
KEYRING = Option(("--keyring",), "keep it in the system's keyring, not in a file")
USER = Option(("--user",), "write your own file, not the project's")

CONTINUE = Option(("-c", "--continue"), "go on with the latest chat")
NAME = Option(("--name",), "go on with the chat that is kept as NAME, or begin it", "NAME")
SYSTEM = Option(("-s", "--system"), "the system prompt", "TEXT")
FILES = Option(
    ("-f", "--file"), "put in a text file or a picture, - for stdin (repeatable)", "PATH", repeated=True, key="files"
)
FORMAT = Option(
    ("--format",), "answer in JSON that fits a schema: a file, JSON, or 'name: string, age: integer'", "SCHEMA"
)
TOOLS = Option(("-t", "--tool"), "let the model call the tool NAME (repeatable)", "NAME", repeated=True, key="tools")
MAX_TOKENS = Option(("--max-tokens",), "the longest answer, in tokens", "N", read=int)
TEMPERATURE = Option(("--temperature",), "how freely words are chosen; 0 for the likeliest", "T", read=float)
OPTION = Option(
    ("-o", "--option"), "another option of the model or its provider (repeatable)", "NAME=VALUE", repeated=True
)

OF_STATS = (OF_MODEL, OF_AGENT, SINCE, OF_RUN, JSON)
EVERYWHERE = (MODEL, REMAP, CONFIG, VERBOSE, LEVEL, DEBUG)
OF_CHAT = (SYSTEM, FILES, FORMAT, CONTINUE, NAME, TOOLS, MAX_TOKENS, TEMPERATURE, OPTION, JSON)
PROGRAM = (TIMEOUT, MAX_COST, ALLOW_READ, ALLOW_WRITE, ALLOW_ENV, ALLOW_HOST, ALLOW_PRIVATE_HOST, ALLOW_PROGRAM, NO_LOG)

SPEC = Argument("spec", "a model, such as smollm2:135m, local/llama3.1:8b or mistral:7b@ollama")
SOURCE = Argument(
    "spec", "a name of `llmspell model available`, hf:owner/repo[/file.gguf], a URL, or a .gguf file here"
)
PROVIDER = Argument("name", "a provider, as [providers.NAME] has it")
SKILL = Argument("skill", "a skill, such as summarize")
TOOL = Argument("name", "a tool, such as calculator")
SHELLS = ("bash", "zsh", "fish")

VERBS: Sequence[Verb] = (
    Verb(
        ("run",),
        "run a Lua program",
        "programs:run",
        (Argument("file", "the .lua file, or - for stdin"), Argument("args", "the program's own", optional=True)),
        PROGRAM,
        program=True,
    ),
    Verb(
        ("exec",),
        "run Lua code from the command line",
        "programs:execute",
        (Argument("code", "Lua code"), Argument("args", "the program's own", optional=True)),
        PROGRAM,
        program=True,
        greedy=True,
    ),
    Verb(
        ("debug",),
        "run a Lua program step by step",
        "debug:debug",
        (Argument("file", "the .lua file"), Argument("args", "the program's own", optional=True)),
        tuple(option for option in PROGRAM if option is not TIMEOUT),
        program=True,
    ),
    Verb(
        ("repl",),
        "try things out, and chat; what llmspell does without a verb",
        "repl:repl",
        (Argument("file", "a .lua file to run first", optional=True),),
        PROGRAM,
    ),
    Verb(
        ("chat",),
        "ask a model a question, with files, pictures and pipes",
        "chat:chat",
        (Argument("prompt", "what to ask; stdin and files stand before it, or for it", optional=True),),
        (*OF_CHAT, *PROGRAM),
        program=True,
        greedy=True,
    ),
    Verb(("model", "status"), "how each provider is", "models:status", options=(JSON,)),
    Verb(("model", "list"), "the models that are here", "models:list_here", options=(BACKEND, JSON)),
    Verb(
        ("model", "available"),
        "the models that can be pulled",
        "models:available",
        options=(BACKEND, RECOMMENDED, JSON),
    ),
    Verb(("model", "pull"), "fetch a model", "pulling:pull", (SOURCE,), (QUANTIZATION, JSON)),
    Verb(("model", "info"), "what is known of a model", "models:info", (SPEC,), (JSON,)),
    Verb(("model", "path"), "where a model's file is", "models:path", (SPEC,), (JSON,)),
    Verb(("model", "remove"), "delete a model's files", "models:remove", (SPEC,), (JSON,)),
    Verb(("model", "ps"), "the models that are in memory", "memory:ps", options=(BACKEND, JSON)),
    Verb(("model", "unload"), "give a model's memory back", "memory:unload", (SPEC,), (JSON,)),
    Verb(
        ("embed",),
        "turn texts into vectors",
        "embedding:embed",
        (Argument("text", "a text; without any, or for -, each line of stdin is one", optional=True),),
        (EMBEDDER, JSON),
        program=True,
        greedy=True,
    ),
    Verb(("skill", "list"), "the skills that there are", "skills:list_all", options=(JSON,)),
    Verb(("skill", "show"), "what is known of a skill", "skills:show", (SKILL,), (JSON,)),
    Verb(
        ("skill", "run"),
        "let an agent do what a skill says",
        "skills:run",
        (SKILL, Argument("text", "what it is done with; without it, or for -, stdin", optional=True)),
        (SET, JSON, *PROGRAM),
        program=True,
        greedy=True,
    ),
    Verb(("tool", "list"), "the tools that agents may call", "tools:list_all", options=(JSON,)),
    Verb(("tool", "show"), "what a tool takes", "tools:show", (TOOL,), (JSON,)),
    Verb(
        ("tool", "run"),
        "call a tool",
        "tools:run",
        (TOOL, Argument("arguments", "name=value each, or one JSON object", optional=True)),
        (JSON, *PROGRAM),
        program=True,
        greedy=True,
    ),
    Verb(("plugin", "list"), "the plugins that are installed", "plugins:list_all", options=(JSON,)),
    Verb(
        ("config", "show"),
        "the settings in force",
        "config:show",
        (Argument("section", "only this section or key", optional=True),),
        (ORIGIN, JSON),
    ),
    Verb(("config", "path"), "the files that settings are read from", "config:path", options=(JSON,)),
    Verb(("config", "check"), "look for mistakes in the settings", "config:check"),
    Verb(("config", "init"), "write a commented llmspell.toml", "config:init", options=(USER,)),
    Verb(
        ("keys", "set"),
        "keep the key of a provider; it is asked for, or read from stdin",
        "keys:put",
        (PROVIDER,),
        (KEYRING,),
    ),
    Verb(("keys", "list"), "the keys that are kept, without what they are", "keys:list_all", options=(JSON,)),
    Verb(("keys", "remove"), "forget a key", "keys:remove", (PROVIDER,)),
    Verb(
        ("logs", "list"),
        "the latest requests to models",
        "logs:list_latest",
        options=(NUMBER, OF_MODEL, OF_AGENT, SINCE, ERRORS, OF_RUN, JSON),
    ),
    Verb(
        ("logs", "show"),
        "a request with all that was said",
        "logs:show",
        (Argument("id", "its number in the list; without one the latest", optional=True),),
        (JSON,),
    ),
    Verb(
        ("logs", "search"),
        "the requests in which words stand",
        "logs:search",
        (Argument("words", "words, or how they begin; all must be there", optional=True),),
        (NUMBER, OF_MODEL, OF_AGENT, SINCE, ERRORS, OF_RUN, JSON),
        program=True,
        greedy=True,
    ),
    Verb(("logs", "stats"), "the same as `llmspell stats`", "stats:stats", options=OF_STATS),
    Verb(("logs", "path"), "where the log is", "logs:path", options=(JSON,)),
    Verb(("cache", "stats"), "the answers that are kept", "cache:stats", options=(JSON,)),
    Verb(("cache", "clear"), "forget the answers that are kept", "cache:clear", options=(JSON,)),
    Verb(("stats",), "requests, errors, times, tokens and cost of each model", "stats:stats", options=OF_STATS),
    Verb(("doctor",), "check that everything is in place", "doctor:examine", options=(JSON,)),
    Verb(("bench",), "measure how models run on this machine", "bench:measure", options=(MODELS, AGENTS, JSON)),
    Verb(
        ("completions",),
        "print the completion script of a shell",
        "completion:script",
        (Argument("shell", "one of bash, zsh, fish", choices=SHELLS),),
    ),
    Verb(("help",), "explain a verb", "helping:explain", (Argument("verb", "the verb", optional=True),), program=True),
)

GROUPS = {
    "model": "find, fetch, unload and remove models",
    "skill": "prompts and instructions that agents follow",
    "tool": "what agents may call",
    "plugin": "what extends llmspell",
    "config": "settings and where they come from",
    "keys": "the keys of providers",
    "logs": "what was asked of models, and what they answered",
    "cache": "answers that are kept for equal requests",
}
ALONE = {"logs": "list"}
"""The verb that a group means by itself."""

_BY_NAMES: dict[tuple[str, ...], Option] = {}
for _option in (*EVERYWHERE, *PROGRAM, *(option for verb in VERBS for option in verb.options)):
    _BY_NAMES.setdefault(_option.names, _option)  # what a verb has in place of a general one stands with the verb only

OPTIONS: Sequence[Option] = tuple(_BY_NAMES.values())


def options_of(verb: Verb) -> tuple[Option, ...]:
    """The options of a verb: its own, and those of all verbs by the names that it has not taken for them."""
    own = {name for option in verb.options for name in option.names}
    free = ((option, tuple(name for name in option.names if name not in own)) for option in EVERYWHERE)
    return *verb.options, *(option._replace(names=names) for option, names in free if names)


def first_words() -> list[str]:
    """The words that may come first, in the order of the tables."""
    return list(dict.fromkeys(verb.words[0] for verb in VERBS))


def verbs_of(group: str) -> list[Verb]:
    """The verbs that begin with a word."""
    return [verb for verb in VERBS if verb.words[0] == group]
