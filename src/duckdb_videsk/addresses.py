"""The address of an API: what may be one, and its one spelling."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from duckdb_videsk.errors import ConfigError

__all__ = ["check_base_url", "is_local", "one_spelling"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


def check_base_url(url: str) -> None:
    """Raises ConfigError for what is no address, and for one that a token would travel to in plain sight."""
    if not _is_base_url(url):
        raise ConfigError("base_url has to look like https://api.videsk.io, without user, query or fragment.")
    if urlsplit(url).scheme == "http" and not is_local(url):
        raise ConfigError("base_url is plain http to another machine: the token would travel unencrypted. Use https.")


def _is_base_url(url: str) -> bool:
    if not url.isprintable() or set(url) & set(" \\%@?#"):
        return False
    try:
        parts, parsed = urlsplit(url), httpx.URL(url)
        # The look-up of a name raises what this codec raises; a wrong port shows where it is read.
        parsed.host.encode("idna")
        port, host = parts.port, parsed.raw_host
    except (ValueError, httpx.InvalidURL):
        return False
    return parts.scheme in {"http", "https"} and host != b"" and b"%" not in host and port != 0


def one_spelling(url: str) -> str:
    """The same for every way to write a base URL, since it names the account: no capitals, no port that goes without
    saying, no slash at the end."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    address = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{address}{port}{parts.path.rstrip('/')}"


def is_local(url: str) -> bool:
    """Whether a base URL is this machine's own."""
    return urlsplit(url).hostname in _LOCAL_HOSTS
