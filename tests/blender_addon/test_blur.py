"""Rendered blur, measured by second moments, against the blur circle for which wave fields are computed."""

import math

import numpy as np
import pytest

from holodriver.blender.stack import render_stack
from holodriver.files.stack import read_stack
from holodriver.scene.render_job import RenderJob

WIDTH, HEIGHT, COLUMNS, ROWS = 160, 80, 4, 2
COC_MAX, PLANES = 15.0, 5
RADIUS_PX = 1.5
T = (0.0, 0.15, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97)


def depth_of(t: float, near: float, far: float, mapping: str) -> float:
    return near + (far - near) * t if mapping == "linear" else 1 / (1 / near + (1 / far - 1 / near) * t)


def variances(image: np.ndarray) -> list[float]:
    """Second moment (px², both axes together) of the light in each cell of the grid."""
    cell = WIDTH // COLUMNS
    columns = image.shape[1] // cell
    found = []
    for number in range(len(T)):
        top, left = number // columns * cell, number % columns * cell
        light = image[top : top + cell, left : left + cell].astype(np.float64)
        weight = light / light.sum()
        y, x = np.mgrid[: light.shape[0], : light.shape[1]]
        found.append(float(sum((weight * (axis - (weight * axis).sum()) ** 2).sum() for axis in (x, y))))
    return found


@pytest.mark.parametrize(
    ("kind", "mapping", "near", "far"),
    [
        ("ortho", "linear", 3.0, 5.0),
        ("persp", "dioptric", 2.0, 12.0),
        ("persp", "dioptric", 2.0, math.inf),
        ("near", "dioptric", 0.2, 0.35),
        ("shift", "dioptric", 2.0, 12.0),  # portrait
    ],
)
def test_blur_diameter_is_linear_and_symmetric(blender, blend_file, tmp_path, kind, mapping, near, far):
    depths = [depth_of(t, near, far, mapping) for t in T]
    portrait = kind == "shift"
    grid, size = ((ROWS, COLUMNS), (HEIGHT, WIDTH)) if portrait else ((COLUMNS, ROWS), (WIDTH, HEIGHT))
    scene = blend_file("points", kind, *grid, RADIUS_PX, WIDTH, *depths)
    job = RenderJob(
        scene=str(scene),
        width=size[0],
        height=size[1],
        planes=PLANES,
        coc_max=COC_MAX,
        samples=192,
        near=near,
        far=far,
        depth_samples=1,
        denoise=False,
    )
    stack = read_stack(render_stack(job, tmp_path / "points.stack", blender=blender))
    assert stack.mapping == mapping
    sharp = variances(stack.all_in_focus[0])
    rows = []
    for plane, position in enumerate(stack.positions):
        for t, blurred, own in zip(T, variances(stack.images[plane, 0]), sharp, strict=True):
            # a uniform disc of diameter D has the second moment D²/8; the sphere and the pixel filter add their own
            measured = math.sqrt(8 * max(0.0, blurred - own))
            rows.append((float(position), t, measured, COC_MAX * abs(t - float(position))))
    errors = [measured - expected for _, _, measured, expected in rows]
    # the same blur on both sides of the focus: planes 1 and 3 see t and 1 − t alike
    blurs = {(position, t): measured for position, t, measured, _ in rows}
    uneven = [abs(blurs[0.25, t] - blurs[0.75, 1 - t]) for t in T if 1 - t in T]
    print(f"{kind} to {far}: asymmetry at most {max(uneven):.2f} px")
    assert max(uneven) < 0.7
    print(f"{kind} to {far}: worst {max(map(abs, errors)):.2f} px, mean {np.mean(errors):+.3f} px")
    # 0.7 px or 5 %: the square root of a noisy second moment spreads so much at 192 samples near focus
    wrong = [row for row, error in zip(rows, errors, strict=True) if abs(error) > max(0.7, 0.05 * row[3])]
    assert not wrong, wrong
