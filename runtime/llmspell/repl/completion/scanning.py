"""Reads the words before the cursor and keeps what is open there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from llmspell.repl.completion.context import CALL, Chain, Context, Key, Open
from llmspell.repl.tokens import Token, tokenized


@lru_cache(maxsize=4)
def context(before: str) -> Context:
    """What stands around the end of a source; kept for those who ask at each key."""
    return _Scan().read(before)


@dataclass(slots=True)
class _Scan:
    opened: list[Open] = field(default_factory=lambda: [Open("block")])
    chain: Chain | None = None
    pending: tuple[Chain | None, str] | None = None
    previous: Token | None = None
    literal: Key = None
    declaring: bool = False
    defining: bool = False
    declared: dict[str, None] = field(default_factory=dict)

    def read(self, before: str) -> Context:
        for token in tokenized(before):
            if token.end == len(before) and (found := self._at_cursor(token)):
                return found
            if token.kind not in ("space", "comment"):
                if token.text != "]":
                    self.literal = None
                getattr(self, f"_{token.kind}")(token)
                self.previous = token
        return self._context()

    def _context(self, **more: object) -> Context:
        chain, mark = self.pending or (None, "")
        previous = self.previous.text if self.previous else ""
        known = {"chain": chain, "mark": mark, "previous": previous, "declared": tuple(self.declared)}
        return Context(tuple(self.opened), **{**known, **more})  # type: ignore[arg-type]

    def _at_cursor(self, token: Token) -> Context | None:
        """The context where the cursor is in or after this word."""
        if token.kind in ("name", "keyword"):
            return self._context(prefix=token.text)
        if token.kind == "string" and not token.finished:
            if self._callable:
                self.opened.append(Open("call", self.chain))
            quote = token.text[0] if token.text[0] != "[" else "["
            return self._context(text=token.text[1:] if quote != "[" else "", quote=quote)
        line_comment = token.kind == "comment" and not (token.text.startswith("--[") and token.text.endswith("]"))
        if line_comment or token.kind in ("number", "string") or token.text == "...":
            return self._context(in_words=False)
        return None

    @property
    def _callable(self) -> bool:
        """Whether what comes now may be the argument of a call."""
        last = self.previous
        return last is not None and (last.kind in ("name", "string") or last.text in (")", "]", "}"))

    def _name(self, token: Token) -> None:
        if self.pending:
            before, mark = self.pending
            self.chain = Chain((*before.keys, token.text), mark) if before else None
        else:
            self.chain = Chain((token.text,))
            attribute = self.previous is not None and self.previous.text == "<"
            if (self.declaring or self.defining or self.opened[-1].kind == "parameters") and not attribute:
                self.declared[token.text] = None
        self.pending = None

    def _keyword(self, token: Token) -> None:
        word, top = token.text, self.opened[-1]
        self.chain, self.pending = None, None
        self.declaring, self.defining = word in ("local", "for"), word == "function"
        if word in ("if", "repeat", "function", "while", "for"):
            self.opened.append(Open("block", awaits_do=word in ("while", "for")))
        elif word == "do" and top.awaits_do:
            top.awaits_do = False
        elif word == "do":
            self.opened.append(Open("block"))
        elif word in ("end", "until"):
            self._close("block")

    def _string(self, token: Token) -> None:
        if self._callable:
            self._called(self.chain)
        else:
            self.chain = Chain((False,))
            self.literal = token.text[1:-1] if token.text[0] != "[" and "\\" not in token.text else None

    def _number(self, token: Token) -> None:
        self.chain = self.pending = None
        self.literal = int(token.text) if token.text.isdecimal() else None

    def _symbol(self, token: Token) -> None:
        mark, top = token.text, self.opened[-1]
        if mark in (".", ":"):
            self.pending = (self.chain, mark)
            return
        if mark in ("(", "{", "["):
            self._open(mark)
        elif mark in (")", "}", "]"):
            self._shut(mark)
            return
        elif mark in (",", ";"):
            top.commas += mark == ","
            top.key = None
        elif mark == "=":
            last = self.chain.keys[-1] if self.chain else None
            top.key = last if isinstance(last, str) else None
            if top.kind == "block" and self.chain and len(self.chain.keys) == 1 and top.key:
                self.declared[top.key] = None
        self.declaring = self.declaring and mark in (",", "<", ">")
        self.chain = self.pending = None

    def _open(self, mark: str) -> None:
        chain, called = self.chain, self._callable
        if mark == "{":
            self.opened.append(Open("table", chain if called else None, called))
        elif mark == "[":
            self.opened.append(Open("index", chain if called else None))
        elif self.defining:
            self.opened.append(Open("parameters"))
            self.defining = False
        else:
            self.opened.append(Open("call", chain) if called else Open("group"))

    def _shut(self, mark: str) -> None:
        kinds = {")": ("call", "group", "parameters"), "}": ("table",), "]": ("index",)}[mark]
        inside, closed = self.chain, self._close(*kinds)
        self.pending = None
        self.chain = None
        if closed is None:
            return
        if closed.kind == "call" or closed.called:
            self._called(closed.chain)
        elif closed.kind == "group":
            self.chain = inside
        elif closed.kind == "index" and closed.chain and self.literal is not None:
            self.chain = Chain((*closed.chain.keys, self.literal), "[")

    def _called(self, chain: Chain | None) -> None:
        self.chain = Chain((*chain.keys, CALL), "(") if chain else None

    def _close(self, *kinds: str) -> Open | None:
        if len(self.opened) > 1 and self.opened[-1].kind in kinds:
            return self.opened.pop()
        return None
