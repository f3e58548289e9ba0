"""Files from the web: gone on from where they were cut, checked, and never there by halves."""

import contextlib
import dataclasses
import hashlib
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

from llmspell.errors import PullFailed
from llmspell.models import connection, pulls
from llmspell.models.names import parse
from llmspell.models.steps import Stopped
from llmspell.models.store import Store

PULL = """
import sys, threading
from pathlib import Path
from llmspell.models import pulls
from llmspell.models.names import parse
from llmspell.models.store import Store
for step in pulls.fetch(parse(sys.argv[2]), Store(Path(sys.argv[1])), threading.Event()):
    print(step.status, step.done, step.model, flush=True)
"""
MEGA = 1_000_000


@pytest.fixture
def url(site, content):
    site.files["/Tiny-Model.Q8_0.gguf"] = content
    return f"{site.url}/Tiny-Model.Q8_0.gguf"


def fetch(url, store, stop=None):
    return list(pulls.fetch(parse(url), store, stop or threading.Event()))


def start(url, store):
    return subprocess.Popen([sys.executable, "-c", PULL, store.folder, url], stdout=subprocess.PIPE, text=True)


def until_received(process, size):
    """Read what a pull in another process reports until it has received so many bytes."""
    for line in process.stdout:
        status, done, _ = line.split()
        if (status, int(done)) == ("downloading", size):
            return
    raise AssertionError(f"it ended before {size} bytes were there")


def break_off(url, store, site, size):
    """Leave the first ``size`` bytes behind, as a pull does that is stopped."""
    site.manners.holds = [size]
    stop = threading.Event()
    with pytest.raises(Stopped):
        for step in pulls.fetch(parse(url), store, stop):
            if step.status == "downloading" and step.done == size:
                stop.set()
    site.requests.clear()


def left(store):
    return sorted(path.name for path in store.folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_url(url, store, content):
    steps = fetch(url, store)
    assert [step.status for step in steps] == ["starting", *["downloading"] * (len(steps) - 3), "verifying", "complete"]
    assert steps[-1].model == "tiny-model.q8_0"
    assert steps[-1].done == steps[-1].total == len(content)
    model = store.find("tiny-model.q8_0")
    assert model.path.name == "Tiny-Model.Q8_0.gguf"
    assert model.path.read_bytes() == content
    assert model.manifest.sha256 == hashlib.sha256(content).hexdigest()
    assert model.manifest.source == url
    assert left(store) == ["Tiny-Model.Q8_0.gguf", "model.json"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Große%20Maus.gguf", "Große Maus.gguf"),
        ("a%2F..%2Fb.gguf", "b.gguf"),
        ("a%5Cb%00%0A.gguf", "a-b--.gguf"),
        ("ü.gguf", "ü.gguf"),
    ],
)
def test_names_in_urls(site, store, content, path, name):
    site.files[f"/{quote(path, safe='%')}"] = content
    fetch(f"{site.url}/{path}", store)
    assert store.list()[0].path.name == name


def test_a_query_is_sent_and_not_written_down(url, site, store):
    fetch(f"{url}?key=secret#sha256={hashlib.sha256(site.files['/Tiny-Model.Q8_0.gguf']).hexdigest()}", store)
    assert store.list()[0].manifest.source == url
    assert fetch(f"{url}?key=other", store)[-1].status == "complete"
    assert len(site.downloads()) == 1


def test_a_second_pull_asks_nobody(url, site, store):
    fetch(url, store)
    assert [step.status for step in fetch(url, store)] == ["starting", "complete"]
    assert len(site.downloads()) == 1


def test_another_file_of_that_name_is_refused_and_nothing_is_lost(url, site, store, content):
    fetch(url, store)
    site.files["/other/tiny-model.Q8_0.gguf"] = content
    for other in (f"{site.url}/other/tiny-model.Q8_0.gguf", f"{url}#sha256={'0' * 64}"):
        with pytest.raises(PullFailed) as error:
            fetch(other, store)
        assert "llmspell model remove tiny-model.q8_0" in error.value.hint
        assert not error.value.retryable
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


# ── going on ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_killed_pull_is_gone_on_from(url, site, store, content):
    site.manners.holds = [MEGA]
    with start(url, store) as killed:
        until_received(killed, MEGA)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert store.list() == []
    site.requests.clear()
    steps = fetch(url, store)
    (request,) = site.downloads()
    assert (request.status, request.sent) == (206, len(content) - MEGA)
    assert request.headers["range"] == f"bytes={MEGA}-"
    assert next(step for step in steps if step.status == "downloading").done >= MEGA
    assert store.find("tiny-model.q8_0").path.read_bytes() == content
    assert left(store) == ["Tiny-Model.Q8_0.gguf", "model.json"]


def test_a_stopped_pull_keeps_what_came(url, site, store, content):
    break_off(url, store, site, MEGA)
    assert left(store) == ["Tiny-Model.Q8_0.gguf.part", "Tiny-Model.Q8_0.gguf.part.json"]
    fetch(url, store)
    assert [request.sent for request in site.downloads()] == [len(content) - MEGA]
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


def test_what_came_survives_other_pulls_and_goes_after_a_week(url, site, store, tmp_path):
    break_off(url, store, site, MEGA)
    with store.incoming("other"):
        pass
    assert left(store) == ["Tiny-Model.Q8_0.gguf.part", "Tiny-Model.Q8_0.gguf.part.json"]
    for part in store.folder.rglob("*.part*"):
        os.utime(part, (0, 0))
    with store.incoming("other"):
        assert left(store) == []


def test_nothing_is_written_by_a_connection_that_outlives_its_pull(url, site, store, content):
    break_off(url, store, site, MEGA)
    site.go_on.set()  # the first connection sends the rest now
    assert fetch(url, store)[-1].status == "complete"
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


@pytest.mark.parametrize(("ranges", "statuses"), [(True, [200]), ("any", [206, 200])])
def test_a_file_that_changed_comes_from_the_beginning(url, site, store, content, ranges, statuses, at_once):
    break_off(url, store, site, MEGA)
    site.manners.ranges = ranges
    changed = site.files["/Tiny-Model.Q8_0.gguf"] = content[:-MEGA] + bytes(MEGA)
    fetch(url, store)
    assert [request.status for request in site.downloads()] == statuses
    assert store.find("tiny-model.q8_0").path.read_bytes() == changed


def test_a_page_in_place_of_the_file_costs_nothing_of_what_came(url, site, store, content):
    break_off(url, store, site, MEGA)
    site.files["/Tiny-Model.Q8_0.gguf"] = b"<html>this network wants a login</html>" * 100
    with pytest.raises(PullFailed):
        fetch(url, store)
    site.files["/Tiny-Model.Q8_0.gguf"] = content
    site.requests.clear()
    fetch(url, store)
    assert [request.sent for request in site.downloads()] == [len(content) - MEGA]


def test_a_file_that_became_shorter(url, site, store, content, at_once):
    break_off(url, store, site, 2 * MEGA)
    site.manners.ranges = "any"
    changed = site.files["/Tiny-Model.Q8_0.gguf"] = content[:MEGA]
    fetch(url, store)
    assert [request.status for request in site.downloads()] == [416, 200]
    assert store.find("tiny-model.q8_0").path.read_bytes() == changed


def test_the_same_name_elsewhere_is_another_file(url, site, store, content):
    site.manners.tags = '"1"'
    break_off(url, store, site, MEGA)
    other = site.files["/other/Tiny-Model.Q8_0.gguf"] = content[:4] + bytes(MEGA) + content[4 + MEGA :]
    fetch(f"{site.url}/other/Tiny-Model.Q8_0.gguf", store)
    assert store.find("tiny-model.q8_0").path.read_bytes() == other


@pytest.mark.parametrize("manners", [{"ranges": False}, {"tags": False}])
def test_without_ranges_or_tags_it_begins_anew(url, site, store, content, manners):
    site.manners = dataclasses.replace(site.manners, **manners)
    break_off(url, store, site, MEGA)
    fetch(url, store)
    assert [request.sent for request in site.downloads()] == [len(content)]
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


@pytest.mark.parametrize("tags", [False, '"another edge of the network"'])
def test_a_known_checksum_is_enough_to_go_on(url, site, store, content, tags):
    checked = f"{url}#sha256={hashlib.sha256(content).hexdigest()}"
    break_off(checked, store, site, MEGA)
    site.manners.tags = tags
    fetch(checked, store)
    assert [request.sent for request in site.downloads()] == [len(content) - MEGA]


def test_a_part_that_is_whole_needs_no_connection(url, site, store, content):
    checked = f"{url}#sha256={hashlib.sha256(content).hexdigest()}"
    break_off(checked, store, site, MEGA)
    (part,) = store.folder.rglob("*.part")
    part.write_bytes(content)
    fetch(checked, store)
    assert site.downloads() == []
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


# ── connections that fail ─────────────────────────────────────────────────────────────────────────────────────────


def test_cut_connections_are_taken_up_again(url, site, store, content, at_once):
    site.manners.cuts = [100_000] * 20  # more often than tries without progress are allowed
    fetch(url, store)
    assert sum(request.sent for request in site.downloads()) == len(content)
    assert [request.status for request in site.downloads()] == [200, *[206] * 20]
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


@pytest.mark.parametrize("manners", [{"ranges": False}, {"lengths": False, "chunked": True, "ranges": False}])
def test_a_server_that_always_cuts_at_the_same_place_is_given_up(url, site, store, at_once, manners):
    site.manners = dataclasses.replace(site.manners, cuts=[100_000] * 20, **manners)
    with pytest.raises(PullFailed) as error:
        fetch(url, store)
    assert "the connection was cut" in error.value.message
    assert len(site.downloads()) == 5  # one that brought something, and four that brought nothing new
    assert error.value.retryable
    assert "gone on from" in error.value.hint


def test_a_server_that_sends_another_part_is_asked_anew(url, site, store, content, at_once):
    site.manners.cuts, site.manners.ranges = [MEGA], "wrong"
    fetch(url, store)
    assert [request.status for request in site.downloads()] == [200, 206, 200]
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


def test_a_server_that_is_busy_is_asked_again(url, site, store, at_once):
    site.manners.refusals = [(503, {}), (429, {"Retry-After": "0"})]
    assert fetch(url, store)[-1].status == "complete"


def test_a_server_that_stays_broken(url, site, store, at_once):
    site.manners.refusals = [(500, {})] * 20
    with pytest.raises(PullFailed) as error:
        fetch(url, store)
    assert "HTTP 500" in error.value.message
    assert len(site.downloads()) == 5
    assert left(store) == []


def test_a_stall(url, site, store, at_once, monkeypatch):
    monkeypatch.setattr(connection, "STALL_SECONDS", 0.2)
    site.manners.holds = [MEGA, 0]
    with pytest.raises(PullFailed) as error:
        fetch(url, store)
    assert "no byte came" in error.value.message
    assert [request.headers.get("range") for request in site.downloads()] == [None, f"bytes={MEGA}-"]
    assert "1 MB are here" in error.value.hint


def test_nobody_there(nobody, store):
    with pytest.raises(PullFailed) as error:
        fetch(f"{nobody}/model.gguf", store)
    assert "refused" in error.value.message
    assert "127.0.0.1" in error.value.hint
    assert left(store) == []


def test_a_host_that_is_unknown(store, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(PullFailed) as error:
        fetch("https://models.invalid/model.gguf", store)
    assert "models.invalid" in error.value.hint


@pytest.mark.parametrize(("status", "said"), [(401, "a login"), (403, "may not"), (404, "no such file"), (418, "418")])
def test_refusals(url, site, store, status, said):
    site.manners.refusals = [(status, {})]
    with pytest.raises(PullFailed) as error:
        fetch(f"{url}?key=secret", store)
    assert said in error.value.message and f"HTTP {status}" in error.value.message
    assert "secret" not in error.value.message + error.value.hint
    assert not error.value.retryable
    assert left(store) == []


def test_a_certificate_must_be_trusted(url, site, store, content, tmp_path, monkeypatch):
    if not shutil.which("openssl"):
        pytest.skip("making a certificate needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    making = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    making += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run(making, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    secure = url.replace("http://127.0.0.1", "https://localhost")
    connection._certificates.cache_clear()
    with pytest.raises(PullFailed) as error:
        fetch(secure, store)
    assert "certificate is not trusted" in error.value.message
    assert "SSL_CERT_FILE" in error.value.hint
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connection._certificates.cache_clear()
    assert fetch(secure, store)[-1].status == "complete"
    connection._certificates.cache_clear()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(url, site, store, content, status):
    site.redirected = status
    site.redirects["/latest.gguf"] = url
    fetch(f"{site.url}/latest.gguf", store)
    assert store.find("latest").path.read_bytes() == content


# ── files that are not what they should be ────────────────────────────────────────────────────────────────────────


def test_a_wrong_checksum_deletes_what_came(url, store, content):
    with pytest.raises(PullFailed) as error:
        fetch(f"{url}#sha256={'ab' * 32}", store)
    assert "ab" * 32 in error.value.message
    assert hashlib.sha256(content).hexdigest() in error.value.message
    assert left(store) == []


def test_damage_in_what_was_gone_on_from_is_found(url, site, store, content):
    checked = f"{url}#sha256={hashlib.sha256(content).hexdigest()}"
    break_off(checked, store, site, MEGA)
    (part,) = store.folder.rglob("*.part")
    part.write_bytes(content[: MEGA - 1] + bytes([content[MEGA - 1] ^ 1]))
    with pytest.raises(PullFailed):
        fetch(checked, store)
    assert left(store) == []
    assert fetch(checked, store)[-1].status == "complete"


@pytest.mark.parametrize("body", [b"<html>please log in</html>" * 100_000, b"GG", b""])
def test_what_is_no_gguf_file_is_refused_by_its_first_bytes(site, store, body):
    site.files["/page.gguf"] = body
    site.manners.holds = [100_000]
    with pytest.raises(PullFailed) as error:
        fetch(f"{site.url}/page.gguf", store)
    assert "no GGUF file" in error.value.message
    assert left(store) == []


def test_a_file_without_a_length_comes_in_chunks(url, site, store, content):
    site.manners.lengths, site.manners.chunked = False, True
    steps = fetch(url, store)
    assert steps[0].total is None
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


def test_a_file_whose_end_nobody_marks_needs_a_checksum(url, site, store, content):
    site.manners.lengths = False
    with pytest.raises(PullFailed) as error:
        fetch(url, store)
    assert "#sha256=" in error.value.hint
    assert fetch(f"{url}#sha256={hashlib.sha256(content).hexdigest()}", store)[-1].status == "complete"


def test_one_part_of_a_split_model_is_refused(site, store):
    with pytest.raises(PullFailed) as error:
        fetch(f"{site.url}/big-00001-of-00003.gguf", store)
    assert "the path of the first" in error.value.hint


# ── disks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_disk():
    """A disk of two megabytes, outside of what pytest tidies up, which stumbles over one that was left mounted."""
    folder = Path(tempfile.mkdtemp(prefix="llmspell-disk-"))
    mounting = ["mount", "-t", "tmpfs", "-o", "size=2000k", "tmpfs", folder]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(mounting, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("only root may mount a small disk here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)  # a connection left alone has its file open
    folder.rmdir()


def test_space_is_looked_for_before_anything_comes(url, site, small_disk):
    store = Store(small_disk / "models")
    with pytest.raises(PullFailed) as error:
        fetch(url, store)
    assert "needs 3 MB" in error.value.message
    assert "LLMSPELL_HOME" in error.value.hint
    assert left(store) == []


def test_what_is_here_already_needs_no_space(url, site, small_disk, content):
    site.files["/Tiny-Model.Q8_0.gguf"] = content[: int(1.5 * MEGA)]
    store = Store(small_disk / "models")
    break_off(url, store, site, MEGA)
    assert fetch(url, store)[-1].status == "complete"


def test_a_disk_that_fills_up(url, site, small_disk, content):
    site.manners.lengths, site.manners.chunked = False, True  # so that nobody knows beforehand
    store = Store(small_disk / "models")
    with pytest.raises(PullFailed) as error:
        fetch(url, store)
    assert "disk filled up" in error.value.message
    assert store.list() == []
    (part,) = store.folder.rglob("*.part")
    assert MEGA < part.stat().st_size < 2_048_000
    assert content.startswith(part.read_bytes())


# ── two at once, and stopping ─────────────────────────────────────────────────────────────────────────────────────


def test_two_processes_pull_once_and_both_show_it(url, site, store, content):
    site.manners.holds = [MEGA]
    with contextlib.ExitStack() as running:
        first = running.enter_context(start(url, store))
        until_received(first, MEGA)
        second = running.enter_context(start(url, store))
        until_received(second, MEGA)
        site.go_on.set()
        assert (
            first.stdout.readlines()[-1]
            == second.stdout.readlines()[-1]
            == f"complete {len(content)} tiny-model.q8_0\n"
        )
    assert first.returncode == second.returncode == 0
    assert len(site.downloads()) == 1
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


def test_the_second_takes_over_from_a_first_that_dies(url, site, store, content):
    site.manners.holds = [MEGA]
    with contextlib.ExitStack() as running:
        first = running.enter_context(start(url, store))
        until_received(first, MEGA)
        second = running.enter_context(start(url, store))
        until_received(second, MEGA)
        first.kill()
        assert second.stdout.readlines()[-1].startswith("complete")
    assert [request.sent for request in site.downloads()][1:] == [len(content) - MEGA]
    assert store.find("tiny-model.q8_0").path.read_bytes() == content


def test_one_that_waits_can_be_stopped(url, site, store):
    stop = threading.Event()
    with store.incoming("tiny-model.q8_0"), pytest.raises(Stopped):
        for step in pulls.fetch(parse(url), store, stop):
            if step.status == "downloading":
                stop.set()
    assert site.requests == []


def test_leaving_the_generator_keeps_what_came(url, site, store):
    site.manners.holds = [MEGA]
    steps = pulls.fetch(parse(url), store, threading.Event())
    assert any(step.done == MEGA for step in steps)
    steps.close()
    assert left(store) == ["Tiny-Model.Q8_0.gguf.part", "Tiny-Model.Q8_0.gguf.part.json"]
    with store.incoming("tiny-model.q8_0"):
        pass
