"""One panel: exact pixels, judged timing, and one edge for each flip."""

import multiprocessing

import numpy as np
import pytest

from holodriver.errors import InputError
from holodriver.rig.panel.panel import Panel
from holodriver.rig.panel.panel_process import PanelProcess
from holodriver.rig.simulated.simulated_panel import SimulatedPanel

PERIOD_S = 0.01


class ScriptedPanel(Panel):
    """Flips after times that the test gives."""

    def __init__(self, waits_s):
        self._now = 5.0
        self._waits = iter(waits_s)
        super().__init__((2, 3), 1 / PERIOD_S, clock=lambda: self._now)

    def _flip_hw(self, frame):
        self._now += next(self._waits)


def test_an_interval_over_a_period_and_a_fifth_is_a_dropped_frame():
    periods = [1, 1.0, 1.19, 1.21, 2.0, 3.4, 1.0]
    panel = ScriptedPanel([PERIOD_S * wait for wait in periods])
    frame = np.zeros((2, 3), np.uint8)
    flips = [panel.show(frame) for _ in periods]
    assert [flip.dropped for flip in flips] == [0, 0, 0, 1, 1, 2, 0]
    assert [flip.number for flip in flips] == list(range(7))
    assert flips[-1].at_s == pytest.approx(5.0 + PERIOD_S * sum(periods))


@pytest.mark.parametrize(
    "frame", [np.zeros((3, 2), np.uint8), np.zeros((1, 2, 3), np.uint8), np.zeros((2, 3)), [[0, 0, 0], [0, 0, 0]]]
)
def test_what_is_not_exactly_a_panel_frame_is_not_shown(frame):
    panel = ScriptedPanel([])
    with pytest.raises(InputError, match=r"expected uint8 \(2, 3\): 3 × 2 pixels"):
        panel.show(frame)


@pytest.mark.parametrize(("shape", "refresh_hz"), [((0, 4), 60), ((4, 4), 0), ((4, 4), 9), ((4, 4), float("nan"))])
def test_a_panel_that_cannot_be_is_refused_before_a_process_starts(shape, refresh_hz):
    with pytest.raises(InputError):
        PanelProcess(print, shape, refresh_hz)  # type: ignore[arg-type]


def test_the_simulated_panel_gives_one_edge_a_flip_and_keeps_what_came():
    edges, wire = multiprocessing.Pipe(duplex=False)
    panel = SimulatedPanel((4, 5), 200.0, wire, lose_edges={2}, repeat_frames={3})
    frame = np.arange(20, dtype=np.uint8).reshape(4, 5)
    sent = []
    for step in (0, 1, 1, 7):
        frame += step  # the same memory with other pixels: the record must not follow it
        sent.append(frame.copy())
        panel.show(frame)
    wire.close()
    counted = 0
    while edges.poll() and _has_more(edges):
        counted += 1
    held = panel.held()
    assert counted == 4 - 1 + 1
    for since, content, pixels in zip(held.since_s, held.content, sent, strict=True):
        np.testing.assert_array_equal(held.contents[content], pixels)
        assert since > 0
    assert sorted(held.since_s) == held.since_s


def _has_more(edges) -> bool:
    try:
        edges.recv_bytes()
    except EOFError:
        return False
    return True
