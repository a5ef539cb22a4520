"""Distinguishes this machine from others. Apart from `formats`, because not every process needs addresses."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """Returns whether a host is this machine: `localhost`, or an address of 127.0.0.0/8 or ::1, mapped or not."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
