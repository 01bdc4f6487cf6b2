"""Play panel frames on the simulated rig with the lab's player, and take pictures with the simulated camera."""

import sys
from pathlib import Path

import numpy as np
import small_scene

import holodriver as hd


def main(out: Path) -> None:
    """Play, and write the camera's pictures with near, middle and far focus."""
    frames = hd.encode(hd.synthesise(small_scene.picture(), method="net"))
    with hd.Rig("simulated", say=print) as rig:  # or "rig.toml"
        rig.play(frames, cycles=2)  # dark: lasers stay off before arm()
        rig.arm(power_mw=1.0)
        report = rig.play(frames, cycles=8)
        pictures = [rig.picture(focus=focus) for focus in (0.0, 0.35, 1.0)]
    print(f"{report.frames_shown} frames, {report.colour_errors} in the light of another colour")
    hd.write(out / "played.png", np.concatenate(pictures, axis=2), overwrite=True)


if __name__ == "__main__":  # the rig's processes import this file again
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
