"""`holodriver monitors`: list the connected monitors, of which one may be the panel."""

import json

from holodriver.cli import console
from holodriver.cli.options import Json


def monitors(as_json: Json = False) -> None:
    """List the monitors: connector, what each calls itself (EDID), place, size, refresh rate, scale, gamma ramp.

    A rig file and `pattern --monitor` name a monitor by its EDID name or its connector, which stay the same, or by its
    index, which may change.
    """
    from holodriver.rig.panel.monitors import monitors as all_monitors

    found = all_monitors()
    if as_json:
        rows = [monitor.as_dict() for monitor in found]
        print(json.dumps({"format": "holodriver-monitors", "version": 1, "monitors": rows}, indent=1))
        return
    console.table(
        ("index", "connector", "name", "serial", "pixels", "place", "Hz", "scale", "gamma", "primary"),
        [
            (
                monitor.index,
                monitor.connector,
                f"{monitor.maker} {monitor.name}".strip() or "unknown",
                monitor.serial or "unknown",
                f"{monitor.width} × {monitor.height}",
                f"{monitor.x:+d}{monitor.y:+d}",
                f"{monitor.refresh_hz:.3f}" if monitor.refresh_hz else "unknown",
                f"{monitor.scale:g}",
                monitor.gamma,
                "yes" if monitor.primary else "",
            )
            for monitor in found
        ],
    )
