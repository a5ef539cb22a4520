"""What the environment of the process says about connections: its proxies, and the certificates that are trusted.

httpx reads the same variables, but an unusable one raises where a client is made, without its name, and `NO_PROXY`
knows no ranges. Values are never quoted: a proxy's URL may have a password.
"""

from __future__ import annotations

import os
import re
import ssl
import stat
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._model.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMES: Final = ("http", "https", "socks5", "socks5h")
"""The schemes of proxies that can be used."""


@dataclass(frozen=True, slots=True)
class Direct:
    """Requests go to Roark itself."""


@dataclass(frozen=True, slots=True)
class Proxied:
    """Requests go through a proxy.

    Attributes:
        url: Its URL, which may have a password.
        variable: The variable that names it.
    """

    url: str = field(repr=False)
    variable: str

    @property
    def shown(self) -> str:
        """Scheme, host and port of the URL, without user and password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


Route: TypeAlias = "Direct | Proxied"


def route_to(url: str) -> Route:
    """Returns the way that requests to a URL take. Those to this machine never leave it.

    Raises:
        Misconfigured: if the proxy's URL cannot be used.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    known = getproxies()
    if is_loopback(host) or proxy_bypass(host) or _is_exempt(known.get("no", ""), parts.scheme, host, port):
        return Direct()
    for scheme in (parts.scheme, "all"):
        if proxy := known.get(scheme, "").strip():
            return _proxied(proxy if "://" in proxy else f"http://{proxy}", _variable_of(scheme))
    return Direct()


def _proxied(url: str, variable: str) -> Proxied:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0 and url.isprintable() and " " not in url
        # A password with one of these in it, unquoted, would end the host's name within the password.
        is_whole = is_whole and parts.path in {"", "/"} and not re.search(r"[?#\\]", url)
    except ValueError:
        parts, is_whole = urlsplit(""), False
    if not is_whole:
        raise Misconfigured(variable, "is not the URL of a proxy, such as http://proxy.example.com:3128")
    if parts.scheme not in SCHEMES:
        raise Misconfigured(variable, f"has a scheme that no proxy of ours has: use one of {', '.join(SCHEMES)}")
    return Proxied(url, variable)


def _variable_of(scheme: str) -> str:
    """Returns the name of the variable that `getproxies` has read; a name in small letters wins."""
    wanted = f"{scheme}_proxy"
    names = [name for name, value in os.environ.items() if name.lower() == wanted and value]
    return wanted if wanted in names else next(iter(names), "the proxy of the system's settings")


def _is_exempt(no_proxy: str, scheme: str, host: str, port: int) -> bool:
    return any(_matches(entry, scheme, host, port) for entry in re.split(r"[,\s]+", no_proxy.lower()) if entry)


def _matches(entry: str, scheme: str, host: str, port: int) -> bool:
    """Returns whether an entry of NO_PROXY is about a host: a name, an address or a range, with or without a port."""
    wanted_scheme, _, rest = entry.rpartition("://")
    if wanted_scheme not in {"", "all", scheme}:
        return False
    with_port = re.fullmatch(r"\[(.+)\]:(\d+)|([^:]+):(\d+)", rest)
    if with_port is not None:
        if int(with_port[2] or with_port[4]) != port:
            return False
        rest = with_port[1] or with_port[3]
    try:
        network = ip_network(rest.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        name = rest.removeprefix("*").strip(".")
        return rest == "*" or host == name or fnmatchcase(host.rstrip("."), f"*.{name}") or fnmatchcase(host, rest)
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address) in network


def trusted(default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Returns what a connection trusts: the certificates of `SSL_CERT_FILE` or `SSL_CERT_DIR`, else the default.

    Args:
        default: Makes the context of an environment that has neither.

    Raises:
        Misconfigured: if the certificates cannot be read.
    """
    file, folder = os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")
    _check_key_log(os.environ.get("SSLKEYLOGFILE", ""))
    try:
        if file:
            _check_is_file(file)
            return ssl.create_default_context(cafile=file)
        if folder:
            if not any(os.path.isdir(one) for one in folder.split(os.pathsep)):  # noqa: PTH112 - as OpenSSL reads it
                raise NotADirectoryError
            return ssl.create_default_context(capath=folder)
        return default()
    except ssl.SSLError:
        raise Misconfigured("SSL_CERT_FILE", "names a file without certificates: correct or unset it") from None
    except (OSError, ValueError) as fault:
        why = type(fault).__name__
        if file or folder:
            variable = "SSL_CERT_FILE" if file else "SSL_CERT_DIR"
            raise Misconfigured(variable, f"names something that cannot be read ({why}): correct or unset it") from None
        reason = f"is not set, and the certificates of certifi cannot be read ({why}): set it"
        raise Misconfigured("SSL_CERT_FILE", reason) from None


def _check_is_file(path: str) -> None:
    """Raises an OSError if OpenSSL could not read a file, or would wait for one that is a pipe."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - as it is spelled
        raise IsADirectoryError
    with open(path, "rb"):  # noqa: PTH123
        pass


def _check_key_log(path: str) -> None:
    """Raises if `SSLKEYLOGFILE`, to which Python has OpenSSL write the keys of connections, cannot be written."""
    if not path:
        return
    try:
        if stat.S_ISFIFO(os.stat(path).st_mode):  # noqa: PTH116
            raise Misconfigured("SSLKEYLOGFILE", "names a pipe, which may never be read: unset it")
    except (OSError, ValueError):
        pass  # a file that does not exist yet
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = path
    except (OSError, ValueError) as fault:
        reason = f"names a file that cannot be written ({type(fault).__name__}): correct or unset it"
        raise Misconfigured("SSLKEYLOGFILE", reason) from None
