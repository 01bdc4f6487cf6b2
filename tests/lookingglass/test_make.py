"""From pictures, holograms, videos and folders to files for the display; and the commands."""

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from videos import frame_times, make_video

from holodriver.cli.app import main
from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.files.halves import join, read_halves
from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.images import write_pixels
from holodriver.files.quilt import read_quilt
from holodriver.files.rgbd import write_rgbd
from holodriver.files.video.film import write_film
from holodriver.files.video.video import VideoReader
from holodriver.lookingglass.layout import Layout, laid_out
from holodriver.lookingglass.make import make_quilt_file, make_rgbd_file
from holodriver.lookingglass.parallax import RELIEF, ViewSettings
from holodriver.lookingglass.what_to_show import SourceOptions, open_film, read_source
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.optics.focus import positions
from holodriver.optics.lookingglass import looking_glass
from holodriver.scene.cut import layers_of
from holodriver.scene.focus_depth import rgbd_of_field
from holodriver.scene.layered import focal_stack
from holodriver.scene.rgbd import RgbdImage
from holodriver.scores.psnr_ssim import psnr
from holodriver.synthesis.optimise import synthesise

GO = looking_glass("go").sized(11 * 12, 6 * 22)
NO = SourceOptions()


def image(width: int = 40, height: int = 30, seed: int = 0) -> RgbdImage:
    rng = np.random.default_rng(seed)
    small = cv2.resize(rng.random((5, 6, 4), np.float32), (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return RgbdImage(small[..., :3].transpose(2, 0, 1), np.rint(small[..., 3] * 255) / 255)


@pytest.mark.parametrize(
    ("device", "shape", "half"),
    [
        ("go", (1080, 1920), (608, 1080)),  # cropped: no pixels are invented
        ("go", (4000, 3000), (1440, 2560)),  # no more than the screen has
        ("portrait", (2048, 1536), (1536, 2048)),
        ("16-gen3-landscape", (4000, 3000), (3000, 1687)),
    ],
)
def test_halves_have_the_aspect_of_the_display_and_no_more_pixels_than_it_or_the_source(device, shape, half):
    assert Layout(looking_glass(device)).half(shape) == half


def test_padding_keeps_the_whole_picture_with_far_black_bars():
    made = laid_out(image(40, 30), Layout(size=(40, 60), fit="pad"))
    assert made.shape == (60, 40)
    assert made.depth[:15].min() == 1
    assert made.color[:, :15].max() == 0
    assert np.abs(made.depth[15:45] - image(40, 30).depth).max() == 0


def test_sides_of_videos_are_even():
    assert Layout(even=True).half((31, 41)) == (40, 30)


@pytest.mark.parametrize("side", ["right", "left", "top", "bottom"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_picture_with_depth_becomes_one_file_and_back(tmp_path, side, bits):
    write_rgbd(image(), tmp_path / "a.png")
    path = make_rgbd_file(tmp_path / "a.png", tmp_path / "b.png", NO, Layout(), side=side, bits=bits)
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).dtype == (np.uint8 if bits == 8 else np.uint16)
    back = read_source(path).image
    assert np.abs(back.depth - image().depth).max() < 1 / 255
    assert path.stem == f"b_rgbd_{ {'right': 'lr', 'left': 'rl', 'bottom': 'tb', 'top': 'bt'}[side] }"


def test_an_exr_with_depth_is_a_source(tmp_path):
    write_rgbd(image(), tmp_path / "a.exr")
    assert np.abs(read_source(tmp_path / "a.exr").image.depth - image().depth).max() < 1e-6


def test_depth_of_a_hologram_is_found_by_its_own_blur():
    """Of a diffraction-engineered hologram of two cards, each in a plane of its own."""
    rng = np.random.default_rng(0)
    color = cv2.resize(rng.random((32, 48, 3), np.float32), (96, 64)).transpose(2, 0, 1)
    depth = np.where(np.arange(96) < 48, 0.2, 0.8) * np.ones((64, 1))
    stack = focal_stack(layers_of(RgbdImage(color, depth), 12.0), positions(7), 12.0, rays=19).exposed()
    made = rgbd_of_field(synthesise(stack, REFERENCE.resized(96, 64), iterations=30).field)
    near, far = made.depth[8:-8, 8:36], made.depth[8:-8, 60:88]
    assert float(np.median(near)) == pytest.approx(0.2, abs=0.06)  # planes are 0.05 apart
    assert float(np.median(far)) == pytest.approx(0.8, abs=0.06)
    assert psnr(made.color, stack.all_in_focus) > 20


def test_a_hologram_is_a_source_that_says_that_its_depth_was_measured(tmp_path):
    profile = REFERENCE.resized(64, 48)
    field = WaveField(np.ones((3, 48, 64), np.complex64), profile)
    write_hologram(tmp_path / "a.holo", Hologram(field))
    told = []
    path = make_rgbd_file(tmp_path / "a.holo", tmp_path / "a.png", NO, Layout(), warn=told.append)
    assert read_halves(path, "right").shape == (48, 64)
    assert "depth was measured from the hologram's own blur" in told[0]


def test_a_hologram_is_looked_at_with_its_own_padding(tmp_path):
    values = np.exp(2j * np.pi * np.random.default_rng(0).random((3, 32, 32)))
    field = WaveField(values, REFERENCE.resized(32, 32))
    write_hologram(tmp_path / "a.holo", Hologram(field, provenance={"settings": {"padding": 16}}))
    np.testing.assert_array_equal(read_source(tmp_path / "a.holo").image.color, rgbd_of_field(field, padding=16).color)


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """The same three frames as an RGB-D video, as two videos, and as a folder of pictures."""
    folder = tmp_path_factory.mktemp("films")
    frames = [image(seed=seed) for seed in range(3)]
    write_film(folder / "a_rgbd_lr.mp4", (join(frame, "right") for frame in frames), rate=Fraction(25))
    halves = [np.split(join(frame, "right"), 2, 1) for frame in frames]
    write_film(folder / "color.mp4", (color for color, _ in halves), rate=Fraction(25))
    write_film(folder / "depth.mp4", (depth for _, depth in halves), rate=Fraction(25))
    (folder / "frames").mkdir()
    for number, frame in enumerate(frames):
        write_pixels(folder / "frames" / f"{number:03d}_rgbd_lr.png", join(frame, "right")[..., ::-1])
    return folder


@pytest.mark.parametrize(
    ("name", "options"),
    [("a_rgbd_lr.mp4", NO), ("color.mp4", "depth.mp4"), ("frames", NO)],
)
def test_films_give_their_frames_with_depth(films, name, options):
    options = SourceOptions(films / options) if isinstance(options, str) else options
    with open_film(films / name, options, rate=Fraction(12)) as film:
        assert film.rate == (12 if name == "frames" else 25)
        depths = [frame.image.depth for frame in film.frames]
    assert len(depths) == 3
    for seed, depth in enumerate(depths):
        assert np.abs(depth - image(seed=seed).depth).mean() < 0.02  # lossy


def test_an_rgbd_video_is_laid_out_anew(films, tmp_path):
    path = make_rgbd_file(films / "a_rgbd_lr.mp4", tmp_path / "b.mp4", NO, Layout(even=True), side="bottom")
    with VideoReader(path) as video:
        assert (video.info.width, video.info.height, video.info.frames) == (40, 60, 3)


def test_a_video_becomes_a_video_of_quilts(films, tmp_path):
    large = looking_glass("go").sized(11 * 24, 6 * 44)
    (path,) = make_quilt_file(films / "a_rgbd_lr.mp4", tmp_path / "b.mp4", NO, large, ViewSettings())
    assert path.name == "b_qs11x6a0.5625.mp4"
    (still, _) = make_quilt_file(films / "frames" / "001_rgbd_lr.png", tmp_path / "b.png", NO, large, ViewSettings())
    with VideoReader(path) as video:
        frames = list(video.frames())
    pixels, _ = read_quilt(still)
    errors = [float(np.abs(frame.pixels.mean(2) - pixels.mean(2)).mean()) for frame in frames]
    assert len(errors) == 3
    assert errors[1] < 8  # lossy, twice
    assert min(errors[0], errors[2]) > 2 * errors[1]  # other frames


def delayed(source: Path, path: Path, seconds: int) -> Path:
    """A copy of a video whose clock begins later."""
    with av.open(str(source)) as opened, av.open(str(path), "w") as copy:
        streams = [copy.add_stream_from_template(stream) for stream in opened.streams]
        for packet in opened.demux():
            if packet.size:
                shift = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                copy.mux(packet)
    return path


def test_a_video_keeps_its_times_and_its_sound_whenever_its_clock_begins(tmp_path):
    times = [Fraction(t, 1000) for t in (0, 100, 200, 1000, 1040)]
    pictures = [join(image(32, 32), "right")] * 5
    whole = make_video(tmp_path / "a.mp4", times, size=(64, 32), sound="aac", pictures=pictures)
    path = make_rgbd_file(delayed(whole, tmp_path / "a_rgbd_lr.mkv", 5), tmp_path / "b.mp4", NO, Layout(even=True))
    shown = frame_times(path)
    assert [time - shown[0] for time in shown] == times
    with av.open(str(path)) as made:
        sound = made.streams.audio[0]
        assert float(sound.duration * sound.time_base) == pytest.approx(1.08, abs=0.06)


def test_a_video_that_does_not_say_where_its_depth_is_is_refused(films, tmp_path):
    with pytest.raises(InputError, match="does not say where its depth is"):
        make_quilt_file(films / "color.mp4", tmp_path / "b.mp4", NO, GO, ViewSettings())
    assert list(tmp_path.iterdir()) == []


def test_videos_of_other_length_or_size_do_not_go_together(films, tmp_path):
    write_film(tmp_path / "short.mp4", [np.zeros((30, 40, 3), np.uint8)], rate=Fraction(25))
    write_film(tmp_path / "small.mp4", [np.zeros((30, 20, 3), np.uint8)] * 3, rate=Fraction(25))
    for name, said in (("short.mp4", "ends after 1 frames"), ("small.mp4", "width is 20, expected 40")):
        with pytest.raises(FileFormatError, match=said):
            make_rgbd_file(films / "color.mp4", tmp_path / "b.mp4", SourceOptions(tmp_path / name), Layout(even=True))
    assert not (tmp_path / "b_rgbd_lr.mp4").exists()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("b.mp4", "is one picture, expected a name of a picture"),
        ("b.tif", "is of a kind that is not written"),
        ("a.png", "already exists"),
    ],
)
def test_outputs_that_do_not_fit_are_refused_before_the_work(tmp_path, output, said):
    write_pixels(tmp_path / "a_rgbd_lr.png", join(image(), "right"))
    with pytest.raises((InputError, OutputExistsError), match=said):
        make_rgbd_file(tmp_path / "a_rgbd_lr.png", tmp_path / output, NO, Layout())


def test_videos_that_are_read_only_are_refused_before_the_work(films, tmp_path):
    with pytest.raises(InputError, match=r"b_rgbd_lr\.webm: is of a kind that is not written, expected \.mp4"):
        make_rgbd_file(films / "a_rgbd_lr.mp4", tmp_path / "b.webm", NO, Layout(even=True))


def test_depth_that_would_show_ghosts_is_told_with_the_figure(tmp_path):
    """A picture deep (4 · `RELIEF`), half of it before the display: ½ · 2 · tan 27° · 372 px over 7 steps."""
    write_pixels(tmp_path / "a_rgbd_lr.png", join(image(36, 64), "right"))
    told = []
    few = replace(looking_glass("go"), columns=2, rows=4).sized(2 * 372, 4 * 682)
    for depthiness in (0.5, 4.0):
        make_quilt_file(
            tmp_path / "a_rgbd_lr.png",
            tmp_path / f"b{depthiness}.jpg",
            NO,
            few,
            ViewSettings(depthiness),
            warn=told.append,
        )
    expected = 4 * RELIEF * 0.5 * 2 * math.tan(math.radians(27)) * 372 / 7
    assert len(told) == 1
    assert f"things move by up to {expected:.0f} pixels" in told[0]


def test_an_empty_folder_is_no_film(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="holds neither focal stacks nor pictures"):
        make_rgbd_file(tmp_path / "empty", tmp_path / "b.mp4", NO, Layout())


def test_the_commands_write_what_they_say(tmp_path, capsys):
    write_rgbd(image(), tmp_path / "a.png")
    assert (
        main(["looking-glass", "quilt", str(tmp_path / "a.png"), "-o", str(tmp_path / "q.jpg"), "--size", "132x132"])
        == 0
    )
    said = capsys.readouterr().out
    assert "q_qs11x6a0.5625.jpg" in said
    assert "66 views of 12 × 22 pixels over 54° for Looking Glass Go" in said
    assert json.loads((tmp_path / "q_qs11x6a0.5625.jpg.json").read_text())["quilt_settings"]["viewTotal"] == 66
    assert (
        main(["looking-glass", "quilt", str(tmp_path / "a.png"), "-o", str(tmp_path / "q.hop"), "--size", "132x132"])
        == 0
    )
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    assert main(["looking-glass", "rgbd", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), "--bits", "16"]) == 0
    told = capsys.readouterr()
    assert "not verified" in told.err
    assert "depth position Right" in told.out
    assert main(["looking-glass", "devices"]) == 0
    assert "16-gen3-landscape" in capsys.readouterr().out


def test_the_group_alone_shows_its_commands(capsys):
    assert main(["looking-glass"]) == 0
    assert "cast" in capsys.readouterr().out


def test_options_that_would_do_nothing_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for arguments, said in (
        (["a.holo", "--depth", "d.png"], "a.holo: has its own depth"),
        ([".", "--near", "white"], ".: has its own depth"),
        (["a.png", "--fps", "12"], "a.png: is one picture"),
        (["a.exr", "--codec", "h265"], "a.exr: is one picture"),
        (["a_rgbd_lr.mp4", "--fps", "12"], "a_rgbd_lr.mp4: has its own frames a second"),
    ):
        for command in ("rgbd", "quilt"):
            assert main(["looking-glass", command, *arguments, "-o", "b.png"]) == 2
            assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["quilt", "none.png", "-o", "b.png"], "none.png: does not exist"),
        (["quilt", "none.png", "-o", "b.png", "--device", "16"], "there is no Looking Glass '16'"),
        (["rgbd", "none.png", "-o", "b.jpg", "--bits", "16"], "holds 8 bits a value"),
        (["cast", "none.png"], "none.png: does not exist"),
        (["rgbd", "a.mp4", "-o", "b.mp4", "--depth", "c.mp4", "--source-side", "left"], "not both"),
    ],
)
def test_wrong_calls_are_one_line_and_exit_2(arguments, said, capsys):
    assert main(["looking-glass", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
