"""Videos are read upright, in order and at their times, and written likewise, with unchanged sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from videos import even_times, frame_times, make_video, picture, sound_packets

from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.files.video.parts import Track, VideoParts
from holodriver.files.video.video import VideoReader
from holodriver.files.video.writer import CODECS, VideoWriter, codec_for, even, join

UNEVEN = [Fraction(t, 1000) for t in (0, 40, 57, 121, 160, 333, 340, 400)]


def read(path: Path, **options) -> list:
    with VideoReader(path) as reader:
        return list(reader.frames(**options))


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx"), (".avi", "mpeg4")]
)
def test_pictures_and_times(tmp_path: Path, suffix: str, codec: str) -> None:
    times = even_times(8) if suffix == ".avi" else UNEVEN
    base = Fraction(1, 25) if suffix == ".avi" else Fraction(1, 1000)
    path = make_video(tmp_path / f"a{suffix}", times, codec=codec, time_base=base)
    frames = read(path)
    assert [frame.index for frame in frames] == list(range(8))
    assert max(abs(frame.time - time) for frame, time in zip(frames, times, strict=True)) < Fraction(1, 900)
    for number, frame in enumerate(frames):
        assert np.abs(frame.pixels.astype(int) - picture(number)).mean() < 8
        others = [np.abs(frame.pixels.astype(int) - picture(other)).mean() for other in range(8)]
        assert int(np.argmin(others)) == number


def test_stride_and_limit(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", UNEVEN)
    frames = read(path, stride=3)
    assert [frame.index for frame in frames] == [0, 3, 6]
    assert [float(frame.time) for frame in frames] == [0, 0.121, 0.340]
    assert [frame.index for frame in read(path, stride=2, limit=2)] == [0, 2]
    assert [frame.index for frame in read(path, stride=2, limit=3, skip=1)] == [2, 4]


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_rotation(tmp_path: Path, rotation: int) -> None:
    path = make_video(tmp_path / "a.mp4", even_times(3), rotation=rotation)
    expected = np.rot90(picture(1), rotation // 90)
    frame = read(path)[1]
    assert frame.pixels.shape == expected.shape
    assert np.abs(frame.pixels.astype(int) - expected).mean() < 8
    with VideoReader(path) as reader:
        assert (reader.info.height, reader.info.width) == expected.shape[:2]


@pytest.mark.parametrize(("size", "coefficients"), [((64, 48), (0.299, 0.114)), ((1280, 720), (0.2126, 0.0722))])
def test_colour_matrix_that_is_not_said_goes_by_the_height(tmp_path: Path, size, coefficients) -> None:
    """ITU-R BT.601 below 720 rows, BT.709 from there on; the red of (Y, Cb, Cr) = (81, 90, 200) tells them apart."""
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        frame = av.VideoFrame(*size, "yuv420p")
        for plane, value in zip(frame.planes, (81, 90, 200), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    red = int(read(tmp_path / "a.mp4")[0].pixels[10, 10, 0])
    expected = 255 / 219 * (81 - 16) + 2 * (1 - coefficients[0]) * 255 / 224 * (200 - 128)
    assert abs(red - expected) <= 2


def test_square_pixels(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24")))
        container.mux(stream.encode(None))
    assert read(tmp_path / "a.mp4")[0].pixels.shape == (48, 96, 3)


def test_a_broken_tail_keeps_what_comes_before(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", even_times(40))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    frames = read(path)
    assert 5 < len(frames) < 40
    for number, frame in enumerate(frames[:5]):
        assert np.abs(frame.pixels.astype(int) - picture(number)).mean() < 8


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "is empty"), (b"not a video at all" * 20, "is not a video"), (None, "does not exist")],
)
def test_no_video_at_all(tmp_path: Path, data: bytes | None, said: str) -> None:
    if data is not None:
        (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(FileFormatError, match=rf"a\.mp4: ({said})"):
        VideoReader(tmp_path / "a.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(FileFormatError, match="holds no video"):
        VideoReader(tmp_path / "a.mp4")


def test_ffv1_keeps_16_bits_exactly(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (2, 10, 12, 3), np.uint16)
    settings = {"rate": Fraction(25), "time_base": Fraction(1, 1000), "codec": CODECS["ffv1"]}
    with VideoWriter(tmp_path / "c.mkv", (12, 10), **settings) as writer:
        for i, frame in enumerate(values):
            writer.write(frame, Fraction(i, 25))
    with VideoWriter(tmp_path / "g.mkv", (12, 10), grey=True, **settings) as writer:
        writer.write(values[0, ..., 0], Fraction(0))
    with av.open(str(tmp_path / "c.mkv")) as container:
        back = np.stack([frame.to_ndarray(format="gbrp16le") for frame in container.decode(video=0)])
    np.testing.assert_array_equal(back, values)
    with av.open(str(tmp_path / "g.mkv")) as container:
        grey = next(container.decode(video=0))
    assert grey.format.name == "gray16le"
    np.testing.assert_array_equal(grey.to_ndarray(), values[0, ..., 0])


def test_large_frames_take_h265() -> None:
    assert codec_for(3840, 1080).name == "h264"
    assert codec_for(4098, 1080).name == "h265"
    assert codec_for(1080, 7680).name == "h265"
    assert codec_for(7680, 4320, "ffv1").name == "ffv1"
    with pytest.raises(InputError, match="codec is 'vp9'"):
        codec_for(2, 2, "vp9")  # type: ignore[arg-type]


def test_odd_sides_are_refused_or_made_even(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs even sides"):
        VideoWriter(tmp_path / "a.mp4", (3, 4), rate=Fraction(1), time_base=Fraction(1), codec=CODECS["h264"])
    values = np.arange(15, dtype=np.uint8).reshape(3, 5)
    assert even(values).shape == (4, 6)
    np.testing.assert_array_equal(even(values)[:3, :5], values)
    assert even(values)[3, 5] == values[2, 4]


def write_parts(folder: Path, codec: str, times: list[Fraction], split: int) -> list[Path]:
    parts = []
    for number, (first, last) in enumerate([(0, split), (split, len(times))]):
        parts.append(folder / f"{number}.mkv")
        with VideoWriter(
            parts[-1],
            (64, 48),
            rate=Fraction(25),
            time_base=Fraction(1, 1000),
            codec=CODECS[codec],  # type: ignore[index]
            part=True,
        ) as writer:
            for i in range(first, last):
                writer.write(picture(i), times[i])
    return parts


def joined(parts: list[Path], path: Path, frames: int, **options) -> list[str]:
    """`parts` as `write_parts` makes them, in one file."""
    return join(parts, path, rate=Fraction(25), time_base=Fraction(1, 1000), frames=frames, **options)


@pytest.mark.parametrize("codec", ["h264", "h265", "ffv1"])
def test_parts_join_without_a_seam(tmp_path: Path, codec: str) -> None:
    target = tmp_path / f"out{CODECS[codec].suffix}"  # type: ignore[index]
    parts = write_parts(tmp_path, codec, UNEVEN, 3)
    joined(parts, target, 8, metadata={"comment": "made"}, tag=CODECS[codec].tag)  # type: ignore[index]
    frames = read(target)
    assert [frame.time for frame in frames] == UNEVEN
    for number, frame in enumerate(frames):
        assert np.abs(frame.pixels.astype(int) - picture(number)).mean() < 8


def test_a_part_of_any_length_is_read_back(tmp_path: Path) -> None:
    """Seven of these frames in a NUT file are none when they are read."""
    for count in (1, 7, 8):
        settings = {"rate": Fraction(25), "time_base": Fraction(1, 1000), "codec": CODECS["h264"], "part": True}
        with VideoWriter(tmp_path / "part.mkv", (128, 48), **settings) as writer:
            for i in range(count):
                writer.write(picture(i, 128, 48), Fraction(i, 25))
        joined([tmp_path / "part.mkv"], tmp_path / "out.mp4", count)
        assert frame_times(tmp_path / "out.mp4") == even_times(count)


def test_parts_that_lack_frames_are_refused(tmp_path: Path) -> None:
    parts = write_parts(tmp_path, "h264", even_times(8), 3)
    with pytest.raises(FileFormatError, match=r"hold 3 frames, expected 8.*--overwrite"):
        joined(parts[:1], tmp_path / "out.mp4", 8)


@pytest.mark.parametrize("base", [Fraction(1, 90000), Fraction(1001, 30000)])
def test_parts_keep_times_that_are_no_milliseconds(tmp_path: Path, base: Fraction) -> None:
    times = [base * ticks for ticks in (0, 3, 4, 7000)]
    with VideoWriter(
        tmp_path / "part.mkv", (64, 48), rate=Fraction(25), time_base=base, codec=CODECS["h264"], part=True
    ) as writer:
        for i, time in enumerate(times):
            writer.write(picture(i), time)
    join([tmp_path / "part.mkv"], tmp_path / "out.mp4", rate=Fraction(25), time_base=base, frames=4)
    assert frame_times(tmp_path / "out.mp4") == times


@pytest.mark.parametrize(
    ("container", "sound"),
    [(".mov", "aac"), (".mov", "ac3"), (".mov", "pcm_s16le"), (".mp4", "libmp3lame"), (".mkv", "flac")],
)
def test_sound_is_copied_bit_for_bit(tmp_path: Path, container: str, sound: str) -> None:
    source = make_video(tmp_path / f"a{container}", even_times(60), sound=sound)
    notes = joined(write_parts(tmp_path, "h264", even_times(20), 9), tmp_path / "out.mp4", 20, sound=source)
    assert notes == []
    assert b"".join(sound_packets(tmp_path / "out.mp4")) == b"".join(sound_packets(source))
    assert frame_times(tmp_path / "out.mp4") == even_times(20)


def test_sound_that_does_not_fit_becomes_aac_and_that_is_said(tmp_path: Path) -> None:
    source = make_video(tmp_path / "a.avi", even_times(20), codec="mpeg4", time_base=Fraction(1, 25), sound="pcm_mulaw")
    notes = joined(write_parts(tmp_path, "h264", even_times(20), 9), tmp_path / "out.mp4", 20, sound=source)
    assert "became AAC" in notes[0]
    with av.open(str(tmp_path / "out.mp4")) as container:
        seconds = sum(frame.samples for frame in container.decode(audio=0)) / 44100
    assert abs(seconds - 0.8) < 0.1


def test_stereo_without_compression_fits(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=48000, layout="stereo")
        container.mux(video.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24")))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(np.arange(4096, dtype=np.int16)[None], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        container.mux(sound.encode(frame))
    notes = joined(write_parts(tmp_path, "h264", even_times(2), 1), tmp_path / "out.mp4", 2, sound=tmp_path / "a.mov")
    assert notes == []
    assert b"".join(sound_packets(tmp_path / "out.mp4")) == b"".join(sound_packets(tmp_path / "a.mov"))
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].layout.name == "stereo"


def test_sound_ends_with_the_frames_and_starts_where_they_do(tmp_path: Path) -> None:
    source = make_video(tmp_path / "a.mp4", even_times(50), sound="aac")
    parts = write_parts(tmp_path, "h264", even_times(20), 9)
    joined(parts, tmp_path / "out.mp4", 20, sound=source, end=Fraction(20, 25))
    with av.open(str(tmp_path / "out.mp4")) as container:
        seconds = sum(frame.samples for frame in container.decode(audio=0)) / 44100
    assert 0.75 < seconds < 0.85


def test_sound_that_begins_after_the_frames_is_none(tmp_path: Path) -> None:
    source = make_video(tmp_path / "a.mp4", even_times(2), sound="aac")
    parts = write_parts(tmp_path, "h264", even_times(2), 1)
    joined(parts, tmp_path / "out.mp4", 2, sound=source, start=Fraction(-10), end=Fraction(2, 25))
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert not reader.info.has_audio


TRACK_SETTINGS = {"rate": Fraction(25), "time_base": Fraction(1, 1000)}


def tracks(folder: Path) -> list[Track]:
    return [Track(folder / "a.mp4", (64, 48), CODECS["h264"])]


def test_parts_go_on_after_the_last_commit(tmp_path: Path) -> None:
    parts = VideoParts(tracks(tmp_path), {"n": 1}, **TRACK_SETTINGS)
    for i in range(4):
        parts.write([picture(i)], Fraction(i, 25))
    parts.commit({"state": np.arange(3)})
    for i in range(4, 6):
        parts.write([picture(i)], Fraction(i, 25))
    del parts  # as if killed: two frames were never committed
    with pytest.raises(OutputExistsError, match="--resume"):
        VideoParts(tracks(tmp_path), {"n": 1}, **TRACK_SETTINGS)
    with pytest.raises(InputError, match="'n' 1, now it is 2"):
        VideoParts(tracks(tmp_path), {"n": 2}, **TRACK_SETTINGS, resume=True)
    again = VideoParts(tracks(tmp_path), {"n": 1}, **TRACK_SETTINGS, resume=True)
    assert again.frames == 4
    np.testing.assert_array_equal(again.state()["state"], np.arange(3))
    for i in range(4, 8):
        again.write([picture(i)], Fraction(i, 25))
    again.commit({}, finished=True)
    again.join(sound=None, start=Fraction(0), metadata={})
    again.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert frame_times(tmp_path / "a.mp4") == even_times(8)


@pytest.mark.parametrize(("identity", "frames"), [({"n": 1}, 1), ({"n": 2}, 0)])
def test_parts_that_are_replaced_go_on_only_if_they_are_of_the_same(
    tmp_path: Path, identity: dict, frames: int
) -> None:
    parts = VideoParts(tracks(tmp_path), {"n": 1}, **TRACK_SETTINGS)
    parts.write([picture(0)], Fraction(0))
    parts.commit({"state": np.arange(3)})
    again = VideoParts(tracks(tmp_path), identity, **TRACK_SETTINGS, resume=True, overwrite=True)
    assert (again.frames, len(again.state())) == (frames, frames)
    again.write([picture(1)], Fraction(1, 25))
    again.commit({}, finished=True)
    again.join(sound=None, start=Fraction(0), metadata={})
    again.remove()
    assert len(frame_times(tmp_path / "a.mp4")) == frames + 1


def test_damaged_parts_are_replaced_if_asked(tmp_path: Path) -> None:
    parts = VideoParts(tracks(tmp_path), {}, **TRACK_SETTINGS)
    parts.write([picture(0)], Fraction(0))
    parts.commit({"state": np.arange(3)})
    (parts.folder / "state_00001.npz").write_bytes(b"no")
    again = VideoParts(tracks(tmp_path), {}, **TRACK_SETTINGS, resume=True, overwrite=True)
    assert (again.frames, again.state()) == (0, {})


def test_a_colon_in_a_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = make_video(tmp_path / "a.mp4", even_times(2), sound="aac")
    named = Path("2026-01-05T10:30:00.mp4")
    parts = VideoParts([Track(named, (64, 48), CODECS["h264"])], {}, **TRACK_SETTINGS)
    parts.write([picture(0)], Fraction(0))
    parts.commit({}, finished=True)
    parts.join(sound=source, start=Fraction(0), metadata={})
    assert len(read(named)) == 1


def test_parts_never_overwrite_unasked(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        VideoParts(tracks(tmp_path), {}, **TRACK_SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_parts_of_an_earlier_version_are_refused(tmp_path: Path) -> None:
    parts = VideoParts(tracks(tmp_path), {}, **TRACK_SETTINGS)
    saved = parts.folder / "parts.json"
    saved.write_text(saved.read_text().replace('"version": 2', '"version": 1'))
    with pytest.raises(FileFormatError, match=r"'version' is 1, expected 2 \(begin anew with --overwrite"):
        VideoParts(tracks(tmp_path), {}, **TRACK_SETTINGS, resume=True)


@pytest.mark.parametrize("spoil", ["parts.json", "track0_00000.mkv", "state_00001.npz"])
def test_damaged_parts_are_refused_by_name(tmp_path: Path, spoil: str) -> None:
    parts = VideoParts(tracks(tmp_path), {}, **TRACK_SETTINGS)
    parts.write([picture(0)], Fraction(0))
    parts.commit({"state": np.arange(3)})
    if spoil == "parts.json":
        (parts.folder / spoil).write_text("{")
    else:
        (parts.folder / spoil).unlink()
    with pytest.raises(FileFormatError, match=spoil):
        VideoParts(tracks(tmp_path), {}, **TRACK_SETTINGS, resume=True)
