"""A URL or keywords: what a client understands, and what it refuses before anything is sent."""

import pytest

from firebolt_like import Token
from firebolt_like.errors import ConfigurationError, InterfaceError
from firebolt_like.flight import AsyncFlightSQLClient, FlightSQLClient
from firebolt_like.flight.options import read_options
from firebolt_like.flight.target import Tls


def test_a_url_says_it_all():
    """User, password, options of the package and headers are read from a URL."""
    url = "grpc+tls://ada:p%40ss@example.com:443/sales?timeout=5&routing-tag=reports"
    read = read_options(url, {})
    assert (read.target.address, read.target.tls) == ("example.com:443", Tls())
    assert read.credentials.basic == ("ada", "p@ss")
    assert read.timeout == 5
    assert dict(read.metadata) == {"database": "sales", "routing-tag": "reports"}
    assert read.transport == "grpc"


def test_keywords_say_it_all():
    """Host and port do as well; without `insecure` the channel is encrypted."""
    read = read_options(None, {"host": "example.com", "port": 443, "token": "secret"})
    assert (read.target.uri, read.token) == ("grpc+tls://example.com:443", "secret")
    plain = read_options(None, {"host": "::1", "insecure": True})
    assert plain.target.uri == "grpc+tcp://[::1]:32010"


def test_a_keyword_counts_before_the_url():
    """What the program says overrides the URL."""
    read = read_options("grpc://example.com?timeout=5&a=1", {"timeout": 7, "metadata": {"A": "2"}})
    assert read.timeout == 7
    assert dict(read.metadata) == {"a": "2"}


def test_a_socket_has_a_path():
    """A server may listen on a path."""
    target = read_options("grpc+unix:///run/flight.sock", {}).target
    assert (target.address, target.uri) == ("unix:/run/flight.sock", "grpc+unix:///run/flight.sock")


def test_unchecked_certificates_go_by_pyarrow():
    """grpcio cannot skip the check, so the other transport is taken by itself."""
    url = "grpc+tls://example.com?disable_server_verification=true"
    assert read_options(url, {}).transport == "pyarrow"


@pytest.mark.parametrize(
    ("url", "keywords"),
    [
        (None, {}),
        ("http://example.com", {}),
        ("example.com:80", {}),
        ("grpc://example.com:99999", {}),
        ("grpc://example.com", {"host": "other"}),
        ("grpc://example.com", {"insecure": False}),
        ("grpc+tls://example.com?insecure=true", {}),
        ("grpc+tls://example.com?insecure=perhaps", {}),
        ("grpc://example.com", {"tls_root_certs": b"x"}),
        ("grpc+tls://example.com", {"tls_client_cert": b"x"}),
        ("grpc+tls://example.com", {"tls_root_certs": "/no/such/file.pem"}),
        ("grpc://example.com", {"transport": "carrier pigeon"}),
        ("grpc+tls://example.com", {"transport": "grpc", "disable_server_verification": True}),
        ("grpc://example.com", {"timeout": 0}),
        ("grpc://example.com", {"timeout": "soon"}),
        ("grpc://example.com", {"retry": 3}),
        ("grpc://example.com", {"user": "a", "token": "b"}),
        ("grpc://example.com", {"user": "a", "auth": Token("b")}),
        ("grpc://example.com", {"user": "a:b", "password": "c"}),
        ("grpc://example.com", {"auth": "a"}),
        ("grpc://example.com", {"token": "line\nend"}),
        ("grpc://example.com", {"metadata": {"a b": "c"}}),
        ("grpc://example.com", {"metadata": {"a": "line\nend"}}),
        ("grpc://example.com", {"metadata": {"grpc-timeout": "1"}}),
    ],
)
def test_what_cannot_be_meant(url, keywords):
    """Arguments that are missing, unknown or contradictory are refused at once."""
    for client in (FlightSQLClient, AsyncFlightSQLClient):
        with pytest.raises(ConfigurationError) as caught:
            client(url, **keywords)
        assert "line" not in str(caught.value)


def test_an_unknown_keyword():
    """A misspelt keyword is no header."""
    with pytest.raises(TypeError, match="tokn"):
        FlightSQLClient("grpc://example.com", tokn="x")


def test_no_secret_is_shown():
    """Neither a client's repr nor an error shows a password."""
    assert "secret" not in repr(FlightSQLClient("grpc://ada:secret@example.com"))
    with pytest.raises(InterfaceError) as caught:
        FlightSQLClient("http://ada:secret@example.com")
    assert "secret" not in str(caught.value)


def test_features_are_kept():
    """What is known of a server is there for who asks."""
    assert FlightSQLClient("grpc://example.com", features={"a": "b"}).features == {"a": "b"}
