"""Every key that llmspell.toml takes: its type, its default and what it does.

This is the one place where a key is defined. The reader, `llmspell config`, the shipped llmspell.toml and the table
in docs/configuration.md are made from it or checked against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, get_origin

import msgspec
from msgspec import Meta, Struct


class Price(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a million tokens cost in USD; ``cached`` ones of the input as much as others unless it says otherwise."""

    input: Annotated[float, Meta(ge=0)]
    output: Annotated[float, Meta(ge=0)]
    cached: Annotated[float, Meta(ge=0)] | None = None


class Models(Struct, frozen=True, kw_only=True):
    """Which models scripts get."""

    default: Annotated[str, Meta(description="the model of an agent that names none", min_length=1)] = (
        "local/smollm2:135m"
    )
    embedding: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="the model that turns texts into vectors where none is named; `models.default` if not set"),
    ] = None
    aliases: Annotated[
        dict[str, str], Meta(description='your own names for models: `fast = "local/smollm2:135m"`')
    ] = {}
    remap: Annotated[
        dict[str, str],
        Meta(
            description="replaces models that scripts name: a pattern (`*` stands for anything) and the model instead"
        ),
    ] = {}
    prices: Annotated[
        dict[str, Price],
        Meta(
            description="what a million tokens of a model cost in USD: a pattern, and `{ input = 0.15, output = 0.6 }`"
        ),
    ] = {}


class Agent(Struct, frozen=True, kw_only=True):
    """What agents do that don't say otherwise."""

    system_prompt: Annotated[str | None, Meta(description="the system prompt")] = None
    temperature: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="how freely the model chooses; 0 always takes the likeliest token"),
    ] = None
    max_tokens: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="the longest answer, in tokens")] = None
    timeout: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="the longest wait for an answer, in seconds")
    ] = None
    fallback: Annotated[
        list[str],
        Meta(description="the models to ask, in turn, where an agent's own fails"),
    ] = []
    max_retries: Annotated[
        int,
        Meta(ge=0, description="how often a model is asked again when its answer breaks the format that it was given"),
    ] = 2
    context: Annotated[
        Literal["error", "drop_oldest", "summarize"],
        Meta(description="what happens to a conversation that no longer fits the model's context"),
    ] = "error"
    cache: Annotated[
        str | bool,
        Meta(description='how long answers are kept for the same request: "30m", "12h", "7d"; false keeps none'),
    ] = False
    max_cost: Annotated[
        Annotated[float, Meta(ge=0)] | None, Meta(description="the most that one agent may spend in a run, in USD")
    ] = None


class Sandbox(Struct, frozen=True, kw_only=True):
    """What a script may use. Paths are relative to the file that names them; `~` is your home."""

    read: Annotated[
        list[str], Meta(description="folders that scripts may read, beside the script's own and the working directory")
    ] = []
    write: Annotated[list[str], Meta(description="folders that scripts may write, beside the working directory")] = []
    env: Annotated[
        list[str], Meta(description="environment variables that scripts may read: names, or patterns such as `MY_*`")
    ] = []
    hosts: Annotated[
        list[str],
        Meta(
            description="hosts that tools may reach: names, patterns such as `*.example.org`, or `*` for the Internet"
        ),
    ] = []
    private_hosts: Annotated[
        list[str],
        Meta(description="hosts of this machine and its network that tools may reach, such as `127.0.0.1:8080`"),
    ] = []
    programs: Annotated[
        list[str], Meta(description="programs that tools may run: names that are on the PATH, or paths")
    ] = []
    memory_mb: Annotated[int, Meta(ge=8, description="the most memory that a script's own values may take, in MB")] = (
        512
    )
    compute_seconds: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="the longest time that a script may compute without waiting for anything, in seconds"),
    ] = None


class Tools(Struct, frozen=True, kw_only=True):
    """How agents call tools."""

    max_rounds: Annotated[
        int, Meta(ge=1, description="how often a model may call tools before it has to answer, in one turn")
    ] = 10
    timeout: Annotated[
        float, Meta(gt=0, description="the longest run of a tool that sets no time of its own, in seconds")
    ] = 60.0
    result_share: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="how much of the model's context the result of one call may take; the rest is cut out",
        ),
    ] = 0.25


class Logs(Struct, frozen=True, kw_only=True):
    """What is said on stderr beside errors, and what is written down of requests."""

    verbose: Annotated[bool, Meta(description="says what was chosen and why, as `-v` does")] = False
    level: Annotated[
        Literal["error", "warning", "info", "debug"],
        Meta(
            description="what is said: errors alone, what you should know, what was chosen and why (`-v`), each request"
        ),
    ] = "warning"
    format: Annotated[
        Literal["text", "json"], Meta(description="how it is said: in words, or as one JSON object a line")
    ] = "text"
    telemetry: Annotated[
        bool, Meta(description="tells OpenTelemetry of requests, where the `OTEL_*` variables name a collector")
    ] = True
    debug: Annotated[bool, Meta(description="shows Python tracebacks, as `--debug` does")] = False
    requests: Annotated[
        bool,
        Meta(description="writes every request of a program down, for `llmspell logs`; `--no-log` switches it off"),
    ] = True
    keep_days: Annotated[int, Meta(ge=1, description="how long requests are kept, in days")] = 90
    keep_mb: Annotated[
        int, Meta(ge=1, description="how large the log of requests may grow, in MB; the oldest then go first")
    ] = 500


class Requests(Struct, frozen=True, kw_only=True):
    """How long a request is tried, whichever models it may go to."""

    attempts: Annotated[
        int, Meta(ge=1, description="how often a request may be sent, to its model and all fallbacks together")
    ] = 6
    retry_seconds: Annotated[
        float,
        Meta(ge=0, description="how long after its beginning a request may still be repeated at a model, in seconds"),
    ] = 60.0
    first_wait: Annotated[
        float,
        Meta(
            gt=0,
            description="the longest wait before the first repetition, in seconds; it doubles with each one, up to 8",
        ),
    ] = 0.5


class Runs(Struct, frozen=True, kw_only=True):
    """How programs are run."""

    timeout: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="the longest run of a program in seconds, as `--timeout` sets it"),
    ] = None
    max_cost: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="the most that a run may spend on models, in USD, as `--max-cost` sets it"),
    ] = None


class Repl(Struct, frozen=True, kw_only=True):
    """How the REPL begins; `.set` changes all of it but ``mode`` while it runs."""

    mode: Annotated[
        Literal["lua", "chat"], Meta(description="what a line is at the start: Lua, or a question to the model")
    ] = "lua"
    editing: Annotated[Literal["emacs", "vi"], Meta(description="whose keys edit a line")] = "emacs"
    highlight: Annotated[bool, Meta(description="colours Lua as it is typed and printed")] = True
    completion: Annotated[bool, Meta(description="offers completions while you type; without it, Tab does")] = True
    history: Annotated[bool, Meta(description="keeps what is typed for the next session")] = True
    timing: Annotated[bool, Meta(description="says after each input how long it took")] = False
    print_depth: Annotated[int, Meta(ge=1, le=100, description="how many tables inside each other are printed")] = 6
    print_items: Annotated[int, Meta(ge=1, description="how many entries of a table are printed")] = 100
    print_text: Annotated[
        int, Meta(ge=10, description="how many bytes of a text are printed, and ten times fewer inside of a table")
    ] = 2000
    print_width: Annotated[
        Annotated[int, Meta(ge=20)] | None,
        Meta(description="how many columns a value may take before it is spread over lines; the terminal's if not set"),
    ] = None


class Sections(Struct, frozen=True, kw_only=True):
    """The whole of llmspell.toml."""

    models: Models = Models()
    providers: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="a table for each provider; `type` says of which provider it is a further instance"),
    ] = {}
    agent: Agent = Agent()
    sandbox: Sandbox = Sandbox()
    tools: Tools = Tools()
    logs: Logs = Logs()
    requests: Requests = Requests()
    runs: Runs = Runs()
    repl: Repl = Repl()


class Key(NamedTuple):
    """One key: its dotted name, the type it must have, its default and a sentence on it."""

    name: str
    type: Any
    default: Any
    description: str

    @property
    def is_table(self) -> bool:
        """Whether the user chooses the names inside, as in [models.aliases]."""
        return get_origin(plain(self.type)) is dict

    @property
    def is_list(self) -> bool:
        return get_origin(plain(self.type)) is list


@lru_cache(1)
def keys() -> Mapping[str, Key]:
    """Every key by its dotted name, in the order of the file."""
    found = {}
    for section in msgspec.structs.fields(Sections):
        if isinstance(section.type, type) and issubclass(section.type, Struct):
            for field in msgspec.structs.fields(section.type):
                found[f"{section.name}.{field.name}"] = _key(f"{section.name}.{field.name}", field)
        else:
            found[section.name] = _key(section.name, section)
    return found


def section_names() -> tuple[str, ...]:
    """The tables at the top of the file."""
    return Sections.__struct_fields__


def plain(kind: Any) -> Any:
    """A type without its `Annotated` wrapping."""
    return getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind


def _key(name: str, field: msgspec.structs.FieldInfo) -> Key:
    default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    notes = (note.description for note in getattr(field.type, "__metadata__", ()) if note.description)
    return Key(name, field.type, default, next(notes, ""))
