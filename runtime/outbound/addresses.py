"""Which network addresses flows may call: the public internet, and what the operator allowed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self, TypeAlias

from runtime.errors import OperatorError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# Written out because the `is_private` and `is_global` of the standard library differ between Python versions.
_REFUSED_V4 = {
    "0.0.0.0/8": "no address of a server",
    "10.0.0.0/8": "in a private network",
    "100.64.0.0/10": "in a provider's internal network",
    "127.0.0.0/8": "this machine itself",
    "168.63.129.16/32": "the metadata service of a cloud",
    "169.254.0.0/16": "link-local, where clouds keep their metadata",
    "172.16.0.0/12": "in a private network",
    "192.0.0.0/24": "reserved",
    "192.0.2.0/24": "reserved for documentation",
    "192.88.99.0/24": "reserved",
    "192.168.0.0/16": "in a private network",
    "198.18.0.0/15": "reserved for benchmarks",
    "198.51.100.0/24": "reserved for documentation",
    "203.0.113.0/24": "reserved for documentation",
    "224.0.0.0/4": "a multicast address",
    "240.0.0.0/4": "reserved",
}
# Only 2000::/3 is public at all, so that loopback, unique local, link-local and multicast need no entry.
_PUBLIC_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = {
    "2001::/23": "reserved (Teredo and others)",
    "2001:db8::/32": "reserved for documentation",
    "2002::/16": "a 6to4 tunnel",
    "3fff::/20": "reserved for documentation",
}
_NAT64 = IPv6Network("64:ff9b::/96")
_V4 = [(IPv4Network(network), reason) for network, reason in _REFUSED_V4.items()]
_V6 = [(IPv6Network(network), reason) for network, reason in _REFUSED_V6.items()]


def why_refused(address: Address) -> str:
    """What an address is when flows may not call it, to follow `is`; empty when it is public."""
    address = unwrap(address)
    if isinstance(address, IPv4Address):
        return next((reason for network, reason in _V4 if address in network), "")
    if address in _NAT64:
        return why_refused(IPv4Address(address.packed[-4:]))
    if address not in _PUBLIC_V6:
        return "this machine itself" if address.is_loopback else "not in the public part of IPv6"
    return next((reason for network, reason in _V6 if address in network), "")


def unwrap(address: Address) -> Address:
    """The IPv4 address inside `::ffff:a.b.c.d`, because that is what the machine really dials."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator lets flows call although it is not public; a port of None stands for every port."""

    names: frozenset[tuple[str, int | None]]
    networks: tuple[tuple[Network, int | None], ...]

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Read host names, addresses and CIDR ranges, each with or without `:port`; IPv6 with a port in brackets.

        Raises: OperatorError for an entry that is none of these.
        """
        names: set[tuple[str, int | None]] = set()
        networks: list[tuple[Network, int | None]] = []
        for entry in entries:
            if network := _network(entry):
                networks.append((network, None))
                continue
            parts = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^\s:@?#\[\]]+))(?::(\d{1,5}))?", entry)
            host = (parts[1] or parts[2]) if parts else ""
            port = int(parts[3]) if parts and parts[3] else None
            if network := _network(host):
                networks.append((network, port))
            elif host and "/" not in host and parts and parts[2]:
                names.add((_canonical(host), port))
            else:
                raise OperatorError(
                    f"{entry!r} is not a host, an address or a range",
                    "CANEVAS_ALLOWED_HOSTS",
                    "Write entries such as `intranet.example`, `10.0.0.0/8`, `127.0.0.1:8080` or `[::1]:8080`.",
                )
        return cls(frozenset(names), tuple(networks))

    def covers_name(self, host: str, port: int) -> bool:
        """Whether the host is allowed by its name, wherever that name leads."""
        name = host.lower().rstrip(".")
        return (name, None) in self.names or (name, port) in self.names

    def covers(self, address: Address, port: int) -> bool:
        """Whether the address lies in an allowed range."""
        address = unwrap(address)
        return any(
            only in (None, port) and network.version == address.version and address in network
            for network, only in self.networks
        )


def as_address(text: str) -> Address | None:
    """The address that a resolver gave, None when it is none."""
    try:
        return unwrap(ip_address(text))
    except ValueError:
        return None


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _canonical(host: str) -> str:
    import httpx2  # only for names of hosts: whoever allows none starts without it

    try:
        return httpx2.URL(f"http://{host}").raw_host.decode("ascii").lower().rstrip(".")
    except httpx2.InvalidURL as error:
        raise OperatorError(f"{host!r} is not a host name: {error}", "CANEVAS_ALLOWED_HOSTS", "Correct it.") from None
