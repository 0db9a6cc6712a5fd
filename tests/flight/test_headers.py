"""What servers' headers leave behind: bearer tokens and cookies, as plain header logic."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.flight.headers import Bearer, Cookies

DO_GET = "/arrow.flight.protocol.FlightService/DoGet"


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_the_newest_token_is_sent():
    """A renewed token takes the place of the one before, whenever it comes."""
    bearer = Bearer("given")
    for header in ("Bearer first", "bearer second "):
        bearer.receive([("Authorization", header)])
    assert bearer.send() == [("authorization", "Bearer second")]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic YTpi", b""])
def test_an_empty_pair_is_dropped(header):
    """A server that answers a login without a token leaves no header behind."""
    bearer = Bearer()
    bearer.receive([("authorization", header), ("", "")])
    assert bearer.send() == []


def test_a_cookie_comes_back(clock):
    """Cookies are sent back together, and a new value takes the old one's place."""
    cookies = Cookies(clock)
    cookies.receive([("set-cookie", "a=1; Path=/"), ("Set-Cookie", b"b=2; Path=/; HttpOnly")])
    cookies.receive([("set-cookie", "a=3; Path=/"), ("other", "c=4")])
    assert cookies.send(DO_GET) == [("cookie", "a=3; b=2")]


@pytest.mark.parametrize(
    "ending", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01-Jan-1970 00:00:00 GMT"]
)
def test_a_cookie_is_deleted(clock, ending):
    """A server deletes a cookie by an end in the past."""
    cookies = Cookies(clock)
    cookies.receive([("set-cookie", "a=1; Path=/")])
    cookies.receive([("set-cookie", f"a=; Path=/; {ending}")])
    assert cookies.send() == []


def test_a_cookie_expires(clock):
    """A cookie is sent until its Max-Age, which counts before Expires, or its Expires is over."""
    cookies = Cookies(clock)
    date = format_datetime(datetime.fromtimestamp(clock.now + 60, UTC), usegmt=True)
    cookies.receive([("set-cookie", f"a=1; Path=/; Expires={date}")])
    cookies.receive([("set-cookie", f"b=2; Path=/; Max-Age=120; Expires={date}")])
    clock.now += 59
    assert cookies.send() == [("cookie", "a=1; b=2")]
    clock.now += 1
    assert cookies.send() == [("cookie", "b=2")]
    clock.now += 60
    assert cookies.send() == []


@pytest.mark.parametrize(
    ("path", "called", "sent"),
    [
        ("; Path=/", DO_GET, True),
        ("; Path=/arrow.flight.protocol.FlightService", DO_GET, True),
        ("; Path=/arrow.flight.protocol.FlightService/", DO_GET, True),
        ("; Path=/arrow.flight", DO_GET, False),
        ("; Path=/other", DO_GET, False),
        ("", DO_GET, True),
        ("; Path=elsewhere", DO_GET, True),
    ],
)
def test_a_cookie_stays_in_its_path(clock, path, called, sent):
    """A cookie goes to calls below its path; without one, to the service that gave it."""
    cookies = Cookies(clock)
    cookies.receive([("set-cookie", f"a=1{path}")], DO_GET.replace("DoGet", "GetFlightInfo"))
    assert bool(cookies.send(called)) is sent


def test_the_longer_path_goes_first(clock):
    """Of two cookies of a name the one of the longer path goes first (RFC 6265, section 5.4)."""
    cookies = Cookies(clock)
    cookies.receive([("set-cookie", "a=1; Path=/"), ("set-cookie", "a=2; Path=/arrow")])
    assert cookies.send("/arrow/x") == [("cookie", "a=2; a=1")]


@given(line=st.text())
def test_no_line_breaks_a_jar(line):
    """Whatever a server calls a cookie, calls go on."""
    cookies = Cookies()
    cookies.receive([("set-cookie", line)])
    cookies.send()


def test_threads_share_a_jar(clock):
    """What many threads receive at once is all kept."""
    cookies = Cookies(clock)

    def receive(number):
        cookies.receive([("set-cookie", f"c{number}=1; Path=/")])
        cookies.send()

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(receive, range(500)))
    [(_, sent)] = cookies.send()
    assert len(sent.split("; ")) == 500


def test_no_secret_is_shown(clock):
    """Neither a token nor a cookie's value is in a repr."""
    cookies = Cookies(clock)
    cookies.receive([("set-cookie", "session=secret; Path=/")])
    assert "secret" not in repr([Bearer("secret"), cookies])
