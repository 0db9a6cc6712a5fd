"""Where a client talks to, and where its credentials log in.

What may live here: URLs, and the rule that derives one from another.
"""

import ipaddress
import re

import httpx

from firebolt_like.errors import ConfigurationError

__all__ = ["clean_endpoint", "identity_endpoint"]


def clean_endpoint(text: str, argument: str) -> str:
    """Give an endpoint as a URL with a scheme and without a slash at its end.

    `argument` names what the caller gave, for the error. Raises `ConfigurationError` for what is
    no http or https address, or holds credentials.

    >>> clean_endpoint("api.app.firebolt.io", "api_endpoint")
    'https://api.app.firebolt.io'
    >>> clean_endpoint("http://127.0.0.1:9000/", "api_endpoint")
    'http://127.0.0.1:9000'
    """
    wanted = f"{argument} must be a host name or an http(s) URL without user name or query"
    try:
        url = httpx.URL(text if "://" in text else f"https://{text}")
    except (httpx.InvalidURL, TypeError) as error:
        raise ConfigurationError(f"{wanted}; what was given is not a URL.") from error
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query:
        raise ConfigurationError(f"{wanted}.")
    # httpx writes blanks as %20 and takes any number for a port
    possible = url.port is None or 0 < url.port < 65536
    if not possible or re.search(r"[\s\\,]", text):
        raise ConfigurationError(f"{wanted}; this host or port cannot exist.")
    return str(url.copy_with(fragment=None)).rstrip("/")


def identity_endpoint(api_endpoint: str) -> str:
    """Give the endpoint where cloud accounts log in: the first DNS label becomes `id`.

    An address or a name of one label has no such sibling: there the API endpoint itself is asked.

    >>> identity_endpoint("https://api.app.firebolt.io")
    'https://id.app.firebolt.io'
    >>> identity_endpoint("http://127.0.0.1:9000")
    'http://127.0.0.1:9000'
    """
    url = httpx.URL(api_endpoint)
    _, dot, rest = url.host.partition(".")
    if not dot or _is_address(url.host):
        return api_endpoint
    return str(url.copy_with(host=f"id.{rest}")).rstrip("/")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
