"""Render random scenes with exact depth for depth.py, with a moving camera if wanted; runs inside Blender.

    python -I depth_scenes.py JOB.json

The job contains `packages` (folders of holodriver and blender_addon), `folder`, `width`, `height`, `samples`, `split`,
`zoom` (magnification of the view), and `shots`: a list of {"seed", "path"}, where a path is a list of camera positions
(x, y, z) in scene units, one for each frame. The script writes ``SHOT_FRAME_color.exr``, ``SHOT_FRAME_depth.exr`` (one
ray through each pixel's centre) and ``camera.json``.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import bpy


def load_package(folder: Path) -> None:
    """Load a package from its folder, because the driver's site-packages must not be on Blender's path."""
    spec = importlib.util.spec_from_file_location(
        folder.name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = module
    spec.loader.exec_module(module)


def render_shot(job: dict[str, Any], number: int, shot: dict[str, Any]) -> dict[str, float]:
    """Render one shot and return the focal length of its camera, pixels."""
    from blender_addon.render.cycles import prepare, prepare_depth, render_image
    from blender_addon.scenes.random_scene import build_random
    from holodriver.scene.render_job import RANDOM, RenderJob

    folder, width, height = Path(job["folder"]), job["width"], job["height"]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    build_random(scene, mapping="dioptric", aspect=width / height, seed=shot["seed"], split=job["split"])
    layer = prepare(scene, RenderJob(scene=RANDOM, width=width, height=height, samples=job["samples"]))
    camera = scene.camera
    camera.data.lens *= job["zoom"]
    for kind in ("color", "depth"):
        if kind == "depth":
            prepare_depth(scene, layer)
        for frame, position in enumerate(shot["path"]):
            camera.location = position
            render_image(scene, folder / f"{number}_{frame:03d}_{kind}.exr", seed=1000 * number + frame)
    vertical = camera.data.sensor_fit == "VERTICAL"
    sensor = camera.data.sensor_height if vertical else camera.data.sensor_width
    return {"focal_px": camera.data.lens / sensor * (height if vertical else width)}


def main() -> None:
    """Read the job and render all shots."""
    job = json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8"))
    for folder in job["packages"]:
        load_package(Path(folder))
    cameras = [render_shot(job, number, shot) for number, shot in enumerate(job["shots"])]
    described = [{**camera, **shot} for camera, shot in zip(cameras, job["shots"], strict=True)]
    Path(job["folder"], "camera.json").write_text(json.dumps(described, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
