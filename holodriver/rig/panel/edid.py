"""Maker, name and serial number of monitors (EDID), and the refresh rates in the X server's modes."""

import re
from dataclasses import dataclass

BLOCK = 128
"""Size of the base block, bytes (VESA E-EDID A2, section 3)."""
HEADER = b"\x00\xff\xff\xff\xff\xff\xff\x00"
DESCRIPTORS = (54, 72, 90, 108)
NAME, SERIAL = 0xFC, 0xFF
"""Tags of the descriptors that hold the name and the serial number (VESA E-EDID A2, section 3.10.3)."""


@dataclass(frozen=True)
class Edid:
    """Identity of a monitor; unknown fields are empty."""

    maker: str = ""
    """Three letters of the maker, such as "DEL"."""
    name: str = ""
    serial: str = ""


def read_edid(data: bytes) -> Edid | None:
    """Read the identity from the bytes of an EDID; None if they are no EDID."""
    if len(data) < BLOCK or not data.startswith(HEADER):
        return None
    letters = int.from_bytes(data[8:10], "big")
    codes = [(letters >> shift) & 31 for shift in (10, 5, 0)]
    maker = "".join(chr(64 + code) for code in codes) if all(1 <= code <= 26 for code in codes) else ""
    texts: dict[int, str] = {}
    for at in DESCRIPTORS:
        block = data[at : at + 18]
        if block[:3] == b"\x00\x00\x00":
            text = block[5:].split(b"\n")[0].decode("cp437")
            texts.setdefault(block[3], re.sub(r"[^\x20-\x7e]", "", text).strip())
    number = int.from_bytes(data[12:16], "little")
    return Edid(maker, texts.get(NAME, ""), texts.get(SERIAL, "") or (str(number) if number else ""))


@dataclass(frozen=True)
class XOutput:
    """The state of a connector of the X server."""

    edid: Edid | None
    """Identity of the monitor; None without a monitor."""
    refresh_hz: float | None
    """Exact refresh rate from the mode's pixel clock, Hz (GLFW rounds to whole Hz); None without a mode."""


def x_outputs() -> tuple[dict[str, XOutput], bool]:
    """Return the X server's connectors by name, and whether the server runs inside Wayland.

    There are no connectors without an X server, or if the X server has no RandR.
    """
    try:
        from Xlib import X, display
        from Xlib.error import DisplayError, XError
    except ImportError:
        return {}, False
    try:
        server = display.Display()
    except (DisplayError, OSError):
        return {}, False
    try:
        root = server.screen().root
        nested = bool(server.query_extension("XWAYLAND"))
        if not server.has_extension("RANDR"):
            return {}, nested
        resources = root.xrandr_get_screen_resources_current()
        modes = {mode.id: mode for mode in resources.modes}
        property_name = server.intern_atom("EDID")
        found = {}
        for output in resources.outputs:
            info = server.xrandr_get_output_info(output, resources.config_timestamp)
            value = server.xrandr_get_output_property(output, property_name, X.AnyPropertyType, 0, 128)
            rate = None
            if info.crtc:
                crtc = server.xrandr_get_crtc_info(info.crtc, resources.config_timestamp)
                mode = modes.get(crtc.mode)
                if mode is not None and mode.dot_clock and mode.h_total and mode.v_total:
                    rate = mode.dot_clock / (mode.h_total * mode.v_total)
            found[info.name] = XOutput(read_edid(bytes(value.value)), rate)
        return found, nested or any(name.startswith("XWAYLAND") for name in found)
    except XError:
        return {}, False
    finally:
        server.close()
