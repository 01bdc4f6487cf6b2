"""The numbers on which safety rests: defined once on the host, and equal in firmware and simulated controller."""

import re
from pathlib import Path

import pytest

import holodriver
from holodriver.rig import firmware, settings
from holodriver.rig.lasers import scpi
from holodriver.rig.simulated import box_state

PRODUCT = Path(holodriver.__path__[0])
FIRMWARE = Path(firmware.__path__[0])
DARK_S = 0.35
"""Longest time, s, from the last frame to the dark that the driver promises."""


def defined(file: str, name: str) -> list[int]:
    """The numbers that a source file of the firmware defines under this name."""
    text = (FIRMWARE / file).read_text(encoding="ascii")
    (value,) = re.findall(rf"^#define {name} (.+)$", text, re.MULTILINE)
    return [int(number) for number in re.findall(r"(?<!\w)\d+", value)]


@pytest.mark.parametrize(
    ("file", "name", "numbers"),
    [
        ("config.h", "MAX_WATCHDOG_MS", [settings.MAX_WATCHDOG_MS]),
        ("config.h", "MAX_TIME_US", [settings.MAX_ON_TIME_US]),
        ("config.h", "MAX_EDGE_PERIOD_US", [box_state.MAX_EDGE_PERIOD_US]),
        ("config.h", "MAX_STEPS", [box_state.MAX_STEPS]),
        ("config.h", "POWER_LIMITS_NW", [round(watts * 1e9) for watts in box_state.POWER_LIMITS_W]),
        ("commands.c", "MAX_LINE", [scpi.MAX_LINE]),
        ("scpi.c", "QUEUE_LENGTH", [scpi.QUEUE_LENGTH]),
    ],
)
def test_the_firmware_has_the_numbers_of_the_host_and_of_the_simulated_box(file, name, numbers):
    assert defined(file, name) == numbers


def test_a_firmware_that_hangs_is_dark_before_the_watchdog_of_a_silent_host_would_strike():
    (chip_ms,) = re.findall(r"wdt_enable\(WDTO_(\d+)MS\)", (FIRMWARE / "board.c").read_text(encoding="ascii"))
    assert int(chip_ms) < settings.MAX_WATCHDOG_MS


def test_whatever_dies_the_light_ends_in_time():
    watchdog_s = settings.MAX_WATCHDOG_MS * 1e-3
    assert watchdog_s < DARK_S, "the supervisor dies"
    assert settings.STALL_S + settings.HEARTBEAT_S < DARK_S, "the frames stop"
    assert watchdog_s > settings.MAX_ON_TIME_US * 1e-6, "an edge that was the last one"
    assert watchdog_s > 2 * settings.HEARTBEAT_S, "one heartbeat may be late"
    assert 1 / settings.SLOWEST_HZ < settings.STALL_S, "the slowest panel is not taken for one that stopped"


def test_no_module_writes_a_safety_number_a_second_time():
    names = [name for name in vars(settings) if name.isupper() and isinstance(getattr(settings, name), int | float)]
    assert {"MAX_WATCHDOG_MS", "STALL_S", "SLOWEST_HZ"} <= set(names)
    written = re.compile(
        rf"^({'|'.join(set(names) - {'VERSION'})}) *=|watchdog_m?s(?: *: *\w+)? *= *[\d.]", re.M | re.I
    )
    for module in (PRODUCT / "rig").rglob("*.py"):
        if module != Path(settings.__file__):
            assert not written.search(module.read_text(encoding="utf-8")), module
