"""Cameras and meters, opened by the names that the command line gives them."""

from collections.abc import Callable
from pathlib import Path

from holodriver.errors import InputError
from holodriver.panel.calibration import Pattern
from holodriver.rig.measure.cameras import Camera, Crop, FolderCamera, LiveFolderCamera, OpenCvCamera
from holodriver.rig.measure.meters import CameraMeter, Meter, PowerMeter
from holodriver.rig.measure.simulated_lab import SimulatedLab

SIMULATED = "simulated"


def open_camera(
    text: str,
    lab: SimulatedLab | None,
    *,
    exposure: float | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> Camera:
    """Open a camera by its name on the command line.

    On a real rig, a folder counts only pictures that come during the measurement; with a simulated lab, it counts the
    pictures that are already there.

    Args:
        text: `simulated`, `camera:0` (number, or name of a device, stream or film), or `folder:PICTURES`.
        lab: lab that a simulated camera sees; None on a real rig.
        exposure: exposure of a real camera, in its driver's unit.
        warn: receives the settings that a real camera changes by itself.

    Raises:
        InputError: the name is unknown, or the camera cannot see the panel.
        RigError: the camera cannot be opened.
    """
    kind, _, where = text.partition(":")
    check_sight(text, simulated=lab is not None)
    if kind == SIMULATED and lab is not None:
        return lab.camera()
    if kind == "camera" and where:
        return OpenCvCamera.open(int(where) if where.isdigit() else where, exposure=exposure, warn=warn)
    if kind == "folder" and where:
        return LiveFolderCamera(Path(where)) if lab is None else FolderCamera(Path(where))
    raise InputError(f"the camera is '{text}', expected simulated, camera:NUMBER or folder:PICTURES")


def open_meter(
    text: str,
    lab: SimulatedLab | None,
    pattern: Pattern,
    *,
    regions: tuple[int, int] = (1, 1),
    exposure: float | None = None,
    crop: Crop | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> Meter:
    """Open a meter by its name on the command line.

    Args:
        text: `simulated`, `power:PORT`, or the name of a real camera or a folder as for `open_camera`.
        lab: lab that a simulated meter sees; None on a real rig.
        pattern: pattern of the frames, which decides the diffraction order of their light.
        regions: rows and columns of parts of the panel that a simulated meter tells apart.
        exposure: exposure of a real camera, in its driver's unit.
        crop: part of a camera's picture that shows the panel: left, top, width, height, pixels.
        warn: receives the settings that a real camera changes by itself.

    Raises:
        InputError: the name is unknown, or the meter cannot see the panel.
        RigError: the meter cannot be opened.
    """
    kind, _, where = text.partition(":")
    check_sight(text, simulated=lab is not None)
    if kind == SIMULATED and lab is not None:
        return lab.meter(pattern).divided(regions)
    if kind == "power" and where:
        return PowerMeter.open(where)
    if kind in ("camera", "folder"):
        return CameraMeter(open_camera(text, lab, exposure=exposure, warn=warn), crop=crop)
    raise InputError(
        f"the meter is '{text}', expected simulated, camera:NUMBER, power:PORT, folder:PICTURES or csv:FILE"
    )


def check_sight(text: str, *, simulated: bool) -> None:
    """Refuse a real instrument for a simulated panel, or a simulated instrument for a real panel.

    Raises:
        InputError: the instrument cannot see the panel.
    """
    kind = text.partition(":")[0]
    if kind == SIMULATED and not simulated:
        raise InputError(f"'{text}' sees the simulated panel alone", remedy="name the one that looks at the rig")
    if kind in ("camera", "power") and simulated:
        raise InputError(
            f"'{text}' is real and cannot see the simulated panel",
            remedy="name the rig that it looks at: --rig rig.toml",
        )
