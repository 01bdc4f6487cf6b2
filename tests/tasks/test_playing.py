"""`Rig` and `play`: the simulated rig is played like a lab's, and nothing is lit unasked."""

import numpy as np
import pytest

import holodriver as hd
from holodriver.errors import FileFormatError, InputError


@pytest.fixture(scope="module")
def frames() -> hd.PanelFrames:
    y, x = np.mgrid[:64, :64]
    light = (((x // 8 + y // 8) % 2) * 0.8 + 0.1)[None] * np.array([1.0, 0.5, 0.2])[:, None, None]
    return hd.encode(hd.WaveField.from_array(np.sqrt(light).astype(complex), display=hd.REFERENCE))


def test_nothing_is_lit_before_arm(frames):
    said: list[str] = []
    with hd.Rig("simulated", say=said.append) as rig:
        assert not rig.armed
        report = rig.play(frames, cycles=2)
        assert report.frames_shown >= 6
        with pytest.raises(InputError, match=r"the play was dark .*rig.arm\(\)"):
            rig.picture()
    assert not any("ARMED" in line for line in said)


def test_an_armed_play_shows_the_hologram_and_the_block_disarms(frames):
    said: list[str] = []
    with hd.Rig("simulated", say=said.append) as rig:
        rig.arm(power_mw=2.0)
        rig.play(frames, cycles=8)
        assert rig.armed
        seen, meant = rig.picture(focus=0.5), hd.look(frames, focus=0.5)
        rig.disarm()
        assert not rig.armed
        rig.arm()
    assert not rig.armed
    assert any("ARMED" in line and "2 mW" in line for line in said)
    # each colour by itself: a frame that a busy machine left dark costs its colour light, and nothing else
    for shown, wanted in zip(seen, meant, strict=True):
        assert shown / shown.mean() == pytest.approx(wanted / wanted.mean(), abs=1e-3)


def test_a_rig_outside_its_block_does_nothing(frames):
    rig = hd.Rig()
    for act in (rig.arm, lambda: rig.play(frames)):
        with pytest.raises(InputError, match="outside its block"):
            act()


def test_a_power_that_is_none_and_one_over_the_limit(frames):
    with hd.Rig() as rig:
        for power in (0.0, -1.0, float("nan")):
            with pytest.raises(InputError, match="power_mw is"):
                rig.arm(power_mw=power)
        assert not rig.armed
        rig.arm(power_mw=1e6)
        with pytest.raises(InputError, match="limit"):
            rig.play(frames, cycles=1)


def test_files_and_holograms_are_played_alike(frames, tmp_path):
    (path,) = hd.write(tmp_path / "scene.holo", frames)
    report = hd.play(path, hd.Hologram(frames=frames), frames, cycles=2)
    assert report.frames_shown >= 3 * 3 * 2
    assert report.colour_errors == 0


def test_what_cannot_be_played(tmp_path, frames):
    with hd.Rig() as rig, pytest.raises(InputError, match="no hologram was given"):
        rig.play()
    with pytest.raises(FileFormatError, match="does not exist"):
        hd.Rig(tmp_path / "rig.toml")
