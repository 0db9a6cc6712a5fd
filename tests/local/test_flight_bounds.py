"""How long, and how much of, what a client forgets over Flight is kept."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.local import Clock, LocalServer
from firebolt_like.local.flight.shelf import Shelf
from firebolt_like.protocol.flight_sql import CommandPreparedStatementQuery
from tests.local.flight_asker import FlightAsker


@given(weights=st.lists(st.integers(1, 20), max_size=30), most=st.integers(1, 40))
def test_a_shelf_holds_the_last_things(weights: list[int], most: int) -> None:
    """What is held weighs no more than it may, but for the last thing, and is what came last."""
    shelf = Shelf[int](most, 60, clock=lambda: 0, weigh=lambda weight: weight)
    keys = [shelf.put(weight) for weight in weights]
    held = [weight for key in keys if (weight := shelf.get(key)) is not None]
    assert held == weights[len(weights) - len(held) :]
    assert sum(held) <= most or len(held) == 1
    if len(held) < len(weights):
        assert sum(held) + weights[len(weights) - len(held) - 1] > most


def test_age() -> None:
    """A ticket is good for five minutes, a prepared statement for an hour after its last use."""
    clock = Clock()
    with LocalServer(flight_port=0, clock=clock) as server:
        ask = FlightAsker.of(server)
        info = ask.info("SELECT 1 AS a")
        command = CommandPreparedStatementQuery(ask.prepare("SELECT 2").prepared_statement_handle)
        clock.advance(290)
        assert ask.fetch(info).num_rows == 1
        clock.advance(301)
        with pytest.raises(pa.ArrowInvalid, match="ticket is unknown"):
            ask.fetch(info)
        clock.advance(3000)
        assert ask.rows(command) == [(2,)]
        clock.advance(3601)
        with pytest.raises(pa.ArrowInvalid, match="prepared statement is unknown"):
            ask.rows(command)
        ask.close()


def test_number() -> None:
    """Of more than a thousand results that wait, the first ones are let go."""
    with LocalServer(flight_port=0) as server:
        ask = FlightAsker.of(server)
        first, second, *_, last = [ask.info("SELECT 1 AS a") for _ in range(1001)]
        with pytest.raises(pa.ArrowInvalid, match="ticket is unknown"):
            ask.fetch(first)
        assert ask.fetch(second).num_rows == ask.fetch(last).num_rows == 1
        ask.close()
