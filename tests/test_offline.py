"""holodriver never contacts a server: its commands work where the kernel kills processes that open Internet sockets."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import no_network
import numpy as np
import pytest
from layered import layered_stack
from networks import write_weights

from holodriver.files.stack import write_stack
from holodriver.scene.rgbd import RgbdImage
from holodriver.system.quiet import SILENT

pytestmark = pytest.mark.skipif(not no_network.available(), reason="this system has no seccomp filters")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with what the commands below read."""
    from holodriver.files.rgbd import write_rgbd

    folder = tmp_path_factory.mktemp("offline")
    stack = layered_stack(32, planes=4, coc_max=4.0, rays=12)
    write_stack(stack, folder / "a.stack")
    write_rgbd(RgbdImage(stack.all_in_focus, stack.all_in_focus_depth), folder / "p_rgbd_lr.png")
    cv2.imwrite(str(folder / "photo.jpg"), np.full((48, 64, 3), 90, np.uint8))
    write_weights(folder)
    return folder


def run(place: Path, *commands: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(place / "cache"), "OMP_WAIT_POLICY": "PASSIVE"}
    listed = json.dumps([command.split() for command in commands])
    script = [sys.executable, str(Path(no_network.__file__)), listed]
    return subprocess.run(script, cwd=place, env=environment, capture_output=True, text=True, timeout=600)


def test_the_monitor_sees_a_socket(place):
    """A monitor that sees nothing would prove nothing: casting asks Looking Glass Bridge, over HTTP."""
    done = run(place, "looking-glass devices --connected")
    assert done.returncode == -signal.SIGSYS, done.stderr


def test_a_hologram_from_end_to_end(place):
    done = run(
        place,
        "info a.stack",
        "synth a.stack -o a.holo --iterations 3",
        "synth a.stack -o n.holo --method net --runtime torch",
        "synth p_rgbd_lr.png -o p.holo",
        "synth a.stack -o g.holo --method ncgh",
        "encode a.holo --frames a.frames",
        "info a.holo",
        "info a.frames --json",
        "reconstruct a.holo --focus 0.5 -o seen",
        "play a.holo --record recorded --overwrite",
        "pattern checker -o checker.png",
        "rig new rig.toml",
        "calibrate measure -o panel.json",
        "looking-glass rgbd a.stack -o x.png",
        "looking-glass quilt a.stack -o x.png --device go",
        "looking-glass devices",
        "quantise red.safetensors green.safetensors blue.safetensors -o networks --calibrate a.stack",
        "bench dehnet --size 64x64 --runtime torch",
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_rendering_in_blender(blender, place):
    done = run(
        place, f"render stack demo -o demo.stack --size 16x16 --planes 2 --spp 1 --blender {blender.path} --overwrite"
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_depth_networks_are_asked_to_say_nothing(place):
    """In a process of its own: what they read when imported must be set before."""
    code = (
        "import os; from holodriver.depth.networks import _transformers; _transformers();"
        "from huggingface_hub import constants; from transformers.utils import is_env_variable_true as said;"
        "assert constants.HF_HUB_DISABLE_TELEMETRY and constants.HF_HUB_DISABLE_UPDATE_CHECK;"
        "assert said('DISABLE_SAFETENSORS_CONVERSION')"
    )
    cleared = {name: value for name, value in os.environ.items() if name not in SILENT}
    done = subprocess.run([sys.executable, "-c", code], env=cleared, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
