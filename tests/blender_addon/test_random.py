"""Random scenes: determined by the seed, spread over all depths, in two sets without a common member."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import holodriver
from holodriver.blender.child import _addon_folder
from holodriver.blender.find import blender_environment
from holodriver.errors import InputError
from holodriver.files.exr import read_exr
from holodriver.files.manifest import RAW_PINHOLE_DEPTH_NAME, RawManifest
from holodriver.scene.render_job import RenderJob

SIZE = 64
NEAR, FAR = 10.0, 14.0  # of scenes that the add-on builds
SEEDS = (1, 2)

RUN = """
import hashlib, importlib.util, json, sys
from pathlib import Path

import bpy, numpy

asked = json.loads(Path(sys.argv[-1]).read_text())
spec = importlib.util.spec_from_file_location("headless", Path(asked["addon"]) / "render" / "headless.py")
headless = importlib.util.module_from_spec(spec)
spec.loader.exec_module(headless)
headless._load_package("holodriver", Path(asked["holodriver"]))
headless._load_package("blender_addon", Path(asked["addon"]))
from blender_addon.render.job import run_job

def simple(value):
    return list(value) if hasattr(value, "__len__") and not isinstance(value, str) else value

def values(node):
    modes = {p.identifier: getattr(node, p.identifier) for p in node.bl_rna.properties if p.type == "ENUM"}
    numbers = {s.name: simple(s.default_value) for s in node.inputs if hasattr(s, "default_value")}
    return [node.bl_idname, modes, numbers]

def surface(made):
    mesh = made.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    points = numpy.empty(3 * len(mesh.vertices), numpy.float32)
    mesh.vertices.foreach_get("co", points)
    return hashlib.sha256(points.tobytes()).hexdigest()

for job in asked["jobs"]:
    Path(job["folder"]).mkdir()
    run_job(job, progress=lambda *_: None, written=lambda *_: None)
    things = [made for made in bpy.context.scene.objects if made.type in ("MESH", "CURVE", "FONT")]
    lamps = [made for made in bpy.context.scene.objects if made.type == "LIGHT"]
    worn = {made.name: made.data.materials[0] for made in things}
    told = {
        "things": {made.name: [[list(row) for row in made.matrix_world], surface(made)] for made in things},
        "worn": {name: material.name for name, material in worn.items()},
        "materials": {m.name: [values(node) for node in m.node_tree.nodes] for m in worn.values()},
        "lamps": [[list(l.location), l.data.energy, list(l.data.color), l.data.size] for l in lamps],
    }
    Path(job["folder"], "scene.json").write_text(json.dumps(told))
"""


def build(blender, folder, scenes):
    """Raw renders of scenes (split, seed, mapping, width): what Blender tells of each, metric depth, manifest."""
    common = {"scene": "random", "height": SIZE, "planes": 2, "coc_max": 3.0, "samples": 1}
    common |= {"depth_samples": 1, "denoise": False}
    jobs = []
    for split, seed, mapping, width in scenes:
        request = RenderJob(**common, split=split, seed=seed, mapping=mapping, width=width)
        raw = folder / f"{split}{seed}"
        jobs.append({"kind": "stack", "request": request.as_dict(), "folder": str(raw), "threads": None})
    asked = {"jobs": jobs, "addon": str(_addon_folder()), "holodriver": str(Path(holodriver.__file__).parent)}
    (folder / "run.py").write_text(RUN, encoding="utf-8")
    (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    command = blender.command(folder / "run.py", [str(folder / "asked.json")])
    done = subprocess.run(command, env=blender_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = {}
    for scene, job in zip(scenes, jobs, strict=True):
        raw = Path(job["folder"])
        manifest = RawManifest.read(raw)
        channel = f"{manifest.layer}.Depth.Z"
        depth = read_exr(raw / RAW_PINHOLE_DEPTH_NAME, (channel,)).channels[channel]
        found[scene] = json.loads((raw / "scene.json").read_text(encoding="utf-8")), depth, manifest
    return found


@pytest.fixture(scope="module")
def scenes(blender, tmp_path_factory):
    wanted = [("test", seed, "linear", SIZE) for seed in SEEDS]
    wanted += [("train", 1, "linear", SIZE), ("train", 2, "dioptric", 3 * SIZE // 2)]
    return build(blender, tmp_path_factory.mktemp("random"), wanted)


def kinds(names):
    """Names without the number that Blender's objects and materials end in here."""
    return {name.rpartition(" ")[0] for name in names if name != "wall"}


def test_a_seed_gives_one_scene(blender, scenes, tmp_path):
    scene = ("test", SEEDS[0], "linear", SIZE)
    again = build(blender, tmp_path, [scene])[scene]
    assert again[0] == scenes[scene][0]
    np.testing.assert_array_equal(again[1], scenes[scene][1])


def test_another_seed_gives_another_scene(scenes):
    first, second = (scenes["test", seed, "linear", SIZE][0] for seed in SEEDS[:2])
    assert {shape for _, shape in first["things"].values()} & {shape for _, shape in second["things"].values()} <= {
        first["things"]["wall"][1]
    }
    assert first["lamps"] != second["lamps"]


def test_scenes_are_full(scenes):
    for told, _, _ in scenes.values():
        assert 15 <= len(told["things"]) - 1 <= 40  # one is the wall
        assert len(kinds(told["things"])) >= 6
        assert len(kinds(told["materials"])) >= 4


def test_train_and_test_share_no_kind_of_thing_and_no_texture(scenes):
    things, textures, nodes = ({"train": set(), "test": set()} for _ in range(3))
    for (split, *_), (told, _, _) in scenes.items():
        things[split] |= kinds(told["things"])
        textures[split] |= kinds(told["materials"])
        for material in told["materials"].values():
            nodes[split] |= {
                json.dumps([node, modes]) for node, modes, _ in material if node.startswith("ShaderNodeTex")
            } - {json.dumps([node, modes]) for node, modes, _ in material if node == "ShaderNodeTexCoord"}
    for found in (things, textures, nodes):
        assert all(found.values())
        assert not found["train"] & found["test"]


def test_depths_are_even_and_in_range(scenes):
    shares = []
    for (_, _, mapping, _), (_, z, _) in scenes.items():
        t = (z - NEAR) / (FAR - NEAR) if mapping == "linear" else (1 / NEAR - 1 / z) / (1 / NEAR - 1 / FAR)
        # not clipped: the wall's face is the far plane to single precision
        assert t.min() >= 0
        assert t.max() <= 1 + 1e-5
        things = t[t < 0.999]
        assert 0.5 < things.size / t.size < 0.85
        counts, _ = np.histogram(things, bins=5, range=(0, 1))
        assert counts.min() > 0.5 * counts.mean()
        shares.append(counts / counts.sum())
    mean = np.mean(shares, axis=0)
    print("share of pixels in fifths of the depth range:", mean.round(3))
    # the scene counts on a coarser grid of rays of its own; about 1 % of share was measured to be left
    assert abs(mean - 0.2).max() < 0.03


def test_manifest_tells_seed_and_split(scenes):
    for (split, seed, mapping, _), (_, _, manifest) in scenes.items():
        assert manifest.provenance == {"scene": "random", "seed": seed, "split": split}
        assert (manifest.mapping, manifest.near, manifest.far) == (mapping, NEAR, FAR)


def test_unknown_split_is_refused():
    with pytest.raises(InputError, match="split is 'validation'"):
        RenderJob(scene="random", width=16, height=16, planes=2, coc_max=2.0, split="validation")
