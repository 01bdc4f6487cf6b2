"""A whole rig with the firmware in a simulated chip: after any failure the pins are dark in time and stay dark.

Held to the limits in the chip's time. `scripts/bench/darkness.py` prints all figures, those of the wall beside them.
"""

import sys

import pytest
from rig.darkness import strike

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signals")


@pytest.mark.parametrize(
    ("blow", "limit_s"),
    [
        ("player SIGKILL", 0.35),
        ("player Ctrl-C", 0.35),
        ("player hangs", 0.35),
        ("display SIGKILL", 0.35),
        ("display hangs", 0.35),
        ("supervisor SIGKILL", 0.25),
        ("USB unplugged", 0.25),
    ],
)
def test_it_goes_dark_in_time_and_stays_dark(chip_programs, blow, limit_s):
    found = strike(chip_programs, blow)
    print(f"\n{blow}: dark after {found.simulated_s * 1e3:.0f} ms in the chip's time")
    assert found.simulated_s <= limit_s
    assert found.last_light_s <= found.simulated_s + 1e-3
    assert not found.relit
