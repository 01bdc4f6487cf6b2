"""The choice of the runtime: the fastest that works, remembered until something changes."""

import json
from itertools import count

import pytest

from holodriver.dehnet import fastest_runtime
from holodriver.dehnet.runtimes.kinds import Kind
from holodriver.errors import InputError


class Clock:
    """Time that passes as a runtime wishes."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def kind(name: str, seconds: float, clock: Clock, *, precision="float", fails=False) -> Kind:
    class Runtime:
        def __call__(self, pixels):
            if fails:
                raise RuntimeError("no driver")
            clock.now += seconds

    return Kind(name, precision, lambda *_: Runtime(), lambda: True)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kinds(monkeypatch, clock):
    made = [
        kind("slow", 3, clock),
        kind("fast", 2, clock),
        kind("rough", 1, clock, precision="bf16"),
        kind("broken", 0, clock, fails=True),
    ]
    monkeypatch.setattr(fastest_runtime, "present", lambda: made)
    return made


def test_the_fastest_that_works_is_taken(kinds, networks, clock):
    assert fastest_runtime.choose(networks, clock=clock).name == "rough"
    assert fastest_runtime.choose(networks, "float", clock=clock).name == "fast"
    assert fastest_runtime.measured(networks, clock=clock) == {"slow": 3, "fast": 2, "rough": 1, "broken": None}


def test_it_is_measured_once(kinds, networks, clock):
    fastest_runtime.measured(networks, clock=clock)
    spent = clock.now
    fastest_runtime.measured(networks, clock=clock)
    assert clock.now == spent


def test_one_that_failed_is_tried_again(networks, clock, monkeypatch):
    monkeypatch.setattr(
        fastest_runtime, "present", lambda: [kind("slow", 3, clock), kind("fast", 2, clock, fails=True)]
    )
    assert fastest_runtime.choose(networks, clock=clock).name == "slow"
    monkeypatch.setattr(fastest_runtime, "present", lambda: [kind("slow", 3, clock), kind("fast", 2, clock)])
    spent = clock.now
    assert fastest_runtime.choose(networks, clock=clock).name == "fast"
    assert clock.now - spent == 2 * (1 + fastest_runtime.ROUNDS)  # the other one is remembered


def test_another_version_is_measured_anew(kinds, networks, clock, monkeypatch):
    fastest_runtime.measured(networks, clock=clock)
    spent = clock.now
    versions = count()
    monkeypatch.setattr(fastest_runtime, "_version", lambda package: str(next(versions)))
    fastest_runtime.measured(networks, clock=clock)
    assert clock.now > spent


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"format": "else"}', json.dumps({"seconds": 3})])
def test_what_is_not_understood_is_measured_anew(kinds, networks, clock, cache, text):
    cache.parent.mkdir()
    cache.write_text(text)
    assert fastest_runtime.choose(networks, clock=clock).name == "rough"
    assert json.loads(cache.read_text())["format"] == fastest_runtime.FORMAT


def test_none_that_works_is_said(networks, clock, monkeypatch):
    monkeypatch.setattr(fastest_runtime, "present", lambda: [kind("broken", 0, clock, fails=True)])
    with pytest.raises(InputError, match="no runtime works"):
        fastest_runtime.choose(networks, clock=clock)
