"""Focal stacks of an animation as a batch."""

from pathlib import Path

import pytest

from holodriver.farm.run import run
from holodriver.files.stack import read_stack
from holodriver.scene.render_job import RenderJob
from holodriver.tasks.batches.animation import frames_batch

SIZE = 32


def job(scene: Path, frames: tuple[int, ...]) -> RenderJob:
    return RenderJob(
        scene=str(scene), width=SIZE, height=SIZE, planes=2, coc_max=4.0, samples=1, depth_samples=1, denoise=False,
        frames=frames,
    )  # fmt: skip


def test_frames_share_one_range_which_stays_for_frames_asked_for_later(blender, blend_file, tmp_path) -> None:
    scene, folder = blend_file("moving", "ortho", 3), tmp_path / "walk.stacks"
    (folder / ".range.abcd1234").mkdir(parents=True)  # of a run that was killed while it looked for the range
    made = [outcome.unit.outputs[0] for outcome in run(frames_batch(job(scene, (1, 2)), folder, blender=blender.path))]
    assert [path.name for path in made] == ["walk_0001.stack", "walk_0002.stack"]
    assert not list(folder.glob(".range.*"))
    stacks = [read_stack(path) for path in made]
    assert [stack.provenance["frame"] for stack in stacks] == [1, 2]
    near, far = (stacks[0].provenance[name] for name in ("near", "far"))
    for stack, depth in zip(stacks, (5.0, 4.0), strict=True):
        assert (stack.provenance["near"], stack.provenance["far"]) == (near, far)
        seen = stack.all_in_focus_depth[SIZE // 2, SIZE // 2]
        assert seen == pytest.approx((depth - near) / (far - near), abs=1e-3)
    made[1].rename(tmp_path / "gone")
    before = (made[0] / "stack.json").stat().st_mtime_ns
    outcomes = run(frames_batch(job(scene, (1, 2, 3)), folder, blender=blender.path))
    assert [outcome.attempts for outcome in outcomes] == [0, 1, 1]
    assert (made[0] / "stack.json").stat().st_mtime_ns == before
    assert read_stack(folder / "walk_0003.stack").provenance["near"] == near
