"""From frames with depth to panel frames: equal to the single steps, with one exposure and gain for all."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import seeded

from holodriver.cli.app import main
from holodriver.dehnet.load_weights import load_networks
from holodriver.dehnet.speed import measure_stream, picture
from holodriver.dehnet.stream import STAGES, Stream
from holodriver.dehnet.synthesiser import NetworkSynthesiser, exposure_of
from holodriver.errors import FileFormatError, InputError
from holodriver.files.hologram import read_hologram
from holodriver.files.rgbd import write_rgbd
from holodriver.optics.display import REFERENCE
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.lut import AmplitudeLut
from holodriver.scene.rgbd import RgbdImage

SIZE = (40, 32)
LUTS = (AmplitudeLut.linear(), AmplitudeLut.liquid_crystal(1.2), AmplitudeLut.linear())


@pytest.fixture
def synthesiser(networks):
    return NetworkSynthesiser(networks, REFERENCE, runtime="torch")


def test_the_field_is_the_networks_own_answer(synthesiser):
    image = picture(SIZE)
    light = image.color * np.float32(exposure_of(image.color))
    field = synthesiser.field(light, image.depth)
    for colour in range(3):
        given = torch.from_numpy(np.stack([np.sqrt(light[colour]), image.depth]))[None]
        with torch.no_grad():
            real, imaginary = seeded(seed=colour)(given)[0].numpy()
        assert np.abs(field.values[colour] - (real + 1j * imaginary)).max() < 1e-5


def test_within_the_slit_nothing_is_left_outside_it(synthesiser):
    image = picture(SIZE)
    spectrum = np.abs(np.fft.fft2(synthesiser.field(image.color, image.depth, within_slit=True).values))
    assert spectrum[:, SIZE[1] // 2].max() < 1e-4 * spectrum.max()  # half the sampling frequency along the carrier


def test_streamed_frames_are_those_made_one_by_one(synthesiser):
    images = [picture(SIZE, seed) for seed in range(4)]
    copied = []
    stream = Stream(synthesiser, LUTS, SIZE, copy=copied.append)
    frames = list(stream.frames(images))
    assert [frame is other for frame, other in zip(frames, copied, strict=True)] == [True] * 4
    exposure = np.float32(exposure_of(images[0].color))
    fields = [synthesiser.field(image.color * exposure, image.depth) for image in images]
    gains = automatic_gains(fields[:1])
    for frame, field in zip(frames, fields, strict=True):
        assert frame.gains == gains
        assert np.abs(frame.pixels.astype(int) - encode(field, gains, LUTS).pixels).max() <= 1
    assert {name: len(stream.times.stages[name]) for name in STAGES} == dict.fromkeys(STAGES, 4)


def test_a_frame_of_another_size_is_said(synthesiser):
    stream = Stream(synthesiser, LUTS, SIZE)
    with pytest.raises(InputError, match="a frame is 20 × 20 pixels, expected 40 × 32"):
        list(stream.frames([picture(SIZE), picture((20, 20))]))


def test_a_black_frame_is_said(synthesiser):
    black = RgbdImage(np.zeros((3, 32, 40)), np.zeros((32, 40)))
    with pytest.raises(InputError, match="black"):
        list(Stream(synthesiser, LUTS, SIZE).frames([black]))


def test_speed_is_of_every_stage(synthesiser):
    ticks = iter(range(10**6))
    speed = measure_stream(synthesiser, LUTS, SIZE, frames=2, clock=lambda: next(ticks))
    assert tuple(speed.stages) == STAGES
    assert speed.alone == sum(speed.stages.values()) == 4


def test_another_display_is_refused(networks):
    for changed, name in (
        ({"wavelengths": (650e-9, 515e-9, 460e-9)}, "wavelength"),
        ({"depth_span": 3e-3}, "depth_span"),
        ({"coc_max": 10.0}, "coc_max"),
        ({"wavelengths": (515e-9,)}, "1 colours"),
    ):
        with pytest.raises(InputError, match=name):
            NetworkSynthesiser(networks, replace(REFERENCE, **changed), runtime="torch")


def test_a_folder_without_int8_says_so(networks):
    with pytest.raises(InputError, match="holds no int8 networks"):
        networks.models(quantised=True)


def test_a_folder_that_lacks_a_colour_says_so(folder, tmp_path):
    (tmp_path / "red.onnx").write_bytes((folder / "red.onnx").read_bytes())
    with pytest.raises(FileFormatError, match=r"green\.onnx"):
        load_networks(tmp_path)


@pytest.mark.parametrize("name", ["photo.png", "photo_rgbd_lr.png"])
def test_a_picture_with_depth_becomes_a_hologram_at_once(folder, tmp_path, name):
    image = picture((37, 45))
    write_rgbd(image, tmp_path / name)
    arguments = ["synth", str(tmp_path / name), "-o", str(tmp_path / "a.holo"), "--weights", str(folder)]
    assert main([*arguments, "--runtime", "torch"]) == 0
    hologram = read_hologram(tmp_path / "a.holo")
    assert hologram.field is not None
    assert hologram.field.values.shape == (3, 45, 37)
    assert hologram.provenance["settings"]["method"] == "net"
    assert hologram.provenance["settings"]["runtime"] == "torch"


def test_bench_prints_each_stage(folder, capsys):
    arguments = ["--size", "40x32", "--frames", "1", "--runtime", "torch", "--weights", str(folder)]
    assert main(["--progress", "json", "bench", "dehnet", *arguments]) == 0
    tables = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"table"' in line]
    assert [row[0] for row in tables[0]["rows"]] == [*STAGES, "one after the other", "overlapped"]


def test_a_profile_that_does_not_fit_is_one_line(folder, tmp_path, capsys):
    from holodriver.files.profile import write_profile

    write_rgbd(picture((37, 45)), tmp_path / "a.png")
    write_profile(tmp_path / "other.toml", replace(REFERENCE, depth_span=3e-3))
    arguments = ["synth", str(tmp_path / "a.png"), "-o", str(tmp_path / "a.holo"), "--weights", str(folder)]
    assert main([*arguments, "--profile", str(tmp_path / "other.toml")]) == 2
    assert "depth_span 0.003, the network was trained for 0.002" in capsys.readouterr().err
    assert not (tmp_path / "a.holo").exists()
