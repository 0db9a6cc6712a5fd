"""What the parts of a URL mean, and that nobody sees its secrets."""

import hypothesis.strategies as st
import pytest
from hypothesis import given
from sqlalchemy import URL, create_engine, make_url

from firebolt_like.client.auth import ClientCredentials, Token, UsernamePassword
from firebolt_like.errors import ConfigurationError
from firebolt_like.sqlalchemy.url import connect_keywords

SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)


def keywords(url):
    return connect_keywords(make_url(url))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("firebolt_like://", {"dsn": "local:"}),
        ("firebolt_like:///data/x.duckdb", {"dsn": "local:///data/x.duckdb"}),
        ("firebolt_like:////data/x.duckdb", {"dsn": "local:///data/x.duckdb"}),
        ("firebolt_like:///C:/x.duckdb", {"dsn": "local://C:/x.duckdb"}),
        ("firebolt_like:///a b", {"dsn": "local:///a%20b"}),
        ("firebolt_like://?timeout=2.5", {"dsn": "local:", "timeout": 2.5}),
        (
            "firebolt_like://sales?url=http://localhost:3473",
            {"url": "http://localhost:3473", "database": "sales"},
        ),
        (
            "firebolt_like:///sales?url=http://localhost:3473",
            {"url": "http://localhost:3473", "database": "sales"},
        ),
        ("firebolt_like://?url=http://localhost:3473", {"url": "http://localhost:3473"}),
        ("firebolt_like://sales/night", {"database": "sales", "engine_name": "night"}),
        ("firebolt_like://localhost:80/db", {"host": "localhost:80", "database": "db"}),
        (
            "firebolt_like://my%20db?disable_cache=true",
            {"database": "my db", "disable_cache": True},
        ),
    ],
)
def test_each_form_of_url(url, expected):
    """The table of the page on SQLAlchemy says what each form reaches."""
    assert keywords(url) == expected


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("firebolt_like://id:secret@db/engine?account_name=a", ClientCredentials),
        ("firebolt_like://ada%40example.com:secret@db/engine", UsernamePassword),
        ("firebolt_like://:secret@db/engine", Token),
        ("firebolt_like://db/engine?token=secret", Token),
    ],
)
def test_credentials_become_the_auth_that_they_are_for(url, kind):
    """Ids, users and tokens log in by the class that is made for them."""
    found = keywords(url)
    assert type(found["auth"]) is kind
    assert (found["database"], found["engine_name"]) == ("db", "engine")


@given(identifier=SECRETS, secret=SECRETS)
def test_secrets_survive_any_characters(identifier, secret):
    """What is percent-encoded in a URL arrives as it was before."""
    url = URL.create("firebolt_like", identifier, secret, "db", database="engine")
    auth = keywords(url.render_as_string(hide_password=False))["auth"]
    assert (auth.principal, auth.secret) == (identifier, secret)


@pytest.mark.parametrize(
    "url",
    [
        "firebolt_like://id:s3cret@db/engine?account_name=a",
        "firebolt_like://:s3cret@db/engine",
        "firebolt_like://db/engine?token=s3cret",
    ],
)
def test_no_repr_shows_a_secret(url):
    """An engine's repr hides secrets wherever they stood, and its URL still holds them."""
    engine = create_engine(url)
    assert "s3cret" not in repr(engine) + repr(engine.url) + repr(connect_keywords(engine.url))
    assert "s3cret" in engine.url.render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("firebolt_like://?nonsense=1", "The URL's option 'nonsense' is not known"),
        ("firebolt_like://?timeout=soon", "'timeout' is a number"),
        ("firebolt_like://?disable_cache=soon", "'disable_cache' is true or false"),
        ("firebolt_like://?url=a&url=b", "'url' is given twice"),
        ("firebolt_like://id@db/engine", "a user and no secret"),
    ],
)
def test_what_is_not_understood_is_told(url, message):
    """A wrong URL raises ConfigurationError, which names the part."""
    with pytest.raises(ConfigurationError, match=message):
        keywords(url)
