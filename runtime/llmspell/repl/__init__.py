"""The REPL: `python -m llmspell` without arguments. `shell` is what the parts share, `app` puts them together."""
