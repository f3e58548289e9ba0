"""Reads Lua without running it, in states of its own, so that any thread may ask."""

from __future__ import annotations

from typing import Any

from llmspell.lua.vm import bare_state, encoded

_SYNTAX = """
local source, name = ...
local chunk, as_expression = load("return " .. source, name, "t")
local statements, problem = load(source, name, "t")
if chunk or statements then return nil end
return problem, as_expression
"""
_DUMP = """
local source = ...
local chunk = load(source, "=", "t")
return chunk and string.dump(chunk)
"""
_compiled: dict[str, Any] = {}


def _aside(code: str) -> Any:
    """A function of Lua in a state that runs nothing of users, and is no script's."""
    if code not in _compiled:
        _compiled[code] = bare_state().compile(code, name="=[llmspell aside]")
    return _compiled[code]


def bytecode(source: str) -> bytes | None:
    """What Lua compiles a program to, with the lines of its instructions; None where it is no Lua. Any thread may
    ask."""
    dumped = _aside(_DUMP)(source)
    return None if dumped is None else encoded(dumped)


def syntax_problem(source: str, name: str = "=input") -> tuple[str, bool] | None:
    """Why a text is no Lua, neither an expression nor statements, and whether only more of it is missing; None for Lua.

    Any thread may ask.
    """
    found = _aside(_SYNTAX)(source, name)
    if found is None:
        return None
    problem, as_expression = found
    return str(problem), _is_cut(problem, source) or _is_cut(as_expression, source)


def _is_cut(problem: str, source: str) -> bool:
    """Whether the reader came to the end too early. A short string has to end on its line, unless that ends in a
    backslash."""
    if not problem.endswith("near <eof>"):
        return False
    return "unfinished string near" not in problem or source.rstrip("\n").endswith("\\")
