"""From pictures to depth: mirrored, in ensembles, in tiles, normalised."""

from collections.abc import Sequence

import numpy as np
import pytest
from spoiled import Spoiler, scene

from holodriver.depth.estimators import TILE, NetworkEstimator
from holodriver.depth.pipeline import DepthSettings, estimate, finished, percentile_range, to_range
from holodriver.depth.size import network_size
from holodriver.depth.tiles import needs_tiles, predict_tiled
from holodriver.errors import InputError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("folder", ["dpt_folder", "hybrid_folder", "depth_anything_folder"])
def test_a_mirrored_picture_gives_mirrored_depth(folder: str, request: pytest.FixtureRequest) -> None:
    """With the mirror image averaged in, whatever the network, up to scale and shift."""
    estimator = NetworkEstimator(str(request.getfixturevalue(folder)))
    picture = RNG.integers(0, 256, (96, 160, 3), np.uint8)
    other = np.ascontiguousarray(picture[:, ::-1])
    settings = DepthSettings(sizes=(128,), tta=True)
    one, two = (estimate([values], [estimator], settings)[0] for values in (picture, other))
    aligned = np.corrcoef(one.ravel(), two[:, ::-1].ravel())[0, 1]
    alone = [estimate([values], [estimator], DepthSettings(sizes=(128,)))[0] for values in (picture, other)]
    before = np.corrcoef(alone[0].ravel(), alone[1][:, ::-1].ravel())[0, 1]
    assert aligned > 0.9999
    assert before < 0.999


def test_an_ensemble_is_aligned_before_it_is_averaged() -> None:
    picture, truth = scene()

    class Other(Spoiler):
        def predict(self, pictures: Sequence[np.ndarray], long_side: int) -> list[np.ndarray]:
            return [1000 - 0 * values + 50 * values for values in super().predict(pictures, long_side)]

    settings = DepthSettings(sizes=(192, 320))
    (alone,) = estimate([picture], [Spoiler(truth)], settings)
    (both,) = estimate([picture], [Spoiler(truth), Other(truth)], settings)
    np.testing.assert_allclose(both, alone, atol=2e-3 * np.ptp(alone))


def test_every_size_is_asked_for() -> None:
    picture, truth = scene()
    spoiler = Spoiler(truth)
    estimate([picture, picture], [spoiler], DepthSettings(sizes=(320, 192, 256)))
    assert [size for _, size in spoiler.seen] == [192, 192, 256, 256, 320, 320]


class Patchwise:
    """Knows the depth of a picture whose colours say where a pixel is; every answer in a scale of its own."""

    name = "patchwise"

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.largest = 0

    def predict(self, pictures: Sequence[np.ndarray], long_side: int) -> list[np.ndarray]:
        made = []
        for picture in pictures:
            height, width = network_size(picture.shape[:2], long_side, 1)
            self.largest = max(self.largest, height * width)
            assert (height, width) == picture.shape[:2] or max(height, width) < TILE
            values = place_of(picture)
            step = values[:: max(1, picture.shape[0] // height), :: max(1, picture.shape[1] // width)]
            scale, shift = self.rng.uniform(0.5, 2), self.rng.uniform(-1, 1)
            made.append((scale * step[:height, :width] + shift).astype(np.float32))
        return made


def place_of(picture: np.ndarray) -> np.ndarray:
    return np.sin(picture[..., 0] / 40.0) + picture[..., 1] / 100.0


def test_tiles_show_no_seams_and_bound_what_the_network_sees() -> None:
    height, width = 1200, 2000
    y, x = np.mgrid[:height, :width]
    picture = np.stack([x * 255 // width, y * 255 // height, x * 0], axis=-1).astype(np.uint8)
    truth = place_of(picture).astype(np.float32)
    estimator = Patchwise()
    coarse = truth[::4, ::4].copy()
    found = predict_tiled(estimator, picture, width, coarse)
    np.testing.assert_allclose(found, truth, atol=0.02)
    assert estimator.largest <= TILE * TILE


def test_tiles_begin_where_a_network_would_see_too_much_at_once() -> None:
    assert not needs_tiles((1080, 1920), 640)
    assert needs_tiles((1080, 1920), 1536)
    assert needs_tiles((3000, 3000), 1024)
    assert not needs_tiles((3000, 3000), 512)


def test_normalised_near_is_one() -> None:
    inverse = RNG.normal(5, 2, (100, 100)).astype(np.float32)
    low, high = percentile_range(inverse)
    unit = to_range(low, high)(inverse)
    assert (unit < 0).mean() == pytest.approx(0.02, abs=2e-3)
    assert (unit > 1).mean() == pytest.approx(0.02, abs=2e-3)
    assert np.corrcoef(unit.ravel(), inverse.ravel())[0, 1] > 0.999
    np.testing.assert_allclose(to_range(low, high, invert=True)(inverse), 1 - unit, atol=1e-5)


def test_a_flat_depth_is_grey_and_finite() -> None:
    values = np.full((8, 8), 3.0, np.float32)
    picture = np.zeros((8, 8, 3), np.uint8)
    near = finished(values, picture, DepthSettings(), to_range(*percentile_range(values)))
    np.testing.assert_allclose(near, 0.5, atol=1e-5)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("sizes", (), "sizes is empty"),
        ("sizes", (8,), "size is 8, expected pixels"),
        ("refiner", "x", "refiner is 'x'"),
        ("strength", 1.5, "strength is 1.5"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(field: str, value: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        DepthSettings(**{field: value})  # type: ignore[arg-type]
