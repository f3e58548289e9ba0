"""The tools that come with llmspell, each a module with a function of the module's name."""

from __future__ import annotations

from collections.abc import Iterable

from llmspell import Tool, hookimpl

MODULES = (
    "calculator",
    "text_manipulator",
    "uuid_generator",
    "hash_calculator",
    "base64_encoder",
    "datetime_handler",
    "json_processor",
    "data_validator",
    "template_creator",
    "csv_analyzer",
    "file_operations",
    "http_request",
    "web_scraper",
    "environment_reader",
    "process_executor",
)
"""In the order in which they are listed."""


@hookimpl
def llmspell_tools() -> Iterable[Tool]:
    """All of them; a library that one needs is imported when it runs."""
    from importlib import import_module

    return [getattr(import_module(f"llmspell_tools.{module}"), module) for module in MODULES]
