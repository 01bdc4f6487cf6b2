"""What monitors say about themselves (EDID), and which mode the X server gives them."""

import re
from dataclasses import dataclass

BLOCK = 128
"""Bytes of the base block (VESA E-EDID A2, section 3)."""
HEADER = b"\x00\xff\xff\xff\xff\xff\xff\x00"
DESCRIPTORS = (54, 72, 90, 108)
NAME, SERIAL = 0xFC, 0xFF
"""Tags of the descriptors that hold text (section 3.10.3)."""


@dataclass(frozen=True)
class Edid:
    """Who a monitor says it is; empty where it does not say."""

    maker: str = ""
    """Three letters, such as DEL."""
    name: str = ""
    serial: str = ""


def read_edid(data: bytes) -> Edid | None:
    """The names in an EDID; None if it is not one."""
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
    """A connector of the X server."""

    edid: Edid | None
    refresh_hz: float | None
    """Exactly, from the mode's pixel clock, 1/s; the window library rounds it to whole Hz."""


def x_outputs() -> tuple[dict[str, XOutput], bool]:
    """The X server's connectors by name, and whether the server is itself a window of Wayland.

    Empty where there is no X server or it has no RandR.
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
