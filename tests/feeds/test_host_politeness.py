"""The order and pauses of requests to one host, by a clock of the test's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.host_politeness import MAX_PER_HOST, HostQueue


def test_one_host_waits_and_another_does_not() -> None:
    turns = HostQueue([("a", 1), ("a", 2), ("a", 3), ("b", 4)], pause=0.5)
    assert turns.ready(0.0, 10) == [("a", 1), ("b", 4)]
    assert turns.ready(0.4, 10) == []
    assert turns.wait(0.4) is not None
    assert turns.ready(0.5, 10) == [("a", 2)]
    assert turns.ready(5.0, 10) == [], "two are running"
    assert turns.wait(5.0) is None, "only finishing work can help"
    turns.done("a")
    assert turns.ready(5.0, 10) == [("a", 3)]
    assert len(turns) == 0


def test_our_own_hosts_need_no_politeness() -> None:
    assert len(HostQueue([("a", n) for n in range(9)], trusted=["a"]).ready(0.0, 10)) == 9


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=40), st.integers(1, 5))
def test_everything_gets_its_turn_and_no_host_is_pressed(work: list[tuple[str, int]], most: int) -> None:
    turns = HostQueue(work, pause=1.0)
    now, begun, started = 0.0, [], {}  # type: ignore[var-annotated]
    while turns:
        ready = turns.ready(now, most)
        assert len(ready) <= most
        for host in "abc":
            assert sum(h == host for h, _ in ready) <= 1 <= MAX_PER_HOST
            if any(h == host for h, _ in ready):
                assert now - started.get(host, -1.0) >= 1.0
                started[host] = now
        begun += ready
        for host, _ in ready:
            turns.done(host)
        now += turns.wait(now) or 0.0
    assert sorted(begun) == sorted(work)
