"""Energy is equal in all focal planes, because one wave field has one energy."""

import numpy as np
import pytest

from holodriver.blender.stack import render_stack
from holodriver.files.stack import read_stack
from holodriver.scene.render_job import RenderJob

COC_MAX = 12.0


@pytest.mark.parametrize(
    ("kind", "depths"),
    [
        ("ortho", (10.0, 11.0, 12.5, 14.0)),
        ("persp", (2.0, 2.4, 3.5, 6.0)),
        ("near", (0.2, 0.23, 0.28, 0.35)),
        ("shift", (2.0, 2.4, 3.5, 6.0)),
    ],
)
def test_planes_differ_by_less_than_half_a_percent(blender, blend_file, tmp_path, kind, depths):
    """Bright cards at four depths, far enough inside that no blur crosses the border."""
    height, width = 96, 88 if kind == "shift" else 96
    job = RenderJob(
        scene=str(blend_file("cards", kind, 0.1, *depths)),
        width=width,
        height=height,
        planes=21,
        coc_max=COC_MAX,
        near=depths[0],
        far=depths[-1],
        samples=64,
        depth_samples=1,
        denoise=False,
    )
    stack = read_stack(render_stack(job, tmp_path / "cards.stack", blender=blender))
    border = np.ones((height, width), bool)
    border[1:-1, 1:-1] = False
    assert stack.images[:, :, border].max() == 0
    energies = stack.energies()
    print(f"{kind}: energies {energies.min():.5f} to {energies.max():.5f}")
    assert energies.max() - energies.min() < 0.005
