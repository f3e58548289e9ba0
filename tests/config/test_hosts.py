"""Which hosts are granted, and at which addresses."""

import pytest

from llmspell.config.hosts import is_public
from llmspell.config.sandbox import Grants
from llmspell.errors import InvalidRequest, SandboxError


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("example.org", "https://example.org/page"),
        ("example.org", "http://EXAMPLE.org.:8080/"),
        ("Example.ORG", "https://user:word@example.org"),
        ("example.org:8080", "http://example.org:8080"),
        ("example.org:443", "https://example.org"),
        ("*.example.org", "https://a.b.example.org"),
        ("*", "https://anything.example"),
        ("münchen.example", "https://xn--mnchen-3ya.example"),
        ("xn--mnchen-3ya.example", "https://münchen.example"),
        ("::1", "http://[::1]:9"),
        ("[::1]:9", "http://[::1]:9"),
        ("192.0.2.1:80", "http://192.0.2.1"),
    ],
)
def test_what_an_entry_grants(entry, url):
    assert not Grants(hosts=[entry]).host(url).private
    assert Grants(private_hosts=[entry]).host(url).private


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("example.org", "https://www.example.org"),
        ("example.org", "https://example.org.evil.example"),
        ("example.org", "https://example.org@evil.example"),
        ("example.org", "https://evilexample.org"),
        ("*.example.org", "https://example.org"),
        ("*.example.org", "https://evil-example.org"),
        ("example.org:8080", "https://example.org"),
        ("example.org:80", "https://example.org"),
        ("127.0.0.1", "http://2130706433"),
        ("", "https://example.org"),
    ],
)
def test_what_it_does_not(entry, url):
    with pytest.raises(SandboxError) as denied:
        Grants(hosts=[entry], private_hosts=[entry]).host(url)
    assert "`[sandbox] hosts`" in denied.value.hint and "--allow-host " in denied.value.hint


@pytest.mark.parametrize(
    "url", ["example.org", "file:///etc/passwd", "ftp://example.org", "http://", "http://a:b", "http://[::1", "", "//x"]
)
def test_what_is_no_url_of_a_web_server(url):
    with pytest.raises(InvalidRequest):
        Grants(hosts=["*"], private_hosts=["*"]).host(url)


PRIVATE = [
    *(
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
    ),
    *("224.0.0.1", "255.255.255.255", "192.0.2.1", "240.0.0.1", "168.63.129.16", "198.18.0.1"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::7f00:1"),
    "2001:0:0:0:0:0:80ff:fffe",  # Teredo's way to 127.0.0.1
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_this_machine_and_its_network(address):
    assert not is_public(address)
    host = Grants(hosts=["example.org"]).host("https://example.org")
    with pytest.raises(SandboxError) as denied:
        host.admit(address)
    assert address in denied.value.message
    assert denied.value.hint == (
        'add "example.org:443" to `[sandbox] private_hosts` in llmspell.toml, '
        "or run with --allow-private-host example.org:443"
    )


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_of_the_internet(address):
    assert is_public(address)
    Grants(hosts=["example.org"]).host("https://example.org").admit(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "fd00::1"])
def test_a_private_host_may_have_a_private_address(address):
    Grants(private_hosts=["box.local"]).host("http://box.local").admit(address)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "::ffff:169.254.169.254"]
)
def test_where_clouds_keep_secrets_only_the_address_itself_is_a_grant(address):
    with pytest.raises(SandboxError):
        Grants(private_hosts=["*"]).host("http://box.local").admit(address)
    written = f"[{address}]" if ":" in address else address
    with pytest.raises(SandboxError):
        Grants(hosts=["*"], private_hosts=["*"]).host(f"http://{written}").admit(address)
    Grants(private_hosts=[address]).host(f"http://{written}").admit(address)
