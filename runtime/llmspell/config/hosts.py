"""Which hosts of the network a script's tools may reach, and at which addresses.

A name is checked before it is looked up, and the address that is connected to once it is known: a name that is granted
may stand for this machine or its neighbours, and may stand for another address the next time that it is looked up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import urlsplit

from llmspell.config.sandbox import how_to_grant
from llmspell.errors import InvalidRequest, SandboxError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = {"http": 80, "https": 443}
_IPV4_IN_IPV6 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: a gateway passes on to the address in the last 32 bits
_METADATA = [
    ipaddress.ip_network(network)
    for network in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")
]
"""Where clouds tell their machines, without a password, what nobody else may know. The last one looks public."""


class GrantedHost(NamedTuple):
    """A host that may be asked: ``name`` in lower case.

    It is ``private`` where its address may be one of this network, and ``exact`` where that is granted by its very
    name, not by a pattern.
    """

    scheme: str
    name: str
    port: int
    private: bool
    exact: bool

    def admit(self, address: str) -> None:
        """Let an address pass that the name stands for.

        Raises:
            SandboxError: it is one of this machine or its network, which `[sandbox] private_hosts` doesn't grant.
        """
        if self.exact and self.name == address:
            return
        if _keeps_secrets(address) if self.private else not is_public(address):
            entry = f"{address if self.private else self.name}:{self.port}"
            raise SandboxError(
                f"{self.name}: its address {address} is of this machine or its network, "
                "which the sandbox doesn't grant",
                hint=how_to_grant(entry, "private_hosts"),
            )


def granted_host(url: str, hosts: Iterable[str], private_hosts: Iterable[str]) -> GrantedHost:
    """The host of a URL, where one of the entries names it.

    Raises:
        SandboxError: none does.
        InvalidRequest: it isn't the URL of a web server.
    """
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidRequest(f"{url!r} is not a URL ({error})") from None
    if parts.scheme not in _PORTS or not name:
        raise InvalidRequest(f"{url!r} is not the URL of a web server", hint="write it whole: https://example.org/page")
    name, port = _plain(name), port or _PORTS[parts.scheme]
    by = [entry for entry in private_hosts if _names(entry, name, port)]
    if not by and not any(_names(entry, name, port) for entry in hosts):
        raise SandboxError(f"{name}: not granted by the sandbox", hint=how_to_grant(name, "hosts"))
    return GrantedHost(parts.scheme, name, port, bool(by), any("*" not in entry for entry in by))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the Internet, as far as its number tells."""
    found = _read(address)
    if isinstance(found, ipaddress.IPv6Address) and found.is_site_local:
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved and not _keeps_secrets(address)


def _keeps_secrets(address: str) -> bool:
    found = _read(address)
    return any(found.version == network.version and found in network for network in _METADATA)


def _read(address: str) -> Address:
    """An address; of one of IPv6 that leads to one of IPv4, the latter."""
    found: Address = ipaddress.ip_address(address.partition("%")[0])
    return _inner(found) or found if isinstance(found, ipaddress.IPv6Address) else found


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is reached by an IPv6 address, where one is."""
    if address in _IPV4_IN_IPV6:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])


def _names(entry: str, name: str, port: int) -> bool:
    """Whether an entry such as ``example.org``, ``*.example.org:8080`` or ``[::1]:80`` names a host."""
    pattern, colon, number = entry.rpartition(":")
    if not colon or not number.isdecimal() or (":" in pattern and not pattern.startswith("[")):
        pattern, number = entry, ""
    return fnmatchcase(name, _plain(pattern.strip("[]"))) and number in ("", str(port))


def _plain(name: str) -> str:
    """A host's name as it is compared: in lower case, as ASCII, without the dot at the end."""
    name = name.lower().rstrip(".")
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name
