"""What a simulated rig showed, as a folder to look at: the pixels that were lit, and by what."""

import json
from collections.abc import Sequence
from pathlib import Path

from holodriver.files.atomic import written_folder
from holodriver.files.images import write_pixels
from holodriver.rig.simulated import Exposure

FORMAT, VERSION = "holodriver exposures", 1
MANIFEST = "exposures.json"


def write_recording(path: Path, exposures: Sequence[Exposure], *, overwrite: bool = False) -> None:
    """Write a folder with one grey PNG for each picture and laser, and `exposures.json` with every flip.

    A picture is named after the hologram and the *laser* that lit it ("hologram_0000_red.png"), "dark" if none did.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    with written_folder(path, overwrite=overwrite) as folder:
        names: dict[tuple[int, str, int], str] = {}
        rows = []
        for exposure in exposures:
            laser = "dark" if exposure.colour is None else exposure.colour.label
            picture = exposure.frame_index, laser, id(exposure.pixels)
            if picture not in names:
                stem = f"hologram_{exposure.frame_index:04d}_{laser}"
                # a second picture under one laser is a fault of the rig, and just what one wants to see
                twins = sum(known[:2] == picture[:2] for known in names)
                names[picture] = f"{stem}_{twins + 1}.png" if twins else f"{stem}.png"
                write_pixels(folder / names[picture], exposure.pixels)
            rows.append(
                {
                    "flip": exposure.flip_index,
                    "hologram": exposure.frame_index,
                    "plane": exposure.plane,
                    "laser": laser,
                    "lit_for_s": exposure.lit_for_s,
                    "power_w": exposure.power_w,
                    "pixels": names[picture],
                }
            )
        manifest = {"format": FORMAT, "version": VERSION, "exposures": rows}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
