"""Functions as tools: name, description and schema are read from the signature and the docstring.

Nothing but the parameters has to be written twice, and what a model is told can't drift from what the function takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from llmspell.errors import InvalidRequest
from llmspell.plugins.docstrings import read_docstring
from llmspell.plugins.values import Tool

if TYPE_CHECKING:
    from inspect import Signature

T = TypeVar("T")
_CONTEXT = "ToolContext"


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    examples: Sequence[tuple[str, Mapping[str, Any]]] = (),
    category: str = "general",
    tags: Sequence[str] = (),
    parallel: bool = False,
    timeout: float | None = None,
    version: str = "1.0.0",
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(function: Callable[..., Any] | None = None, /, **fields: Any) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a `Tool` of a function, as a decorator with or without arguments.

    The tool is called like the function, or ``name``. Its description is the first paragraph of the docstring, and
    those of its parameters come from a section ``Args:`` (Google style). The types are the annotations: everything that
    msgspec can write as a JSON schema, so ``str``, ``int``, ``Literal``, ``X | None``, ``list[T]``, ``dict[str, T]``,
    enums, dataclasses, TypedDicts, Structs and ``Annotated[int, msgspec.Meta(ge=1)]`` among others. A parameter with a
    default may be left out. ``from_`` is called ``from``. A parameter annotated `ToolContext` gets that of the call. A
    coroutine function is awaited; others run in a thread. What the function returns is turned into JSON-like values.

    The other fields are those of `Tool`.

    Raises:
        TypeError: the function can't be a tool; the message names it and the parameter.
    """
    if function is None:
        return lambda decorated: _make(decorated, **fields)
    return _make(function)


def _make(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    examples: Sequence[tuple[str, Mapping[str, Any]]] = (),
    tags: Sequence[str] = (),
    **fields: Any,
) -> Tool:
    import inspect

    import msgspec

    name = name or function.__name__
    description, texts = read_docstring(function.__doc__)
    if not description:
        raise TypeError(f"tool '{name}' has no docstring, and a model chooses by its first paragraph")
    signature = inspect.signature(function)
    hints = _hints(function, signature, name)
    context = [parameter for parameter, hint in hints.items() if hint is _CONTEXT]
    fields_of = {
        parameter: (hint, signature.parameters[parameter].default)
        for parameter, hint in hints.items()
        if hint is not _CONTEXT
    }
    for parameter in texts:
        if parameter not in hints:
            raise TypeError(f"tool '{name}': its docstring describes '{parameter}', which isn't a parameter")
    kind, schema = _for_each(_described, fields_of, f"tool '{name}': the type of")
    for parameter, text in texts.items():
        if parameter not in context:
            schema["properties"][_public(parameter)]["description"] = text

    def bound(arguments: Mapping[str, Any], given: Any) -> dict[str, Any]:
        try:
            values: Any = msgspec.convert(dict(arguments), kind)
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"{name}: {error}") from error
        return {parameter: getattr(values, parameter) for parameter in fields_of} | dict.fromkeys(context, given)

    run: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        async def run(arguments: Mapping[str, Any], context: Any = None) -> Any:
            return msgspec.to_builtins(await function(**bound(arguments, context)))
    else:

        def run(arguments: Mapping[str, Any], context: Any = None) -> Any:
            return msgspec.to_builtins(function(**bound(arguments, context)))

    return Tool(
        name,
        description,
        schema,
        run,
        examples=_checked(examples, kind, name),
        tags=tuple(tags),
        **fields,
    )


def _hints(function: Callable[..., Any], signature: Signature, name: str) -> dict[str, Any]:
    """The types of the parameters; that of the context is given by its name, as its import may be for checkers only."""
    written = {}
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            raise TypeError(f"tool '{name}': a model can't know what '{stars}{parameter.name}' takes")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise TypeError(f"tool '{name}': its parameter '{parameter.name}' is positional only, and tools get names")
        if parameter.annotation is parameter.empty:
            raise TypeError(f"tool '{name}': its parameter '{parameter.name}' has no annotation")
        annotation = parameter.annotation
        said = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
        written[parameter.name] = _CONTEXT if said.rpartition(".")[2] == _CONTEXT else annotation
    found = _for_each(lambda some: _evaluated(function, some), written, f"tool '{name}': the annotation of")
    return {parameter: found.get(parameter, _CONTEXT) for parameter in written}


def _evaluated(function: Callable[..., Any], written: Mapping[str, Any]) -> dict[str, Any]:
    from types import SimpleNamespace
    from typing import get_type_hints

    annotations = {parameter: annotation for parameter, annotation in written.items() if annotation != _CONTEXT}
    one: Any = SimpleNamespace(__annotations__=annotations)
    return get_type_hints(one, getattr(function, "__globals__", {}), include_extras=True)


def _for_each(work: Callable[[Mapping[str, Any]], T], parameters: Mapping[str, Any], what: str) -> T:
    """Do something for all parameters at once; where that fails, one by one, for a message that names the culprit."""
    try:
        return work(parameters)
    except Exception:
        for parameter, value in parameters.items():
            try:
                work({parameter: value})
            except Exception as error:
                raise TypeError(f"{what} '{parameter}' can't be used: {error}") from error
        raise


def _described(fields: Mapping[str, tuple[Any, Any]]) -> tuple[type, dict[str, Any]]:
    """The arguments as one type, which reads them, and its schema.

    Raises:
        TypeError: msgspec doesn't know a type.
    """
    from inspect import Parameter

    import msgspec

    kind = msgspec.defstruct(
        "Arguments",
        [
            (parameter, hint) if default is Parameter.empty else (parameter, hint, default)
            for parameter, (hint, default) in fields.items()
        ],
        kw_only=True,
        forbid_unknown_fields=True,
        rename=_public,
    )
    msgspec.json.Decoder(kind)  # raises for unions that can't be told apart
    (reference,), others = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    schema = _inlined(others.pop(reference["$ref"].rpartition("/")[2]), others, ())
    for name, inner in schema["properties"].items():
        if inner.get("default", ...) is None:
            schema["properties"][name] = _without_null(inner)
    if "#/$defs/" in str(schema):  # of types that refer to themselves
        schema["$defs"] = {name: _inlined(inner, {}, tuple(others)) for name, inner in others.items()}
    return kind, schema


def _public(parameter: str) -> str:
    """`from_` and `class_` are called without what keeps them apart from Python's own words."""
    return parameter.rstrip("_")


def _inlined(schema: Any, others: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    """A schema without references, which some engines ignore, and without titles, the names of Python's classes.

    Objects with fields are closed: a name that nobody reads is a mistake.
    """
    if isinstance(schema, list):
        return [_inlined(inner, others, within) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name and name not in within:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {**_inlined(others[name], others, (*within, name)), **rest}
    plain = {key: value for key, value in schema.items() if key != "title"}
    for key in plain.keys() & {"items", "prefixItems", "anyOf", "additionalProperties"}:
        plain[key] = _inlined(plain[key], others, within)
    if "properties" in plain:
        plain["properties"] = {key: _inlined(inner, others, within) for key, inner in plain["properties"].items()}
        plain.setdefault("additionalProperties", False)
    return plain


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What may be left out needn't be null too: that would be one more way to say the same."""
    schema = {key: value for key, value in schema.items() if key != "default"}
    if None in schema.get("enum", ()):
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    if "anyOf" in schema:
        kept = [_without_null(inner) for inner in schema["anyOf"] if inner.get("type") != "null"]
        schema["anyOf"] = kept
        if len(kept) == 1:
            schema |= kept[0]
            del schema["anyOf"]
    return schema


def _checked(examples: Any, struct: type, name: str) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    import msgspec

    checked = []
    for example in examples:
        try:
            request, arguments = example
            msgspec.convert(dict(arguments), struct)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"tool '{name}': its example {example!r} isn't a request with arguments: {error}"
            ) from error
        checked.append((request, arguments))
    return tuple(checked)
