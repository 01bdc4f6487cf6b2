"""Writing videos: read back with sound; an impossible video is refused and leaves no file."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from holodriver.errors import InputError, OutputExistsError
from holodriver.files.video.film import Film, write_film
from holodriver.files.video.video import VideoReader, is_video

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
    assert write_film(path, frames(12), rate=Fraction(24000, 1001), codec=codec) == 12
    with VideoReader(path) as video:
        assert (video.info.width, video.info.height, video.info.frames) == (64, 48, 12)
        assert float(video.info.rate) == pytest.approx(24000 / 1001)
        levels = [float(frame.pixels.mean()) for frame in video.frames()]
    assert levels == pytest.approx([40 + 8 * number for number in range(12)], abs=2)  # limited range, lossy


def test_sound_is_copied_as_long_as_there_are_pictures(tmp_path):
    sound = beep(tmp_path / "beep.m4a", 2.0)
    path = tmp_path / "a.mp4"
    write_film(path, frames(24), rate=Fraction(24), sound=sound)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        assert float(stream.duration * stream.time_base) == pytest.approx(1.0, abs=0.05)
    write_film(tmp_path / "b.mp4", frames(2), rate=Fraction(24), sound=path)  # from a video, too
    with VideoReader(tmp_path / "b.mp4") as video:
        assert video.info.has_audio


def test_odd_sides_and_no_frames_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(InputError, match="65 × 48 pixels, h264 needs even sides"):
        write_film(tmp_path / "a.mp4", frames(2, 65), rate=Fraction(24))
    with pytest.raises(InputError, match="would have no frames"):
        write_film(tmp_path / "a.mp4", [], rate=Fraction(24))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_unasked(tmp_path):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(OutputExistsError):
        write_film(tmp_path / "a.mp4", frames(2), rate=Fraction(24))


def test_an_error_on_the_way_leaves_what_was_there(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"before")

    def interrupted():
        with Film(tmp_path / "a.mp4", Fraction(24), overwrite=True) as film:
            film.add(frames(1)[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"before"


def test_frames_of_another_size_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"a frame is 64 × 50 pixels, the first was 64 × 48"):
        write_film(tmp_path / "a.mp4", [*frames(1), *frames(1, height=50)], rate=Fraction(24))
    assert list(tmp_path.iterdir()) == []


def test_videos_are_known_by_their_names():
    assert [is_video(Path(name)) for name in ("a.MP4", "a.mov", "a.png", "a")] == [True, True, False, False]
