"""The session: what headers change, where requests go, and whom a token is shown to."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import ConfigurationError, DataError, ServerResponseError
from firebolt_like.protocol.session import (
    FIXED,
    TRANSACTION,
    Changes,
    Session,
    read_changes,
    trusts,
)

HOME = "https://sys.eu.example.com"


def parameters(session: Session, **more: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(session.target(**more)).query, keep_blank_values=True))


def changed(session: Session, *headers: tuple[str, str]) -> Session:
    changes = read_changes(headers)
    assert changes is not None
    return session.apply(changes)


def test_an_answer_without_session_headers_changes_nothing():
    """Most answers change nothing, and say so cheaply."""
    assert read_changes([("Content-Type", "x"), ("Firebolt-Protocol-Version", "2.4")]) is None


@pytest.mark.parametrize(
    "headers",
    [
        [("Firebolt-Update-Parameters", "database=a,engine=b,x=1")],
        [("Firebolt-Update-Parameters", " database = a , engine=b,, x=1, nonsense,=y")],
        [("firebolt-update-parameters", pair) for pair in ("database=a", "engine=b", "x=1")],
        [("FIREBOLT-UPDATE-PARAMETERS", pair) for pair in ("database=a,engine=b", "x=1")],
    ],
)
def test_both_forms_of_the_update_header_are_read(headers):
    """A comma list, the header repeated, and any mixture give the same parameters."""
    session = changed(Session.at(HOME), *headers)
    assert parameters(session) == {"database": "a", "engine": "b", "x": "1"}


def test_a_value_may_hold_equals_signs():
    """A pair is split at its first `=` only."""
    changes = read_changes([("Firebolt-Update-Parameters", "token=a=b==,empty=")])
    assert changes == Changes(update={"token": "a=b==", "empty": ""})


def test_a_reset_forgets_settings_and_keeps_the_connection():
    """Database, engine, account and format survive a reset; what SET set does not."""
    session = Session.at(HOME, database="d", engine="e", account_id="7", output_format="f")
    session = changed(session.with_setting("a", "1"), ("Firebolt-Update-Parameters", "b=2"))
    assert {"a", "b"} <= parameters(session).keys()
    session = changed(session, ("Firebolt-Reset-Session", "true"))
    assert parameters(session).keys() == set(FIXED)


def test_an_empty_reset_header_resets_nothing():
    """Only a non-empty value means a reset."""
    session = Session.at(HOME).with_setting("a", "1")
    assert changed(session, ("Firebolt-Reset-Session", " ")) == session


@pytest.mark.parametrize("names", [["a,database"], [" a ", "database"], ["a", "", "database,"]])
def test_names_are_removed(names):
    """Names leave settings and the connection's parameters, in both forms of the header."""
    session = Session.at(HOME, database="d", engine="e").with_setting("a", "1")
    session = changed(session, *(("Firebolt-Remove-Parameters", name) for name in names))
    assert parameters(session) == {"engine": "e"}


def test_headers_apply_in_one_order():
    """Endpoint, then reset, then updates, then removals, whatever the order of the headers."""
    headers = [
        ("Firebolt-Remove-Parameters", "b"),
        ("Firebolt-Update-Parameters", "a=new,b=new,engine=two"),
        ("Firebolt-Reset-Session", "1"),
        ("Firebolt-Update-Endpoint", "eng.eu.example.com?engine=one&account_id=7"),
    ]
    before = Session.at(HOME).with_setting("old", "1")
    for order in (headers, headers[::-1]):
        session = changed(before, *order)
        assert parameters(session) == {"engine": "two", "account_id": "7", "a": "new"}
        assert session.url == "https://eng.eu.example.com/"


def test_a_transaction_is_kept_apart_from_the_session():
    """Its ids are shared by the cursors of a connection, and are no cursor's settings."""
    begun = read_changes(
        [("Firebolt-Update-Parameters", f"{TRANSACTION[0]}=t1,{TRANSACTION[1]}=1")]
    )
    open_ids = begun.transaction({})
    assert open_ids == {"transaction_id": "t1", "transaction_sequence_id": "1"}
    assert Session.at(HOME).apply(begun) == Session.at(HOME)
    later = read_changes([("Firebolt-Update-Parameters", f"{TRANSACTION[1]}=2,x=1")])
    assert later.transaction(open_ids) == {"transaction_id": "t1", "transaction_sequence_id": "2"}
    ended = read_changes([("Firebolt-Remove-Parameters", ",".join(TRANSACTION))])
    assert ended.transaction(open_ids) == {}
    assert Changes(reset=True).transaction(open_ids) == {}
    assert Changes().transaction(open_ids) == open_ids
    both = Changes(update={"transaction_id": "t2"}, remove=frozenset(TRANSACTION))
    assert both.transaction(open_ids) == {}


@pytest.mark.parametrize("name", [*FIXED, *TRANSACTION, "Database", "OUTPUT_FORMAT"])
def test_what_belongs_to_the_connection_is_not_set(name):
    """SET cannot move a cursor to another database behind the connection's back."""
    with pytest.raises(ConfigurationError, match=name):
        Session.at(HOME).with_setting(name, "x")


def test_settings_are_forgotten_together():
    """Flushing keeps the connection's own parameters."""
    session = Session.at(HOME, database="d").with_setting("a", "1").with_setting("b", "2")
    assert parameters(session) == {"database": "d", "a": "1", "b": "2"}
    assert session.without_settings() == Session.at(HOME, database="d")


def test_a_session_is_not_changed_in_place():
    """Whoever holds a session keeps what it had."""
    session = Session.at(HOME, database="d")
    session.with_setting("a", "1")
    changed(session, ("Firebolt-Update-Parameters", "database=e,x=1"))
    assert session == Session.at(HOME, database="d")


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_any_value_survives_the_query_string(values):
    """Parameters are percent-encoded, so that no value is taken for another parameter."""
    session = Session.at(f"{HOME}/query?account_id=7")
    for name, value in values.items():
        if name.lower() not in (*FIXED, *TRANSACTION):
            session = session.with_setting(name, value)
    target = session.target(query_parameters='[{"name": "$1"}]')
    assert target.isascii()
    assert not {" ", "'", '"', "<", "\n"} & set(target)
    found = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    expected = {"account_id": "7", **session.settings, "query_parameters": '[{"name": "$1"}]'}
    assert found == expected


def test_parameters_that_no_url_holds_are_refused():
    """What is too long is named, its length too, and what to do; nothing was sent."""
    session = Session.at("https://host", database="db")
    assert session.target(a="x" * 50_000)
    with pytest.raises(DataError, match=r"60017 characters.*'query_parameters'") as caught:
        session.target(query_parameters="x" * 59_988)
    assert "`?`" in caught.value.hint


def test_a_value_that_is_no_text_is_a_clear_error():
    """A lone surrogate cannot be sent; the parameter that holds it is named."""
    session = Session.at(HOME).with_setting("fine", "x").with_setting("label", "a\udcff")
    with pytest.raises(DataError, match="label"):
        session.target()


def test_a_blank_is_not_a_plus_sign():
    """Engines that do not read `+` as a blank understand the query string."""
    assert Session.at(HOME, database="a b+c/d&e").target().endswith("?database=a%20b%2Bc%2Fd%26e")


def test_parameters_of_one_request_win_and_are_not_kept():
    """What is sent with one request leaves no trace."""
    session = Session.at(HOME, output_format="a")
    assert parameters(session, output_format="b") == {"output_format": "b"}
    assert parameters(session) == {"output_format": "a"}


@pytest.mark.parametrize(
    ("url", "address", "found"),
    [
        ("https://a.example.com", "https://a.example.com/", {}),
        ("https://a.example.com/query", "https://a.example.com/query", {}),
        ("http://127.0.0.1:3473/?x=1&y=", "http://127.0.0.1:3473/", {"x": "1", "y": ""}),
        ("https://a.example.com?x=a%20b#top", "https://a.example.com/", {"x": "a b"}),
        ("http://[::1]:3473/", "http://[::1]:3473/", {}),
    ],
)
def test_a_url_is_taken_apart(url, address, found):
    """The query string of the URL that a session starts at goes with every request."""
    session = Session.at(url, database=None)
    assert (session.url, session.home, parameters(session)) == (address, address, found)


@pytest.mark.parametrize(
    "url",
    ["https://", "nothing", "https://a:b", "https://a:99999", "https://[::1", "https://u:hidden@a"],
)
def test_what_is_not_a_url_is_a_clear_error(url):
    """The message says what to check, and does not repeat a password."""
    with pytest.raises(ConfigurationError, match="address") as caught:
        Session.at(url)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("eng.eu.example.com", "https://eng.eu.example.com/"),
        ("eng.eu.example.com?engine=e", "https://eng.eu.example.com/"),
        ("eng.eu.example.com:8443/run?engine=e", "https://eng.eu.example.com:8443/run"),
        ("https://eng.eu.example.com:8443/run?engine=e", "https://eng.eu.example.com:8443/run"),
        ("HTTPS://ENG.EU.EXAMPLE.COM", "https://ENG.EU.EXAMPLE.COM/"),
        ("eng.eu.example.com?back=http://x.example", "https://eng.eu.example.com/"),
        ("a.b.eu.example.com.", "https://a.b.eu.example.com./"),
        ("sys.eu.example.com:444", "https://sys.eu.example.com:444/"),
    ],
)
def test_an_endpoint_of_the_same_domain_is_followed(endpoint, url):
    """Scheme, port, path and query of the header are kept; a scheme may be missing."""
    session = changed(Session.at(HOME, database="d"), ("Firebolt-Update-Endpoint", endpoint))
    assert session.url == url
    assert session.home == f"{HOME}/"
    assert parameters(session)["database"] == "d"
    assert parameters(session).get("engine") == ("e" if "engine=e" in endpoint else None)


def test_an_endpoint_without_scheme_has_the_servers_own():
    """A server on loopback without TLS may move a session to another port."""
    session = changed(
        Session.at("http://127.0.0.1:3473"),
        ("Firebolt-Update-Endpoint", "127.0.0.1:3474/q?engine=e"),
    )
    assert session.target() == "http://127.0.0.1:3474/q?engine=e"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.net",
        "evil.net?engine=e",
        "https://sys.eu.example.com@evil.net",
        "https://sys.eu.example.com:x@evil.net",
        "https://user@sys.eu.example.com",
        "https://sys.eu.example.com.evil.net",
        "https://evil-eu.example.com",
        "https://eueu.example.com",
        "https://eu.example.com",
        "https://example.com",
        "https://other.us.example.com",
        "http://eng.eu.example.com",
        "ftp://eng.eu.example.com",
        "https://evil.net\\.eu.example.com",
        "https://evil.net\\@sys.eu.example.com",
        "https://evil.net#.eu.example.com",
        "https://evil.net/.eu.example.com",
        "https://evil.net?.eu.example.com",
        "//evil.net",
        "https:///evil.net",
        "https://",
        "https://eng.eu.example.com:port",
        "https://eng.eu.example.com,evil.net",
        "https://evil.net,eng.eu.example.com",
        "https://[::1",
        "https://10.0.0.1",
        "javascript:alert(1)",
    ],
)
def test_a_token_does_not_follow_to_a_foreign_host(endpoint):
    """An endpoint outside of the domain, without TLS, or written to deceive is refused."""
    session = Session.at(HOME)
    with pytest.raises(ServerResponseError, match=r"sys\.eu\.example\.com"):
        changed(session, ("Firebolt-Update-Endpoint", endpoint))


@pytest.mark.parametrize(
    ("home", "url", "trusted"),
    [
        ("http://localhost:1", "http://localhost:2", True),
        ("http://localhost:1", "https://localhost:2", True),
        ("http://localhost:1", "http://other:1", False),
        ("http://localhost:1", "http://a.localhost", False),
        ("http://10.0.0.1", "http://10.0.0.1:99", True),
        ("http://10.0.0.1", "http://10.0.0.2", False),
        ("http://10.0.0.1", "http://evil.0.0.1", False),
        ("http://[::1]:80", "http://[::1]:81", True),
        ("http://[::1]", "http://[::2]", False),
        ("https://example.com", "https://other.com", False),
        ("https://example.com", "https://a.example.com", False),
        ("https://example.com", "https://EXAMPLE.com.", True),
        ("https://a.example.com", "https://b.example.com", True),
        ("https://a.example.com", "http://b.example.com", False),
        ("https://a.example.com", "http://a.example.com", False),
        ("https://a.example.com", "https://", False),
    ],
)
def test_whom_a_token_is_shown_to(home, url, trusted):
    """The same host or one below the parent domain, and never with less TLS."""
    assert trusts(home, url) is trusted


@given(st.text())
def test_no_endpoint_at_all_breaks_the_session(endpoint):
    """Whatever a server sends there is followed within the domain, or is an error of ours."""
    try:
        session = Session.at(HOME).apply(Changes(endpoint=endpoint))
    except ServerResponseError:
        return
    assert trusts(HOME, session.url)
