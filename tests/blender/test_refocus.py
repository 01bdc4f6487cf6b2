"""The refocus route against the thin lens: equal blur, light and depth from pinhole views."""

import numpy as np
import pytest

from holodriver.blender.stack import render_stack
from holodriver.errors import InputError
from holodriver.files.stack import read_stack
from holodriver.scene.render_job import RenderJob
from holodriver.scores.psnr_ssim import psnr

DEPTHS = (2.0, 2.4, 3.5, 6.0)
COC_MAX = 10.0


@pytest.mark.parametrize("kind", ["persp", "shift"])
def test_refocused_views_are_what_a_thin_lens_shows(blender, blend_file, tmp_path, kind):
    scene = blend_file("cards", kind, 0.1, *DEPTHS)
    stacks = {}
    for route, samples in (("planes", 256), ("refocus", 16)):
        job = RenderJob(
            scene=str(scene),
            width=72 if kind == "shift" else 80,
            height=80,
            planes=5,
            coc_max=COC_MAX,
            near=DEPTHS[0],
            far=DEPTHS[-1],
            samples=samples,
            denoise=False,
            route=route,
        )
        stacks[route] = read_stack(render_stack(job, tmp_path / f"{route}.stack", blender=blender))
    direct, refocused = stacks["planes"], stacks["refocus"]
    # brightest card 1.3: relative to it
    scores = [psnr(a / 1.3, b / 1.3) for a, b in zip(refocused.images, direct.images, strict=True)]
    energies = refocused.energies()
    print(f"{kind}: {', '.join(f'{score:.1f}' for score in scores)} dB, energies within {np.ptp(energies):.2%}")
    # a view a pixel to one side would be 20 dB: edges of these cards are as hard as edges can be
    assert min(scores) > 33
    assert np.ptp(energies) < 0.002
    assert abs(refocused.images.mean() / direct.images.mean() - 1) < 0.002
    np.testing.assert_array_equal(refocused.depths, direct.depths)
    assert refocused.provenance["renderer"]["route"] == "refocus"


def test_an_orthographic_camera_is_refused(blender, blend_file, tmp_path):
    scene = blend_file("cards", "ortho", 0.1, *DEPTHS)
    job = RenderJob(scene=str(scene), width=16, height=16, planes=3, coc_max=4.0, samples=1, route="refocus")
    with pytest.raises(InputError, match="needs a perspective camera"):
        render_stack(job, tmp_path / "a.stack", blender=blender)
    assert not list(tmp_path.iterdir())
