"""Which camera or meter looks, by the text that names it on the command line."""

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
    """The camera `simulated`, `camera:0` (number, or name of a device, stream or film), or `folder:PICTURES`.

    Where a real rig is lit, only pictures count that come into the folder meanwhile; else those that are there do.

    Args:
        text: as above.
        lab: at which a simulated camera looks; None on a real rig.
        exposure: of a real camera, in its driver's unit.
        warn: is told what a real camera changes by itself.

    Raises:
        InputError: something else, or a camera that cannot see the panel.
        RigError: it cannot be opened.
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
    """The meter `simulated`, `power:PORT`, or any camera of `open_camera`.

    Args:
        text: as above.
        lab: at which a simulated meter looks; None on a real rig.
        pattern: of the frames, which says where their light goes.
        regions: rows and columns of parts of the panel that a simulated meter tells apart.
        exposure: of a real camera, in its driver's unit.
        crop: where it sees the panel: left, top, width, height, pixels.
        warn: is told what a real camera changes by itself.

    Raises:
        InputError: something else, or a meter that cannot see the panel.
        RigError: it cannot be opened.
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
    """Refuse what cannot see the panel: a real device the simulated one, or a simulated device a real one.

    Raises:
        InputError: says which.
    """
    kind = text.partition(":")[0]
    if kind == SIMULATED and not simulated:
        raise InputError(f"'{text}' sees the simulated panel alone", remedy="name the one that looks at the rig")
    if kind in ("camera", "power") and simulated:
        raise InputError(
            f"'{text}' is real and cannot see the simulated panel",
            remedy="name the rig that it looks at: --rig rig.toml",
        )
