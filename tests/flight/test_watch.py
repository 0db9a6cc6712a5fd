"""Deadlines of threads that wait: every call that is waited for too long is ended, and no other."""

import threading

from firebolt_like.flight.transport import Call
from firebolt_like.flight.watch import Watch


class Ended(Call):
    """A call that tells when it is ended."""

    def __init__(self):
        super().__init__()
        self.event = threading.Event()
        self.attach(self.event.set)


def test_a_wait_that_takes_too_long():
    """The call is ended while its thread waits."""
    watch, call = Watch(), Ended()
    with watch.over(call, 0.05):
        assert call.event.wait(20)
    assert call.expired
    watch.close()


def test_waits_that_end_in_another_order_than_they_began():
    """A short wait that begins during a long one ends at its own time."""
    watch, long, short = Watch(), Ended(), Ended()
    with watch.over(long, 100), watch.over(short, 0.05):
        assert short.event.wait(20)
    assert not long.cancelled
    watch.close()


def test_a_wait_that_ended_in_time():
    """What was waited for before its time is left alone."""
    watch, call, later = Watch(), Ended(), Ended()
    with watch.over(call, 0.05):
        pass
    with watch.over(later, 0.15):
        assert later.event.wait(20)
    assert not call.cancelled
    watch.close()


def test_no_limit_needs_no_thread():
    """A wait without limit starts nothing."""
    watch, before = Watch(), threading.active_count()
    with watch.over(Ended(), None):
        assert threading.active_count() == before


def test_many_threads_wait_at_once():
    """Each of many waits ends at its time."""
    watch, calls = Watch(), [Ended() for _ in range(50)]

    def wait(number):
        for _ in range(100):
            with watch.over(Ended(), 100):
                pass
        with watch.over(calls[number], 0.01 * (number % 7 + 1)):
            assert calls[number].event.wait(20)

    threads = [threading.Thread(target=wait, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(call.expired for call in calls)
    watch.close()
