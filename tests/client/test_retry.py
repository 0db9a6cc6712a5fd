"""What is sent again, when, and within which time; no test here waits."""

import datetime
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.client.io import Request, run
from firebolt_like.client.retry import RULES, Budget, Retry, Rule, send
from firebolt_like.errors import (
    AuthenticationError,
    ConfigurationError,
    OperationalError,
    QueryTimeoutError,
    ServerConnectionError,
)

STATEMENT = Request("POST", "https://engine.example.com", b"INSERT INTO t VALUES (1)")
ANSWERS = [status for status in RULES if isinstance(status, int)]


class Answer:
    """A reply that knows whether it was closed."""

    def __init__(self, status, headers=()):
        self.status = status
        self.headers = list(headers)
        self.open = True

    async def close(self):
        self.open = False


class ScriptedIO:
    """Gives one step of a script for each request; its clock moves when a script or a sleep says.

    A step is a status, an answer, an error, or a function of this IO that gives one of them.
    """

    def __init__(self, *script):
        self.script = list(script)
        self.sent = []
        self.limits = []
        self.sleeps = []
        self.time = 1000.0
        self.answers = []

    def now(self):
        return self.time

    async def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.time += seconds

    async def send(self, request, within=None):
        self.sent.append(request)
        self.limits.append(within)
        assert all(not answer.open for answer in self.answers), "an answer was left open"
        step = self.script.pop(0)
        step = step(self) if callable(step) else step
        if isinstance(step, Exception):
            raise step
        answer = Answer(step) if isinstance(step, int) else step
        self.answers.append(answer)
        return answer


def not_sent():
    return ServerConnectionError("refused", retryable=True)


def lost():
    return ServerConnectionError("reset by peer")


def step_for(event):
    return {"not sent": not_sent(), "lost": lost()}.get(event, event)


def taking(seconds, step):
    """A step that takes a while."""

    def advance(io):
        io.time += seconds
        return step

    return advance


def run_send(io, *, retry=None, seconds=None, repeatable=False):
    retry = retry or Retry(jitter=lambda: 1.0)
    return run(send(io, STATEMENT, retry=retry, budget=Budget(io, seconds), repeatable=repeatable))


@pytest.mark.parametrize("repeatable", [False, True])
@pytest.mark.parametrize(("event", "rule"), RULES.items())
def test_each_rule_of_the_table_holds(event, rule, repeatable):
    """A request is sent again after an event exactly when the table says so for its kind."""
    again = rule.repeatable if repeatable else rule.statement
    io = ScriptedIO(step_for(event), 200)
    try:
        status = run_send(io, repeatable=repeatable).status
    except ServerConnectionError:
        status = None
    assert (status == 200) is again
    assert len(io.sent) == (2 if again else 1)
    assert all(request is STATEMENT for request in io.sent)


def test_the_table_never_repeats_a_statement_that_may_have_run():
    """Only what certainly did not run is repeatable for statements."""
    assert {event for event, rule in RULES.items() if rule.statement} == {"not sent", 429, 503}
    assert all(isinstance(rule, Rule) and rule.why and rule.repeatable for rule in RULES.values())


@pytest.mark.parametrize("event", ["lost", 502, 504, 500, 400, 401, 404])
def test_a_statement_that_may_have_run_is_sent_exactly_once(event):
    """However many tries are allowed."""
    io = ScriptedIO(step_for(event), 200)
    try:
        assert run_send(io, retry=Retry(attempts=10)).status == event
    except ServerConnectionError:
        assert event == "lost"
    assert len(io.sent) == 1
    assert io.sleeps == []


@pytest.mark.parametrize("repeatable", [False, True])
@pytest.mark.parametrize(
    "error", [QueryTimeoutError("late"), AuthenticationError("no"), OperationalError("odd")]
)
def test_other_errors_are_raised_at_once(error, repeatable):
    """An expired timeout and refused credentials are never tried again, even when it is safe."""
    io = ScriptedIO(error, 200)
    with pytest.raises(type(error)) as caught:
        run_send(io, repeatable=repeatable)
    assert caught.value is error
    assert len(io.sent) == 1


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_attempts_count_all_tries(attempts):
    """After the last try the answer or the error is handed on as it came, and stays open."""
    io = ScriptedIO(*[503] * 10)
    answer = run_send(io, retry=Retry(attempts=attempts))
    assert (answer.status, answer.open, len(io.sent)) == (503, True, attempts)
    errors = [not_sent() for _ in range(10)]
    io = ScriptedIO(*errors)
    with pytest.raises(ServerConnectionError) as caught:
        run_send(io, retry=Retry(attempts=attempts))
    assert caught.value is errors[attempts - 1]


def test_events_of_several_kinds_share_the_tries():
    """A connection that is refused, then a busy server, then an answer."""
    io = ScriptedIO(not_sent(), 503, 429, 200)
    assert run_send(io).status == 200
    assert len(io.sent) == 4


def test_waits_double_up_to_the_cap():
    """Without jitter the waits are base, 2 base, 4 base, and never more than the cap."""
    retry = Retry(attempts=7, base=0.5, cap=3.0, jitter=lambda: 1.0)
    io = ScriptedIO(*[503] * 6, 200)
    run_send(io, retry=retry)
    assert io.sleeps == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0]


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0, 100), st.floats(0, 100))
def test_jitter_is_full(attempt, random, base, cap):
    """A wait is anywhere between nothing and the doubled base, so that clients spread out."""
    wait = Retry(base=base, cap=cap, jitter=lambda: random).wait(attempt)
    longest = min(cap, base * 2.0 ** min(attempt - 1, 60))
    assert wait == random * longest
    assert 0 <= Retry(base=base, cap=cap).wait(attempt) <= longest


@pytest.mark.parametrize("keywords", [{"attempts": 0}, {"base": -1}, {"cap": -0.1}])
def test_a_policy_that_makes_no_sense_is_a_clear_error(keywords):
    """The message names the arguments."""
    with pytest.raises(ConfigurationError, match="attempts"):
        Retry(**keywords)


def in_seconds(seconds):
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return email.utils.format_datetime(moment.replace(microsecond=0), usegmt=True)


def sleep_after(value, *, seconds=None):
    io = ScriptedIO(Answer(429, [("X", "1"), ("Retry-After", value)]), 200)
    retry = Retry(base=7.0, cap=7.0, jitter=lambda: 1.0)
    status = run_send(io, retry=retry, seconds=seconds).status
    return status, io.sleeps


@pytest.mark.parametrize(("value", "wait"), [("3", 3.0), (" 0 ", 0.0), ("120", 120.0)])
def test_retry_after_in_seconds_is_obeyed(value, wait):
    """The server's own wait is taken exactly, without jitter."""
    assert sleep_after(value) == (200, [wait])


def test_retry_after_as_a_date_is_obeyed():
    """A date is waited for; one that has passed is no wait; one without a zone is in UTC."""
    status, (wait,) = sleep_after(in_seconds(60))
    assert status == 200
    assert 50 < wait <= 60
    assert sleep_after("Wed, 21 Oct 2015 07:28:00 GMT") == (200, [0.0])
    assert sleep_after("Wed, 21 Oct 2015 07:28:00 -0000") == (200, [0.0])


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "1.5", "\u00b2", "Wed, 99 Oct 2015 07:28:00 GMT"]
)
def test_retry_after_that_makes_no_sense_is_ignored(value):
    """Garbage leaves the policy's own wait."""
    assert sleep_after(value) == (200, [7.0])


@given(st.text())
def test_no_retry_after_breaks_the_loop(value):
    """Whatever a server writes there, the call ends with an answer."""
    assert sleep_after(value)[0] in (200, 429)


@pytest.mark.parametrize("value", ["121", "9" * 400, "9" * 5000])
def test_a_huge_retry_after_is_told_rather_than_slept(value):
    """The caller hears of a server that wants minutes, instead of hanging."""
    assert sleep_after(value) == (429, [])


def test_a_retry_after_beyond_the_budget_is_not_slept():
    """Waiting past the timeout would be for nothing: the answer is handed on at once."""
    assert sleep_after("30", seconds=20) == (429, [])
    assert sleep_after("30", seconds=40) == (200, [30.0])


def test_the_budget_covers_all_tries_and_waits():
    """Each try has what is left, and no wait begins that would pass the end."""
    io = ScriptedIO(taking(2, 503), taking(2, not_sent()), taking(2, 503), 200)
    retry = Retry(base=1.0, cap=1.0, jitter=lambda: 1.0)
    assert run_send(io, retry=retry, seconds=8.5).status == 503
    assert io.limits == [8.5, 5.5, 2.5]
    assert io.sleeps == [1.0, 1.0]


def test_without_a_timeout_there_is_no_limit():
    """No limit is no limit for each try either."""
    io = ScriptedIO(taking(1e6, 503), 200)
    assert run_send(io).status == 200
    assert io.limits == [None, None]


def test_a_budget_that_is_used_up_sends_nothing():
    """The timeout counts from the start of the call."""
    io = ScriptedIO(200)
    budget = Budget(io, 5)
    io.time += 5
    with pytest.raises(QueryTimeoutError, match="5"):
        run(send(io, STATEMENT, retry=Retry(), budget=budget))
    assert io.sent == []


def test_a_server_that_cannot_be_reached_in_time_is_a_timeout():
    """The time is over: that is what the caller asked to hear, with the reason as its cause."""
    error = not_sent()
    io = ScriptedIO(taking(5, error))
    with pytest.raises(QueryTimeoutError) as caught:
        run_send(io, seconds=5)
    assert caught.value.__cause__ is error
    io = ScriptedIO(taking(1, error))
    with pytest.raises(ServerConnectionError):
        run_send(io, seconds=5, retry=Retry(attempts=1))


def test_a_paused_budget_does_not_run():
    """While the caller works on a batch, no time of the query is used."""
    io = ScriptedIO()
    budget = Budget(io, 10)
    io.time += 4
    budget.pause()
    budget.pause()
    io.time += 100
    assert budget.left() == 6
    assert budget.allows(5.9)
    assert not budget.allows(6)
    budget.resume()
    io.time += 1
    budget.resume()
    assert budget.left() == 5
    io.time += 5
    with pytest.raises(QueryTimeoutError) as caught:
        budget.left()
    assert isinstance(caught.value, TimeoutError)


def test_a_budget_without_limit_pauses_too():
    """A stream without timeout has no limit before, while and after it is paused."""
    io = ScriptedIO()
    budget = Budget(io, None)
    budget.pause()
    budget.resume()
    io.time += 1e9
    assert budget.left() is None
    assert budget.allows(1e9)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "5"])
def test_a_timeout_is_more_than_nothing(seconds):
    """A timeout that no call could meet is an error in the arguments."""
    with pytest.raises(ConfigurationError, match="timeout"):
        Budget(ScriptedIO(), seconds)
