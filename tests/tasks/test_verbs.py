"""The functions of the public interface: each does for one object what its command does."""

import numpy as np
import pytest
from layered import layered_stack, texture
from scipy.ndimage import gaussian_filter

import holodriver as hd
from holodriver.errors import InputError
from holodriver.panel.calibration import Registration
from holodriver.rig.measure.calibrate import SweepSettings, calibrated, measure_colour
from holodriver.rig.measure.simulated_lab import SimulatedLab


@pytest.fixture(scope="module")
def stack() -> hd.FocalStack:
    return layered_stack(64)


@pytest.fixture(scope="module")
def field(stack) -> hd.WaveField:
    return hd.synthesise(stack, method="net")


@pytest.fixture(scope="module")
def image() -> hd.RgbdImage:
    depth = np.ones((64, 64), np.float32)
    depth[20:44, 20:44] = 0
    return hd.RgbdImage(texture(np.random.default_rng(5), 64), depth)


def test_the_display_takes_the_size_of_the_source_and_the_field_says_how_it_was_found(stack, field):
    assert field.profile == hd.REFERENCE.resized(64, 64)
    assert field.provenance["settings"]["method"] == "net"


def test_the_field_is_that_of_the_command(stack, tmp_path):
    """One way to synthesise: `holodriver synth` and the verb differ in nothing."""
    from holodriver.cli.app import main

    hd.write(tmp_path / "scene.stack", stack)
    read = hd.read(tmp_path / "scene.stack", hd.FocalStack)
    assert main(["synth", str(tmp_path / "scene.stack"), "-o", str(tmp_path / "a.holo"), "--method", "ncgh"]) == 0
    theirs = hd.read(tmp_path / "a.holo", hd.Hologram)
    ours = hd.synthesise(read, method="ncgh")
    assert theirs.field is not None
    assert np.array_equal(ours.values, theirs.field.values)
    assert main(["encode", str(tmp_path / "a.holo")]) == 0
    encoded = hd.read(tmp_path / "a.holo", hd.Hologram).frames
    assert encoded is not None
    assert np.array_equal(hd.encode(ours).pixels, encoded.pixels)


def test_the_optimiser_with_padding_is_looked_at_with_padding(stack):
    field = hd.synthesise(stack, method="opt", iterations=3, padding=8)
    expected = field.intensity(0.2, padding=8)
    assert np.array_equal(hd.look(field, focus=0.2), expected)
    assert not np.array_equal(field.intensity(0.2), expected)


def test_a_picture_with_depth_by_the_network_and_by_a_stack(image):
    by_network = hd.synthesise(image, method="net")
    by_stack = hd.synthesise(image, method="flat", planes=16)
    assert by_network.values.shape == by_stack.values.shape == (3, 64, 64)
    near, far = (hd.look(by_network, focus=focus) for focus in (0.0, 1.0))
    square = (slice(None), slice(24, 40), slice(24, 40))

    def detail(picture: np.ndarray) -> float:
        return float(np.var(picture[square] - gaussian_filter(picture, (0, 2, 2))[square]))

    assert detail(near) > 1.2 * detail(far)  # the near square is sharp where it stands


def test_frames_show_through_the_slit_what_the_field_shows(field):
    frames = hd.encode(field)
    seen, meant = hd.look(frames, focus=0.3), hd.look(field, focus=0.3)
    assert seen.shape == meant.shape == (3, 64, 64)
    assert np.corrcoef(seen.ravel(), meant.ravel())[0, 1] > 0.9
    assert seen.mean() == pytest.approx(meant.mean(), rel=0.1)  # the recorded gain is undone


def test_a_hologram_is_looked_at_by_its_frames(field):
    frames = hd.encode(field)
    assert np.array_equal(hd.look(hd.Hologram(field, frames), focus=0.5), hd.look(frames, focus=0.5))
    assert np.array_equal(hd.look(hd.Hologram(field), focus=0.5), hd.look(field, focus=0.5))


def test_a_pupil_blurs_and_the_other_side_of_the_slit_turns_depth_inside_out(field):
    frames = hd.encode(field)
    through = hd.look(frames, focus=0.0)
    assert not np.allclose(hd.look(frames, focus=0.0, pupil=1e-3), through)
    conjugate = hd.look(frames, focus=0.0, conjugate=True)
    assert not np.allclose(conjugate, through, atol=0.01)
    with pytest.raises(InputError, match="has no slit, source or pupil"):
        hd.look(field, focus=0.5, conjugate=True)
    with pytest.raises(InputError, match=r"focus is 1\.5, expected normalised depth"):
        hd.look(field, focus=1.5)


def test_scores_are_decibels_of_each_plane_without_its_border(stack, field):
    frames, target, border = hd.encode(field), stack.exposed(), 8  # half of the largest blur circle, 15 px, rounded up
    for shown in (field, frames):
        found = hd.score(shown, stack)
        assert len(found.psnr) == stack.planes
        for plane in (0, 20):
            seen = hd.look(shown, focus=float(stack.positions[plane]))
            error = ((seen - target.images[plane]) ** 2)[:, border:-border, border:-border]
            assert found.psnr[plane] == pytest.approx(-10 * np.log10(error.mean()), abs=1e-4)
        assert found.means()["psnr"] == pytest.approx(np.mean(found.psnr))


def test_scores_of_another_size_are_refused(field):
    with pytest.raises(InputError):
        hd.score(field, layered_stack(48))


def test_gains_are_recorded_and_can_be_kept(field):
    frames = hd.encode(field)
    brighter = hd.WaveField(2 * field.values, field.profile)
    assert np.array(frames.gains) == pytest.approx(2 * np.array(hd.encode(brighter).gains))
    with pytest.warns(UserWarning, match="of the panel's pixels clip"):
        kept = hd.encode(brighter, gains=frames.gains)
    assert kept.gains == frames.gains


def test_a_calibration_gives_its_tables_and_places(field):
    lab = SimulatedLab(field.profile)
    settings = SweepSettings(levels=32, sweeps=1)
    found = [measure_colour(lab, lab.meter("uniform"), colour, settings) for colour in range(3)]
    calibration = calibrated("panel", "", "meter", field.profile.wavelengths, found, settings)[0]
    moved = calibration.registered(tuple(Registration((0.5 * n, 0.0)) for n in range(3)))
    frames = hd.encode(field, calibration=moved)
    assert frames.luts == moved.luts
    assert frames.registrations == moved.moves
    green = hd.REFERENCE.resized(64, 64)
    green = type(green)(**{**green.as_dict(), "wavelengths": (515e-9,)})
    with pytest.raises(InputError):
        hd.encode(hd.WaveField(field.values[:1], green), calibration=calibration)


def test_there_must_be_a_field_to_encode(field):
    with pytest.raises(InputError, match="holds no wave field to encode"):
        hd.encode(hd.Hologram(frames=hd.encode(field)))


def test_a_quilt_of_a_stack_and_of_its_sharp_picture(stack, image):
    quilt = hd.quilt(stack, display="portrait")
    assert quilt.display.name == "portrait"
    assert quilt.missing == 0
    with pytest.raises(InputError, match="nowhere"):
        hd.quilt(image, display="nowhere")


class Ramp:
    """An estimator that takes every picture for a wall that leans away to the right."""

    name = "ramp"

    def predict(self, pictures, long_side):
        return [np.linspace(1, 0, long_side, dtype=np.float32)[None].repeat(long_side, 0) for _ in pictures]


def test_depth_of_a_photo_by_an_estimator_of_ones_own(tmp_path, image):
    hd.write(tmp_path / "photo.png", image.color)
    found = hd.estimate_depth(tmp_path / "photo.png", networks=[Ramp()])
    assert found.color == pytest.approx(np.clip(image.color, 0, 1), abs=0.01)
    assert found.mapping == "dioptric"
    assert found.depth[:, 5].mean() < 0.2 < 0.8 < found.depth[:, -5].mean()  # near is 0
    assert found.provenance["models"] == ["ramp"]


def test_a_blender_scene(blender, tmp_path):
    kept = tmp_path / "demo.stack"
    stack = hd.render("demo", size=(32, 24), planes=3, samples=1, output=kept, blender=blender.path, warn=print)
    assert stack.images.shape == (3, 3, 24, 32)
    assert stack.coc_max == hd.REFERENCE.coc_max
    assert np.array_equal(hd.read(kept, hd.FocalStack).images, stack.images)
