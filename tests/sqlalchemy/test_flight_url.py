"""What the parts of a URL of Flight SQL mean, and that nobody sees its secrets."""

import hypothesis.strategies as st
import pytest
from hypothesis import given
from sqlalchemy import URL, create_engine, make_url

from firebolt_like.client.auth import Token
from firebolt_like.errors import ConfigurationError
from firebolt_like.sqlalchemy.flight_url import FLIGHT_OPTIONS, flight_features, flight_keywords

USERS = st.text(st.characters(codec="utf-8", exclude_characters="\x00:"), min_size=1)
SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)


def keywords(rest):
    return flight_keywords(make_url(f"datafusion+flightsql://{rest}"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("example.com:443", {"dsn": "grpc+tls://example.com:443"}),
        ("example.com", {"dsn": "grpc+tls://example.com"}),
        ("[::1]:443", {"dsn": "grpc+tls://[::1]:443"}),
        ("localhost:50051?insecure=true", {"dsn": "grpc://localhost:50051"}),
        ("localhost:50051?insecure=false", {"dsn": "grpc+tls://localhost:50051"}),
        ("h:1/sales", {"dsn": "grpc+tls://h:1", "database": "sales"}),
        ("ada:secret@h:1", {"dsn": "grpc+tls://h:1", "auth": ("ada", "secret")}),
        ("ada@h:1", {"dsn": "grpc+tls://h:1", "auth": ("ada", "")}),
        (
            "h:1?disable_server_verification=true&timeout=2.5&transport=pyarrow",
            {
                "dsn": "grpc+tls://h:1",
                "disable_server_verification": True,
                "timeout": 2.5,
                "transport": "pyarrow",
            },
        ),
        (
            "h:1?bucket-name=b&database=d&user=x&feature-joins=false",
            {
                "dsn": "grpc+tls://h:1",
                "headers": {"bucket-name": "b", "database": "d", "user": "x"},
            },
        ),
    ],
)
def test_each_part_of_a_url(url, expected):
    """The table of the page on SQLAlchemy says what each part means; the rest goes as headers."""
    assert keywords(url) == expected


def test_features_are_for_the_dialect():
    """They are not sent."""
    url = make_url("datafusion+flightsql://h:1?feature-metadata-reflection=false&a=b")
    assert flight_features(url) == {"metadata-reflection": "false"}


@given(user=USERS, secret=SECRETS)
def test_secrets_survive_any_characters(user, secret):
    """What is percent-encoded in a URL arrives as it was before."""
    url = URL.create("datafusion+flightsql", user, secret, "h", 443)
    again = make_url(url.render_as_string(hide_password=False))
    assert flight_keywords(again)["auth"] == (user, secret)


@pytest.mark.parametrize("url", ["h:1?token=s3cr%2Ft%3D", ":s3cr%2Ft%3D@h:1"])
def test_a_token_is_a_bearer_token(url):
    """As an option, or in place of a user and a password."""
    auth = keywords(url)["auth"]
    assert type(auth) is Token
    assert auth.fetch_token().access_token == "s3cr/t="


@pytest.mark.parametrize("url", ["ada:s3cret@h:1", "h:1?token=s3cret", ":s3cret@h:1"])
def test_no_repr_shows_a_secret(url):
    """An engine's repr hides secrets wherever they stood, and its URL still holds them."""
    engine = create_engine(f"datafusion+flightsql://{url}")
    assert "s3cret" not in repr(engine) + repr(engine.url)
    assert "s3cret" in engine.url.render_as_string(hide_password=False)
    connects_with = engine.dialect.create_connect_args(engine.url)[1]
    assert "auth" in connects_with


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "has a host"),
        ("h?insecure=perhaps", "'insecure' is true or false"),
        ("h?timeout=soon", "'timeout' is a number"),
        ("h?a=1&a=2", "'a' is given twice"),
        ("ada:secret@h?token=t", "a token and a user"),
    ],
)
def test_what_is_not_understood_is_told(url, message):
    """A wrong URL raises ConfigurationError, which names the part."""
    with pytest.raises(ConfigurationError, match=message):
        keywords(url)


@pytest.mark.parametrize("option", FLIGHT_OPTIONS)
def test_no_option_of_the_table_is_sent(option):
    """What is for the client does not become a header."""
    value = {bool: "true", float: "1", str: "grpc"}[FLIGHT_OPTIONS[option].kind]
    assert "headers" not in keywords(f"h:1?{option}={value}")
