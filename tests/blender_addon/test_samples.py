"""Cycles uses the wanted number of samples; Blender 5.0.1's persistent session has been seen to keep an old one."""

import numpy as np
import pytest

from holodriver.blender.child import raw_renders
from holodriver.files.exr import read_exr
from holodriver.files.manifest import RawManifest, raw_color_name, raw_depth_name
from holodriver.scene.render_job import RenderJob

SAMPLES, SIZE = 12, 32


@pytest.fixture(scope="module")
def raw(blender, blend_file, tmp_path_factory):
    """Raw renders of a black edge under a sky of radiance 1, not denoised."""
    folder = tmp_path_factory.mktemp("raw")
    job = RenderJob(
        scene=str(blend_file("silhouette", "ortho", 4.0)),
        width=SIZE,
        height=SIZE,
        planes=3,
        coc_max=12.0,
        near=4.0,
        far=6.0,
        samples=SAMPLES,
        depth_samples=2,
        denoise=False,
    )
    with raw_renders(blender, job, folder, scratch=folder) as written:
        assert list(written) == [("all_in_focus", 0), ("plane", 0), ("plane", 1), ("plane", 2)]
    return folder


def sky(raw, name):
    layer = RawManifest.read(raw).layer
    return read_exr(raw / name, (f"{layer}.Combined.R",)).channels[f"{layer}.Combined.R"]


def test_colour_takes_all_samples(raw):
    """A pixel is the mean of its samples, each 0 or 1: a multiple of 1/12, and of no coarser fraction."""
    values = np.concatenate([sky(raw, raw_color_name(plane)).ravel() for plane in range(3)])
    counts = values * SAMPLES
    np.testing.assert_allclose(counts, counts.round(), atol=1e-4)
    assert {1, 5, 7, 11} <= set(counts.round().astype(int))


def test_depth_takes_one_sample(raw):
    """Seen through one ray a pixel is black or white, in the middle of a blurred edge too."""
    values = np.concatenate([sky(raw, raw_depth_name(2, sample)).ravel() for sample in range(2)])
    assert set(np.unique(values)) == {0.0, 1.0}


def test_depth_samples_differ(raw):
    first, second = (sky(raw, raw_depth_name(2, sample)) for sample in range(2))
    assert (first != second).any()


def test_planes_have_noise_of_their_own(raw):
    """Between two planes as far from the edge to either side, equal seeds would give equal images."""
    assert (sky(raw, raw_color_name(1)) != sky(raw, raw_color_name(2))).any()
