"""RGB-D images of a scene: depth against geometry, over animation frames, and for glass, fog and cut-outs."""

import importlib.util
from fractions import Fraction

import cv2
import numpy as np
import pytest

from holodriver.blender.rgbd import find_range, render_rgbd
from holodriver.errors import InputError, OutputExistsError
from holodriver.files.rgbd import read_rgbd
from holodriver.optics.focus import normalised_depth
from holodriver.scene.render_job import RenderJob

SIZE = 48


def job(scene, **changes):
    settings = {"width": SIZE, "height": SIZE, "planes": 2, "coc_max": 4.0, "samples": 4, "denoise": False} | changes
    return RenderJob(scene=str(scene), **settings)


@pytest.mark.parametrize("kind", ["ortho", "persp"])
def test_every_format_holds_the_same_depth_and_light(blender, blend_file, tmp_path, kind):
    scene = blend_file("slope", kind, 6.0, 0.6)
    mapping = "linear" if kind == "ortho" else "dioptric"
    made = render_rgbd(
        job(scene, near=4.0, far=9.0), tmp_path / "a.png", formats=("side-by-side", "depth", "exr"), blender=blender
    )
    assert sorted(path.name for path in made) == ["a.exr", "a.png", "a_depth.png", "a_rgbd_lr.png"]
    exr = read_rgbd(tmp_path / "a.exr", mapping=mapping)
    pair = read_rgbd(tmp_path / "a_rgbd_lr.png", mapping=mapping)
    png = read_rgbd(tmp_path / "a.png", near="white", mapping=mapping)
    assert cv2.imread(str(tmp_path / "a_depth.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint16
    up = (SIZE / 2 - 0.5 - np.arange(SIZE)) / SIZE
    metric = 6.0 + 0.6 * 4.0 * up if kind == "ortho" else 6.0 / (1 - 0.6 * up * 36.0 / 50.0)
    inside = slice(2, SIZE // 2 - 2)
    expected = normalised_depth(metric, 4.0, 9.0, mapping)[:, None]
    assert np.abs(exr.depth[:, inside] - expected).max() < 1e-5
    for other in (pair, png):
        assert np.abs(other.depth - exr.depth).max() < 1 / 65535
        assert np.abs(other.color - np.clip(exr.color, 0, 1)).max() < 1e-4
    assert np.abs(exr.color[:, :, inside] - 0.5).max() < 0.01  # linear light, no view transform
    assert exr.color.max() == pytest.approx(1.0, abs=0.01)
    with pytest.raises(OutputExistsError):
        render_rgbd(job(scene), tmp_path / "a", formats=("exr",), blender=blender)


def test_bright_light_is_scaled_into_pictures_and_kept_in_exr(blender, blend_file, tmp_path):
    scene = blend_file("cards", "ortho", 0.1, 4.0, 5.0, 6.0, 7.0)  # the brightest card is 1.3
    told = []
    render_rgbd(job(scene), tmp_path / "a", formats=("exr", "side-by-side"), blender=blender, warn=told.append)
    exr, pair = (read_rgbd(tmp_path / name, mapping="linear") for name in ("a.exr", "a_rgbd_lr.png"))
    assert exr.color.max() == pytest.approx(1.3, abs=0.01)
    assert np.abs(pair.color - exr.color / 1.3).max() < 1e-3
    assert told == ["light is scaled by 0.769 to fit into pictures; OpenEXR keeps it as it is"]


def test_frames_share_one_depth_range_and_markers_change_the_camera(blender, blend_file, tmp_path):
    scene = blend_file("moving", "persp", 5)
    moving = job(scene, frames=(1, 3, 5))
    near, far = find_range(moving, tmp_path, blender=blender)
    # the card is at 5, 4 and 3; in frame 5 the other camera stands a unit nearer, so that it is seen at 2
    assert near == pytest.approx(2.0, abs=0.05)
    assert far == pytest.approx(6.0, abs=0.05)
    formats = ("exr", "video") if importlib.util.find_spec("av") else ("exr",)
    made = render_rgbd(moving, tmp_path / "walk", formats=formats, blender=blender)
    for frame, depth in ((1, 5.0), (3, 4.0), (5, 2.0)):
        seen = read_rgbd(tmp_path / f"walk_{frame:04d}.exr").depth[SIZE // 2, SIZE // 2]
        assert seen == pytest.approx(normalised_depth(depth, near, far, "dioptric"), abs=1e-3)
    if "video" not in formats:
        pytest.skip("PyAV is not installed")
    import av

    assert made[-1] == tmp_path / "walk_rgbd_lr.mp4"
    with av.open(str(made[-1])) as film:
        stream = film.streams.video[0]
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
        # every second frame of 24/1.001 a second; the container counts in ticks of its own
        assert float(stream.average_rate) == pytest.approx(Fraction(24000, 1001) / 2, rel=2e-3)
    assert [picture.shape for picture in pictures] == [(SIZE, 2 * SIZE, 3)] * 3
    for picture, frame in zip(pictures, (1, 3, 5), strict=True):
        level = 1 - read_rgbd(tmp_path / f"walk_{frame:04d}.exr").depth[SIZE // 2, SIZE // 2]
        assert picture[SIZE // 2, SIZE + SIZE // 2].mean() / 255 == pytest.approx(level, abs=0.02)


def test_what_hangs_on_the_scenes_animation_moves(blender, blend_file, tmp_path):
    scene = blend_file("driven", "ortho", 3.0, 5.0)
    near, _far = find_range(job(scene, frames=(1, 2), width=16, height=16), tmp_path, blender=blender)
    assert near == pytest.approx(3.0, abs=0.05)  # where the card is in the first frame alone


def test_a_film_of_odd_pictures_has_even_halves(blender, blend_file, tmp_path):
    av = pytest.importorskip("av")
    odd = job(blend_file("edge", "ortho", 4.0, 6.0), near=4.0, far=6.0, width=33, height=31, samples=1)
    made = render_rgbd(odd, tmp_path / "a", formats=("video",), blender=blender)
    with av.open(str(made[0])) as film:
        (picture,) = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert picture.shape == (32, 68, 3)
    # the front is the left half of each half: white is near
    assert picture[16, 34 + 4].mean() > 240
    assert picture[16, 34 + 29].mean() < 15


def test_depth_of_glass_fog_and_cut_outs(blender, blend_file, tmp_path):
    scene = blend_file("glass", "ortho")
    render_rgbd(job(scene, near=2.0, far=7.0, samples=64), tmp_path / "a", formats=("exr",), blender=blender)
    seen = read_rgbd(tmp_path / "a.exr", mapping="linear")
    metric = 2.0 + 5.0 * seen.depth
    quarter, half = SIZE // 4, SIZE // 2
    assert metric[quarter, quarter] == pytest.approx(3.0, abs=1e-3)  # glass: its front
    assert metric[quarter, half + quarter] == pytest.approx(6.0, abs=1e-3)  # fog: what is behind it
    # and it is in the picture: what it scatters is noisy, while a wall that only glows is not
    fog, wall = (seen.color[:, rows, half + 8 : half + 16] for rows in (slice(8, 16), slice(half + 8, half + 16)))
    assert fog.std() > 0.005
    assert wall.std() < 1e-4
    assert metric[half + quarter, quarter // 2] == pytest.approx(6.0, abs=1e-3)  # cut out: what is behind it
    assert metric[half + quarter, half - quarter // 2] == pytest.approx(5.0, abs=1e-3)  # left standing


@pytest.mark.parametrize(
    ("build", "changes", "said"),
    [
        (("empty", "persp"), {}, "sees no surface"),
        (("edge", "persp", 4.0, 6.0), {"near": 7.0, "far": 9.0}, "camera 'camera' sees nothing between near and far"),
        (("panorama",), {}, "is of type PANO"),
        (("edge", "ortho", 4.0, 6.0), {"device": "NONSENSE"}, "cannot compute on 'NONSENSE'"),
    ],
)
def test_what_has_no_depth_is_refused_and_leaves_nothing(blender, blend_file, tmp_path, build, changes, said):
    with pytest.raises(InputError, match=said):
        render_rgbd(job(blend_file(*build), **changes), tmp_path / "out" / "a", blender=blender)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(InputError, match="format is gif"):
        render_rgbd(job("demo"), tmp_path / "a", formats=("gif",), blender="/nowhere")
