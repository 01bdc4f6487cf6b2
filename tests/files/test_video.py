"""Videos: what was written is read back, with its sound; what is none is refused."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.files.video import VideoReader, codec_for, is_video, write_video

av = pytest.importorskip("av")


def frames(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Flat frames, each of a grey of its own."""
    return [np.full((height, width, 3), 40 + 8 * number, np.uint8) for number in range(count)]


def beep(path: Path, seconds: float) -> Path:
    """A file with sound alone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        for start in range(0, int(48000 * seconds), 1024):
            tone = np.sin(np.arange(start, start + 1024) / 20).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_every_frame_comes_back_in_its_order(tmp_path, codec):
    path = tmp_path / "a.mp4"
    assert write_video(path, frames(12), rate=Fraction(24000, 1001), codec=codec) == 12
    with VideoReader(path) as video:
        assert (video.info.width, video.info.height, video.info.frames) == (64, 48, 12)
        assert float(video.info.rate) == pytest.approx(24000 / 1001)
        levels = [float(frame.mean()) for frame in video.frames()]
    assert levels == pytest.approx([40 + 8 * number for number in range(12)], abs=2)  # limited range, lossy


def test_sound_is_copied_as_long_as_there_are_pictures(tmp_path):
    sound = beep(tmp_path / "beep.m4a", 2.0)
    path = tmp_path / "a.mp4"
    write_video(path, frames(24), rate=Fraction(24), sound=sound)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        assert float(stream.duration * stream.time_base) == pytest.approx(1.0, abs=0.05)
    write_video(tmp_path / "b.mp4", frames(2), rate=Fraction(24), sound=path)  # from a video, too
    with VideoReader(tmp_path / "b.mp4") as video:
        assert video.info.has_audio


def test_odd_sides_and_no_frames_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(InputError, match="65 × 48 pixels, videos need even sides"):
        write_video(tmp_path / "a.mp4", frames(2, 65), rate=Fraction(24))
    with pytest.raises(InputError, match="would have no frames"):
        write_video(tmp_path / "a.mp4", [], rate=Fraction(24))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_unasked(tmp_path):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(OutputExistsError):
        write_video(tmp_path / "a.mp4", frames(2), rate=Fraction(24))


def test_large_videos_are_h265():
    assert (codec_for(4092, 4092), codec_for(5995, 6000)) == ("h264", "h265")


@pytest.mark.parametrize("content", [b"", b"no video", b"\x00\x00\x00\x18ftypmp42" + b"\0" * 100])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.mp4: (is not a video|holds no video)"):
        VideoReader(path)
    with pytest.raises(FileFormatError, match="does not exist"):
        VideoReader(tmp_path / "none.mp4")


def test_sound_alone_is_no_video(tmp_path):
    with pytest.raises(FileFormatError, match="holds no video"):
        VideoReader(beep(tmp_path / "beep.m4a", 0.1))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "a.mp4"
    write_video(path, frames(4), rate=Fraction(24))
    return path.read_bytes()


@given(st.data())
@settings(max_examples=60)
def test_damaged_videos_are_read_or_refused(whole, tmp_path_factory, data):
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "a.mp4"
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with suppress(FileFormatError), VideoReader(path) as video:
        assert sum(1 for _ in video.frames()) <= 64


def test_videos_are_known_by_their_names():
    assert [is_video(Path(name)) for name in ("a.MP4", "a.mov", "a.png", "a")] == [True, True, False, False]
