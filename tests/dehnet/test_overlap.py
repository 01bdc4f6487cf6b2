"""Overlapping stages: order, overlap, errors, and an end in every case."""

import threading

import pytest

from holodriver.dehnet import overlap as pipeline_module
from holodriver.dehnet.overlap import Stage, Times, pipeline

SOON = 20
"""Seconds after which a test gives up; it never waits for them to pass."""


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """What reads has ended when a test looks, however busy the machine is."""
    monkeypatch.setattr(pipeline_module, "LAST_READ_S", SOON)


def test_items_come_in_order_through_all_stages():
    stages = [Stage("double", lambda x: 2 * x), Stage("add", lambda x: x + 1)]
    times = Times()
    assert list(pipeline(range(20), stages, times=times)) == [2 * x + 1 for x in range(20)]
    assert {name: len(values) for name, values in times.stages.items()} == {"double": 20, "add": 20}
    assert len(times.latency) == 20


def test_stages_work_at_the_same_time():
    """The second item's first stage and the first item's second stage wait for each other."""
    meet = threading.Barrier(2, timeout=SOON)

    def first(item: int) -> int:
        if item == 1:
            meet.wait()
        return item

    def second(item: int) -> int:
        if item == 0:
            meet.wait()
        return item

    assert list(pipeline(range(3), [Stage("a", first), Stage("b", second)])) == [0, 1, 2]


def test_queues_are_bounded():
    """Nobody takes results: no more items are read than stages and queues hold."""
    read = []

    def items():
        for index in range(1000):
            read.append(index)
            yield index

    results = pipeline(items(), [Stage("a", lambda x: x), Stage("b", lambda x: x)], depth=1)
    assert next(results) == 0
    results.close()
    assert len(read) <= 10


@pytest.mark.parametrize("where", ["items", "stage"])
def test_an_error_is_raised_where_results_are_asked_for(where):
    def items():
        yield 1
        if where == "items":
            raise ValueError("broken film")
        yield 2

    def work(item: int) -> int:
        if where == "stage" and item == 2:
            raise ValueError("broken film")
        return item

    before = threading.active_count()
    with pytest.raises(ValueError, match="broken film"):
        list(pipeline(items(), [Stage("a", work)]))
    assert threading.active_count() == before


def test_what_was_read_before_an_error_comes_first():
    def items():
        yield from range(5)
        raise ValueError("broken film")

    results = pipeline(items(), [Stage("a", lambda x: x), Stage("b", lambda x: x)])
    assert [next(results) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="broken film"):
        next(results)


def test_closing_does_not_wait_for_the_source(monkeypatch):
    monkeypatch.setattr(pipeline_module, "LAST_READ_S", 0.0)
    more, ended = threading.Event(), threading.Event()

    def items():
        yield 1
        more.wait(SOON)  # as a camera that sends nothing
        ended.set()

    results = pipeline(items(), [Stage("a", lambda x: x)])
    assert next(results) == 1
    results.close()
    assert not ended.is_set()
    more.set()
    assert ended.wait(SOON)


def test_closing_ends_the_threads():
    before = threading.active_count()
    results = pipeline(range(100), [Stage("a", lambda x: x)])
    next(results)
    results.close()
    assert threading.active_count() == before
