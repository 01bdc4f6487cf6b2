"""Depth of a video: no flicker, no drift, no lag at a cut, and equal results after a stop."""

import cv2
import numpy as np
import pytest
from spoiled import scene

from holodriver.depth.temporal import AHEAD, Stabiliser, is_cut

RNG = np.random.default_rng(0)


def shot(seed: int, frames: int, *, speed: int = 2) -> list[tuple[np.ndarray, np.ndarray]]:
    """A window that moves over a larger scene: picture and inverse depth of every frame."""
    picture, inverse = scene(120, 320, seed=seed)
    cuts = [np.s_[8:104, 10 + speed * i : 170 + speed * i] for i in range(frames)]
    return [(np.ascontiguousarray(picture[cut]), np.ascontiguousarray(inverse[cut])) for cut in cuts]


def spoilt(inverse: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scale, shift, slow bias and grain of its own in every frame."""
    slow = cv2.resize(rng.normal(0, 0.03, (3, 4)).astype(np.float32), inverse.shape[::-1])
    grain = cv2.GaussianBlur(rng.normal(0, 0.02, inverse.shape).astype(np.float32), (0, 0), 1)
    return (np.exp(rng.normal(0, 0.1)) * (inverse + slow + grain) + rng.normal(0, 0.1)).astype(np.float32)


def run(stabiliser: Stabiliser, frames: list[tuple[np.ndarray, np.ndarray]], *, finish: bool = True) -> list:
    found = []
    for picture, inverse in frames:
        found += stabiliser.push(picture, inverse)
    return found + (stabiliser.finish() if finish else [])


def shown(stable: list) -> np.ndarray:
    return np.stack([(one.inverse - one.low) / (one.high - one.low) for one in stable])


def flicker(values: np.ndarray, speed: int) -> float:
    """Mean change of what is the same thing in two frames, exactly: the scene moves by whole pixels."""
    if speed == 0:
        return float(np.abs(np.diff(values, axis=0)).mean())
    return float(np.abs(values[1:, :, :-speed] - values[:-1, :, speed:]).mean())


@pytest.mark.parametrize("speed", [0, 2])
def test_flicker_is_a_fifth_of_that_of_frames_on_their_own(speed: int) -> None:
    frames = shot(0, 40, speed=speed)
    rng = np.random.default_rng(1)
    raw = [(picture, spoilt(inverse, rng)) for picture, inverse in frames]
    alone = [(inverse - np.percentile(inverse, 2)) / np.ptp(np.percentile(inverse, (2, 98))) for _, inverse in raw]
    stable = shown(run(Stabiliser(), raw))
    assert len(stable) == len(frames)
    assert flicker(stable, speed) < 0.2 * flicker(np.stack(alone), speed)


def test_the_scale_does_not_drift_away_in_a_long_shot() -> None:
    frames = shot(1, 1) * 400
    rng = np.random.default_rng(2)
    stable = run(Stabiliser(), [(picture, spoilt(inverse, rng)) for picture, inverse in frames])
    spans = np.array([one.high - one.low for one in stable])
    truth = np.ptp(np.percentile(frames[0][1], (2, 98)))
    assert 0.7 < spans[-100:].mean() / truth < 1.3
    assert np.abs(np.diff(spans)).max() < 0.02 * truth


def test_what_really_changes_comes_through() -> None:
    """A thing that comes nearer at once, as by a door that opens: a few frames later it is there."""
    picture, inverse = shot(2, 1)[0]
    nearer, repainted = inverse.copy(), picture.copy()
    nearer[30:70, 40:100] = 1.4
    repainted[30:70, 40:100] = (240, 20, 200)
    stable = run(Stabiliser(), [(picture, inverse)] * 10 + [(repainted, nearer)] * 10)
    inside = np.s_[36:64, 46:94]
    assert np.abs(stable[9].inverse - inverse)[inside].mean() < 0.02
    assert np.abs(stable[11].inverse - nearer)[inside].mean() < 0.05


def test_a_cut_starts_anew_without_lag() -> None:
    first, second = shot(3, 20), [(255 - picture, 3 * inverse) for picture, inverse in shot(4, 20)]
    both = run(Stabiliser(), first + second)
    alone = run(Stabiliser(), second)
    assert [one.shot for one in both] == [0] * 20 + [1] * 20
    for a, b in zip(both[20:], alone, strict=True):
        np.testing.assert_array_equal(a.inverse, b.inverse)
        assert (a.low, a.high) == (b.low, b.high)


@pytest.mark.parametrize("first", [0, 4])
def test_a_flat_frame_leaves_the_next_ones_their_depth(first: int) -> None:
    frames = shot(0, 30)
    for number in (first, first + 1):
        frames[number] = (frames[number][0], np.ones_like(frames[number][1]))
    stable = run(Stabiliser(), frames)
    for number in (first + 2, 29):
        assert np.corrcoef(stable[number].inverse.ravel(), frames[number][1].ravel())[0, 1] > 0.95
        assert stable[number].high - stable[number].low > 0.1


def test_pans_flashes_and_fades_are_no_cuts() -> None:
    pan = shot(5, 20, speed=6)
    assert {one.shot for one in run(Stabiliser(), pan)} == {0}
    picture, inverse = shot(5, 1)[0]
    fade = [((picture * (1 - i / 25)).astype(np.uint8), inverse) for i in range(20)]
    assert {one.shot for one in run(Stabiliser(), fade)} == {0}
    noisy = [(np.clip(picture + RNG.normal(0, 8, picture.shape), 0, 255).astype(np.uint8), inverse) for _ in range(9)]
    assert {one.shot for one in run(Stabiliser(), noisy)} == {0}


def test_is_cut_needs_colours_and_light() -> None:
    assert is_cut(0.9, 0)
    assert is_cut(0.4, 30)
    assert not is_cut(0.4, 3)
    assert not is_cut(0.1, 60)


@pytest.mark.parametrize("stop", [1, 7, AHEAD, AHEAD + 1, 25, 33])
def test_restored_it_goes_on_as_if_it_had_never_stopped(stop: int) -> None:
    frames = shot(6, 22) + [(255 - picture, inverse) for picture, inverse in shot(7, 20)]
    rng = np.random.default_rng(3)
    frames = [(picture, spoilt(inverse, rng)) for picture, inverse in frames]
    whole = run(Stabiliser(), frames)
    first = Stabiliser()
    found = run(first, frames[:stop], finish=False)
    found += run(Stabiliser.restored(first.state()), frames[stop:])
    assert len(found) == len(whole)
    for a, b in zip(found, whole, strict=True):
        np.testing.assert_array_equal(a.inverse, b.inverse)
        assert (a.low, a.high, a.shot) == (b.low, b.high, b.shot)


def test_frames_come_out_in_order_and_memory_stays_bounded() -> None:
    picture, inverse = shot(8, 1)[0]
    stabiliser = Stabiliser()
    for i in range(60):
        given = stabiliser.push(picture, inverse + 0 * i)
        assert len(given) == (1 if i >= AHEAD else 0)
        assert stabiliser.waiting <= AHEAD
    assert len(stabiliser.finish()) == AHEAD
