"""Which camera or meter looks, by the text that names it on the command line."""

from pathlib import Path

from holodriver.errors import InputError
from holodriver.panel.calibration import Pattern
from holodriver.rig.cameras import Camera, FolderCamera, OpenCvCamera
from holodriver.rig.meters import CameraMeter, Meter, PowerMeter
from holodriver.rig.simulated_lab import SimulatedLab
from holodriver.rig.stage import Stage

SIMULATED = "simulated"


def open_camera(text: str, stage: Stage, *, exposure: float | None = None) -> Camera:
    """The camera `simulated`, `camera:0` (number or name), or `folder:PICTURES`.

    Raises:
        InputError: something else, or a simulated camera before a real rig.
        RigError: it cannot be opened.
    """
    kind, _, where = text.partition(":")
    if kind == SIMULATED and isinstance(stage, SimulatedLab):
        return stage.camera()
    if kind == "camera" and where:
        return OpenCvCamera(int(where) if where.isdigit() else where, exposure=exposure)
    if kind == "folder" and where:
        return FolderCamera(Path(where))
    raise InputError(f"the camera is '{text}', expected simulated, camera:NUMBER or folder:PICTURES")


def open_meter(
    text: str,
    stage: Stage,
    pattern: Pattern,
    *,
    regions: tuple[int, int] = (1, 1),
    exposure: float | None = None,
    crop: tuple[int, int, int, int] | None = None,
) -> Meter:
    """The meter `simulated`, `power:PORT`, or any camera of `open_camera`.

    Raises:
        InputError: something else.
        RigError: it cannot be opened.
    """
    kind, _, where = text.partition(":")
    if kind == SIMULATED and isinstance(stage, SimulatedLab):
        return stage.meter(pattern).divided(regions)
    if kind == "power" and where:
        return PowerMeter(where)
    if kind in ("camera", "folder"):
        return CameraMeter(open_camera(text, stage, exposure=exposure), crop=crop)
    raise InputError(
        f"the meter is '{text}', expected simulated, camera:NUMBER, power:PORT, folder:PICTURES or csv:FILE"
    )
