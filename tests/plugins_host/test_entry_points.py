"""The scan finds what importlib.metadata finds, and lets nothing unreadable stop it."""

import os
import sys
import zipfile
from importlib.metadata import distributions

import pytest

from llmspell.plugins.entry_points import EntryPoint, normalized, scan
from llmspell.testing import write_plugin


def distribution(folder, name, text):
    info = folder / name
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text(text, encoding="utf-8")
    return str(folder)


def names(*folders):
    return [point.name for point in scan([str(folder) for folder in folders])]


def test_it_agrees_with_the_standard_library_about_this_environment():
    expected = {
        (point.name, point.module, point.attr or "", dist.version)
        for dist in distributions()
        for point in dist.entry_points
        if point.group == "llmspell"
    }
    found = {(point.name, point.module, point.attribute, point.version) for point in scan()}
    assert found == expected
    assert ("gguf", "llmspell_gguf") in {(name, module) for name, module, _, _ in found}


def test_only_the_group_counts(tmp_path):
    text = """
    [console_scripts]
    a = a:main
    [llmspell]
    # a comment
    b = b_module
    c=c_module:plugin
    d = d_module:nested.plugin [extra1, extra2]
    e = e_module [extra]

    [llmspell.more]
    f = f
    """
    folder = distribution(tmp_path, "thing-1.2.dist-info", text)
    assert scan([folder]) == [
        EntryPoint("b", "b_module", "thing", "1.2"),
        EntryPoint("c", "c_module", "thing", "1.2", "plugin"),
        EntryPoint("d", "d_module", "thing", "1.2", "nested.plugin"),
        EntryPoint("e", "e_module", "thing", "1.2"),
    ]


@pytest.mark.parametrize(
    ("folder", "name", "version"),
    [
        ("thing-1.2.dist-info", "thing", "1.2"),
        ("my_thing-1.2.post1+cpu.dist-info", "my_thing", "1.2.post1+cpu"),
        ("my-thing-1.2.dist-info", "my-thing", "1.2"),
        ("My.Thing-1.2.dist-info", "My.Thing", "1.2"),
        ("thing.dist-info", "thing", ""),
        ("thing.egg-info", "thing", ""),
        ("my_thing-1.2-py3.11.egg-info", "my_thing", "1.2"),
    ],
)
def test_folders_of_old_and_new_tools(tmp_path, folder, name, version):
    (point,) = scan([distribution(tmp_path, folder, "[llmspell]\nx = x\n")])
    assert (point.distribution, point.version) == (name, version)


@pytest.mark.parametrize("second", ["my_thing-1.0", "my-thing-1.0", "My.Thing-3"])
def test_a_distribution_earlier_on_the_path_hides_a_later_one(tmp_path, second):
    first = distribution(tmp_path / "a", "my_thing-2.0.dist-info", "[llmspell]\nnew = x\n")
    later = distribution(tmp_path / "b", f"{second}.dist-info", "[llmspell]\nold = x\n")
    assert names(first, later) == ["new"]
    assert names(later, first) == ["old"]


def test_one_spelling_of_a_name():
    assert {normalized(name) for name in ("My.Thing", "my-thing", "my_thing", "MY_THING")} == {"my_thing"}


def test_a_hidden_distribution_without_the_group_hides_too(tmp_path):
    first = distribution(tmp_path / "a", "thing-2.0.dist-info", "[console_scripts]\nx = x\n")
    later = distribution(tmp_path / "b", "thing-1.0.dist-info", "[llmspell]\nold = x\n")
    assert names(first, later) == []


def test_an_editable_install_is_found_by_its_metadata(tmp_path):
    site = distribution(tmp_path / "site", "thing-1.0.dist-info", "[llmspell]\nx = x\n")
    (tmp_path / "site" / "thing.pth").write_text(str(tmp_path / "source"), encoding="utf-8")
    source = distribution(tmp_path / "source", "thing.egg-info", "[llmspell]\nx = x\n")
    assert names(site, source) == ["x"]


def test_what_pip_moved_out_of_the_way_is_no_plugin(tmp_path):
    assert names(distribution(tmp_path, "~hing-1.0.dist-info", "[llmspell]\nx = x\n")) == []


def test_what_cant_be_read_is_skipped(tmp_path):
    good = tmp_path / "good"
    write_plugin(good, "fine", "")
    (good / "file-1.0.egg-info").write_text("Name: file\n", encoding="utf-8")
    (good / "latin-1.0.dist-info").mkdir()
    (good / "latin-1.0.dist-info" / "entry_points.txt").write_bytes(b"[llmspell]\nx = \xff\n")
    (good / "folder-1.0.dist-info" / "entry_points.txt").mkdir(parents=True)
    zipped = tmp_path / "plugins.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("zipped-1.0.dist-info/entry_points.txt", "[llmspell]\nzipped = z\n")
    path = [str(tmp_path / "missing"), str(zipped), "nul\0byte", None, str(good)]
    assert [point.name for point in scan(path)] == ["fine"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_skipped(tmp_path):
    closed = tmp_path / "closed"
    write_plugin(closed, "closed", "")
    closed.chmod(0)
    try:
        assert names(closed) == []
    finally:
        closed.chmod(0o700)


def test_the_empty_entry_is_the_working_directory(tmp_path, monkeypatch):
    write_plugin(tmp_path, "here", "")
    monkeypatch.chdir(tmp_path)
    assert [point.name for point in scan([""])] == ["here"]


def test_the_order_is_that_of_the_names(tmp_path):
    for name in ("b", "c", "a"):
        write_plugin(tmp_path, name, "")
    assert names(tmp_path) == ["a", "b", "c"]


def test_the_default_is_the_path_of_python(tmp_path, monkeypatch):
    write_plugin(tmp_path, "on-the-path", "")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert "on-the-path" in [point.name for point in scan()]
