"""file-operations: everything that it does, and everything that it must not."""

import base64
import os
import stat

import jsonschema_rs
import pytest

from llmspell import ToolContext
from llmspell.config.sandbox import Grants
from llmspell.errors import InvalidRequest, SandboxError, ToolError
from llmspell_tools import texts
from llmspell_tools.file_operations import MOST_ENTRIES


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The working directory: granted, beside a folder that isn't, with links to it."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (inside / "away").symlink_to(outside)
    (inside / "secret").symlink_to(outside / "secret")
    monkeypatch.chdir(inside)
    return inside


@pytest.fixture
def do(tools, place):
    def do(operation, path=None, *, grants=None, **arguments):
        tool = tools["file-operations"]
        arguments = {"operation": operation, **({"path": path} if path is not None else {}), **arguments}
        jsonschema_rs.validator_for(tool.parameters).validate(arguments)
        return tool.run(arguments, ToolContext(grants=grants or Grants(write=[str(place)])))

    return do


def tree(folder):
    """Everything in a folder: what files say, where links lead to."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_text()
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def untouched(place):
    """Fail where something outside has changed."""
    yield
    assert tree(place.parent / "outside") == {"secret": "secret"}
    assert place.is_dir()


# ── contents ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_write_read_append(do, place):
    assert do("write", "a.txt", input="grün\n") == {"path": "a.txt", "bytes_written": 6}
    assert do("append", "a.txt", input="blau") == {"path": "a.txt", "bytes_written": 4}
    assert do("read", "a.txt") == {"content": "grün\nblau", "path": "a.txt", "size": 10}
    do("write", "a.txt", input="")
    assert do("read", "a.txt")["content"] == ""
    do("append", "new/deep/b.txt", input="x")
    assert (place / "new" / "deep" / "b.txt").read_text() == "x"


def test_a_file_keeps_its_rights(do, place):
    (place / "run.sh").write_text("old")
    (place / "run.sh").chmod(0o750)
    do("write", "run.sh", input="new")
    assert stat.S_IMODE((place / "run.sh").stat().st_mode) == 0o750


@pytest.mark.parametrize("data", [b"\xff\xfe\0x", b"text\0", b"gr\xfcn"])
def test_what_is_no_text_comes_as_base64(do, place, data):
    (place / "data").write_bytes(data)
    result = do("read", "data")
    assert result["encoding"] == "base64" and base64.b64decode(result["content"]) == data


def test_a_file_that_is_too_large_is_refused(do, place, monkeypatch):
    monkeypatch.setattr("llmspell_tools.granted_files.LARGEST", 10)
    (place / "large").write_text("x" * 11)
    with pytest.raises(ToolError, match="more than 10 bytes"):
        do("read", "large")
    (place / "large").write_text("x" * 10)
    assert do("read", "large")["size"] == 10
    monkeypatch.setattr(texts, "LARGEST", 10)
    with pytest.raises(InvalidRequest, match="11 characters"):
        do("write", "large", input="y" * 11)


def test_what_never_ends_is_not_read_or_written(do, place):
    os.mkfifo(place / "pipe")
    for operation in ("read", "write", "append"):
        with pytest.raises(ToolError, match="not a file"):
            do(operation, "pipe", input="x")
    with pytest.raises(ToolError, match="not a file"):
        do("copy", source_path="pipe", target_path="copy")
    assert do("metadata", "pipe")["type"] == "other"


# ── folders ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_list(do, place):
    do("write", "b/c/deep.txt", input="12345")
    do("write", "a.txt", input="1")
    assert do("list_dir") == {
        "path": ".",
        "entries": [
            {"name": "a.txt", "type": "file", "size": 1},
            {"name": "away", "type": "link"},
            {"name": "b", "type": "directory"},
            {"name": "secret", "type": "link"},
        ],
        "count": 4,
    }
    names = [entry["name"] for entry in do("list_dir", ".", recursive=True)["entries"]]
    assert names == ["a.txt", "away", "b", "secret", "b/c", "b/c/deep.txt"], "links aren't followed"
    assert do("list_dir", "b/c")["count"] == 1


def test_a_long_list_is_cut(do, place):
    for number in range(MOST_ENTRIES + 1):
        (place / f"f{number:04}").touch()
    result = do("list_dir")
    assert result["count"] == len(result["entries"]) == MOST_ENTRIES and result["truncated"]


def test_create_dir(do, place):
    assert do("create_dir", "a/b/c") == {"path": "a/b/c", "created": True}
    assert do("create_dir", "a/b/c") == {"path": "a/b/c", "created": False}
    assert (place / "a" / "b" / "c").is_dir()
    do("write", "file", input="x")
    with pytest.raises(ToolError, match="create_dir of file failed: File exists"):
        do("create_dir", "file")


def test_delete(do, place):
    do("write", "a/b/c.txt", input="x")
    with pytest.raises(ToolError, match="not empty") as error:
        do("delete", "a")
    assert "recursive" in error.value.hint
    assert do("delete", "a", recursive=True) == {"path": "a", "deleted": True}
    do("write", "b.txt", input="x")
    do("create_dir", "empty")
    for name in ("b.txt", "empty"):
        do("delete", name)
    assert sorted(tree(place)) == ["away", "secret"]


def test_metadata_and_exists(do, place):
    do("write", "a.txt", input="12345")
    (place / "a.txt").chmod(0o640)
    os.utime(place / "a.txt", (0, 86400))
    assert do("metadata", "a.txt") == {
        "path": "a.txt",
        "type": "file",
        "size": 5,
        "modified": "1970-01-02T00:00:00Z",
        "permissions": "rw-r-----",
        "is_link": False,
    }
    assert do("metadata", ".")["type"] == "directory"
    assert do("exists", "a.txt") == {"path": "a.txt", "exists": True, "type": "file"}
    assert do("exists", "b.txt") == {"path": "b.txt", "exists": False}
    assert do("exists", "a.txt/b") == {"path": "a.txt/b", "exists": False}


# ── copying and moving ────────────────────────────────────────────────────────────────────────────────────────────────


def test_copy_a_file(do, place):
    do("write", "a.txt", input="x")
    do("copy", source_path="a.txt", target_path="b/c.txt")
    do("copy", "a.txt", target_path="b")
    assert (place / "b" / "c.txt").read_text() == (place / "b" / "a.txt").read_text() == "x"
    assert (place / "a.txt").exists()


def test_copy_a_folder_only_when_asked(do, place):
    do("write", "a/b/c.txt", input="x")
    with pytest.raises(ToolError, match="it is a folder") as error:
        do("copy", source_path="a", target_path="d")
    assert "recursive" in error.value.hint and not (place / "d").exists()
    do("copy", source_path="a", target_path="d", recursive=True)
    do("copy", source_path="a", target_path="d", recursive=True)
    assert (place / "d" / "b" / "c.txt").read_text() == (place / "d" / "a" / "b" / "c.txt").read_text() == "x"


def test_move(do, place):
    do("write", "a/b.txt", input="x")
    do("move", source_path="a/b.txt", target_path="c/d.txt")
    do("move", source_path="c", target_path="a")
    assert tree(place / "a") == {"c": None, "c/d.txt": "x"}
    do("write", "over.txt", input="old")
    do("move", source_path="a/c/d.txt", target_path="over.txt")
    assert (place / "over.txt").read_text() == "x"


@pytest.mark.parametrize("operation", ["copy", "move"])
def test_not_into_itself(do, place, operation):
    do("write", "a/b.txt", input="x")
    for source, target in (("a", "a/b/c"), ("a", "a"), ("a", "./a/../a/d"), ("a/b.txt", "a/b.txt"), ("a/b.txt", "a")):
        with pytest.raises(InvalidRequest, match="lies in it"):
            do(operation, source_path=source, target_path=target, recursive=True)
    assert tree(place / "a") == {"b.txt": "x"}


@pytest.mark.parametrize("operation", ["copy", "move", "read", "delete", "metadata", "list_dir"])
def test_what_is_not_there(do, place, operation):
    with pytest.raises(ToolError, match=r"(?i)no such file"):
        do(operation, "nothing", target_path="new/folder/x")
    assert not (place / "new").exists()


@pytest.mark.parametrize(
    ("alias", "name"),
    [("mkdir", "create_dir"), ("ls", "list_dir"), ("dir", "list_dir"), ("stat", "metadata"), ("info", "metadata")],
)
def test_other_names(do, alias, name):
    do("mkdir", "a")
    assert do(alias, "a") == do(name, "a")


def test_other_names_of_copy_and_move(do, place):
    do("write", "a", input="x")
    do("cp", "a", target_path="b")
    do("mv", "b", target_path="c")
    do("rename", "c", target_path="d")
    assert {"a": "x", "d": "x"}.items() <= tree(place).items() and not (place / "b").exists()


@pytest.mark.parametrize(
    ("operation", "arguments", "said"),
    [
        ("read", {}, "needs path"),
        ("delete", {"path": ""}, "needs path"),
        ("write", {"path": "a"}, "needs input"),
        ("copy", {"source_path": "a"}, "needs source_path and target_path"),
        ("move", {"target_path": "a"}, "needs source_path and target_path"),
        ("read", {"path": "a\0b"}, "invalid file name"),
    ],
)
def test_what_is_missing(do, operation, arguments, said):
    with pytest.raises(InvalidRequest, match=said):
        do(operation, **arguments)


# ── the jail ──────────────────────────────────────────────────────────────────────────────────────────────────────────

WAYS_OUT = [
    "secret",
    "away/secret",
    "../outside/secret",
    "x/../../outside/secret",
    "/etc/passwd",
    "away/../outside/secret",
]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("path", WAYS_OUT)
def test_nothing_outside_is_touched_or_seen(do, place, path):
    do("write", "mine", input="mine")
    for operation in ("read", "write", "append", "delete", "create_dir", "list_dir", "metadata", "exists"):
        with pytest.raises(SandboxError):
            do(operation, path, input="x", recursive=True)
    for operation in ("copy", "move"):
        for source, target in ((path, "stolen"), ("mine", path)):
            with pytest.raises(SandboxError):
                do(operation, source_path=source, target_path=target, recursive=True)
    assert (place / "mine").read_text() == "mine" and not (place / "stolen").exists()


@pytest.mark.usefixtures("untouched")
def test_a_folder_is_copied_with_its_links_as_links(do, place):
    (place / "a").mkdir()
    (place / "a" / "out").symlink_to(place.parent / "outside")
    do("copy", source_path="a", target_path="b", recursive=True)
    assert os.readlink(place / "b" / "out") == str(place.parent / "outside")
    with pytest.raises(SandboxError):
        do("read", "b/out/secret")


@pytest.mark.usefixtures("untouched")
def test_a_folder_is_not_copied_over_links_that_lead_out(do, place):
    do("write", "a/away/secret", input="changed")
    (place / "b" / "a").mkdir(parents=True)
    (place / "b" / "a" / "away").symlink_to(place.parent / "outside")
    with pytest.raises(ToolError, match="File exists"):
        do("copy", source_path="a", target_path="b", recursive=True)
    with pytest.raises((ToolError, SandboxError)):
        do("move", source_path="a/away", target_path="b/a")


@pytest.mark.usefixtures("untouched")
def test_deleting_follows_no_links(do, place):
    (place / "a").mkdir()
    (place / "a" / "out").symlink_to(place.parent / "outside")
    (place / "kept").write_text("x")
    (place / "link").symlink_to(place / "kept")
    (place / "dir").mkdir()
    (place / "dir" / "file").write_text("x")
    (place / "to-dir").symlink_to(place / "dir")
    do("delete", "a", recursive=True)
    do("delete", "link")
    do("delete", "to-dir", recursive=True)
    assert (place / "kept").exists() and (place / "dir" / "file").exists()
    assert not (place / "link").is_symlink() and not (place / "to-dir").is_symlink()


@pytest.mark.usefixtures("untouched")
def test_a_granted_folder_stays(do, place):
    do("write", "a/b/file", input="x")
    grants = Grants(write=[str(place), str(place / "a" / "b")])
    for path in (".", "a", "a/b", str(place), "a/..", "./"):
        with pytest.raises(SandboxError, match="can't be removed"):
            do("delete", path, recursive=True, grants=grants)
        with pytest.raises(SandboxError, match="can't be removed"):
            do("move", path, target_path="c", grants=grants)
    assert (place / "a" / "b" / "file").exists()


@pytest.mark.usefixtures("untouched")
def test_what_may_be_read_may_not_be_changed(do, place):
    do("write", "a.txt", input="x")
    grants = Grants(read=[str(place)])
    assert do("read", "a.txt", grants=grants)["content"] == "x"
    for operation in ("write", "append", "delete", "create_dir"):
        with pytest.raises(SandboxError, match="not granted"):
            do(operation, "a.txt", input="y", grants=grants)
    for operation in ("copy", "move"):
        with pytest.raises(SandboxError):
            do(operation, "a.txt", target_path="b.txt", grants=grants)


class Swapping(ToolContext):
    """Somebody else puts a link in the place of a file between the last question and the answer."""

    questions = 1

    def readable(self, path):
        return self._swapped(super().readable(path))

    def writable(self, path):
        return self._swapped(super().writable(path))

    def _swapped(self, real):
        self.questions -= 1
        if self.questions == 0:
            os.remove(real)
            os.symlink("../outside/secret", real)
        return real


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("operation", "questions"), [("read", 1), ("write", 2), ("append", 2)])
def test_a_link_that_is_swapped_in_is_not_followed(tools, place, operation, questions):
    (place / "mine").write_text("mine")
    context = Swapping(grants=Grants(write=[str(place)]))
    context.questions = questions
    with pytest.raises(ToolError):
        tools["file-operations"].run({"operation": operation, "path": "mine", "input": "x"}, context)
    assert (place / "mine").is_symlink()
