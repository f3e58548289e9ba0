"""What of a text is complete, after each of its lines."""

from llmspell.repl.markdown.blocks import Blocks


def pieces(text):
    """For each line the pieces that it completes, as kind and text; the end is one more."""
    blocks = Blocks()
    found = []
    *lines, rest = text.split("\n")
    for line in lines:
        found.append([(piece.kind, piece.text) for piece in blocks.line(line + "\n")])
    return [*found, [(piece.kind, piece.text) for piece in blocks.end(rest)]]


def test_an_empty_line_ends_a_paragraph():
    assert pieces("\na\nb\n\nc") == [[], [], [], [("block", "a\nb\n\n")], [("block", "c")]]


def test_a_heading_ends_with_its_line():
    assert pieces("# a\nb\n===\n") == [[("block", "# a\n")], [], [("block", "b\n===\n")], []]


def test_what_begins_ends_what_was_before():
    assert pieces("a\n- b\n") == [[], [("block", "a\n")], [("block", "- b\n")]]


def test_items_end_with_the_next_one():
    blocks = Blocks()
    found = [piece for line in "3. a\n4. b\n\n   more\n\n7. c\n".splitlines(True) for piece in blocks.line(line)]
    found += blocks.end("")
    assert [(piece.text, piece.number, piece.gap) for piece in found] == [
        ("3. a\n", 3, True),
        ("4. b\n\n   more\n\n", 4, False),
        ("7. c\n", 5, True),
    ]


def test_another_list_counts_anew():
    blocks = Blocks()
    found = [piece for line in "1. a\n2. b\n\nx\n\n1. c\n".splitlines(True) for piece in blocks.line(line)]
    assert [piece.number for piece in (*found, *blocks.end(""))] == [1, 2, None, 1]


def test_code_is_complete_line_by_line():
    assert pieces("a\n  ````lua x\n  b\n   c\n  ```\n    ````\n````\nd")[1:] == [
        [("block", "a\n"), ("fence", "````lua x")],
        [("code", "b")],
        [("code", " c")],
        [("code", "```")],
        [("code", "  ````")],
        [("fence_end", "````")],
        [("block", "d")],
    ]


def test_code_in_an_item_belongs_to_it():
    text = "- a\n  ```\n  - b\n\n  ```\n"
    assert pieces(text)[-1] == [("block", text)]


def test_code_without_an_end():
    blocks = Blocks()
    assert [piece.kind for piece in blocks.line("```\n")] == ["fence"]
    assert [piece.text for piece in blocks.end("x")] == ["x"]


def test_a_long_block_is_looked_at_where_it_may_end():
    table = "| a |\n|---|\n" + "| b |\n" * 300
    found = pieces(table + "```\ncode\n```\n\nend")
    assert sum(map(len, found[:-2])) == 0
    assert [kind for kind, _ in found[-2]] == ["block", "fence", "code", "fence_end"]
