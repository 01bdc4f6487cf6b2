"""Videos become RGB-D videos: every frame once, at its time, with sound, even after a kill."""

import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from spoiled import scene
from videos import even_times, frame_times, make_video, picture, sound_packets

from holodriver.depth.estimators import NetworkEstimator
from holodriver.depth.pipeline import DepthSettings
from holodriver.depth.videos import VideoSettings, convert_video
from holodriver.errors import FileFormatError, InputError, OutputExistsError
from holodriver.files.video.parts import parts_folder
from holodriver.files.video.video import VideoReader

SMALL = DepthSettings(sizes=(64,))
UNEVEN = [Fraction(t, 1000) for t in (0, 40, 57, 121, 160, 333, 340, 400, 440, 480, 500, 560, 600, 640, 700, 720)]


@pytest.fixture(scope="session")
def estimator(dpt_folder: Path) -> NetworkEstimator:
    return NetworkEstimator(str(dpt_folder))


def convert(source: Path, estimator: NetworkEstimator, video: VideoSettings | None = None, **options):
    return convert_video(source, source.parent, "out", [estimator], SMALL, video or VideoSettings(), **options)


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def numbers(path: Path, count: int, width: int = 64) -> list[int]:
    """Which picture each frame shows, by its left half."""
    known = [picture(number).astype(int) for number in range(count)]
    return [int(np.argmin([np.abs(frame[:, :width] - one).mean() for one in known])) for frame in frames_of(path)]


def test_every_frame_once_at_its_time_with_its_sound(tmp_path: Path, estimator) -> None:
    source = make_video(tmp_path / "a.mp4", UNEVEN, sound="aac")
    outcome = convert(source, estimator)
    assert (outcome.path.name, outcome.frames, outcome.complete) == ("out_rgbd_lr.mp4", 16, True)
    assert frame_times(outcome.path) == UNEVEN
    assert numbers(outcome.path, 16) == list(range(16))
    assert sound_packets(outcome.path) == sound_packets(source)
    with av.open(str(outcome.path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert (container.streams.video[0].width, container.streams.video[0].height) == (128, 48)
        assert '"near": "white"' in container.metadata["comment"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.mp4", "out_rgbd_lr.mp4"]


def test_depth_is_grey_and_right(tmp_path: Path) -> None:
    """A clip whose estimator knows the truth: the right half shows it, near white."""
    view, truth = scene(90, 160, seed=3)

    class Knows:
        name = "knows"

        def predict(self, pictures, long_side):
            return [cv2.resize(truth, (96, 54)) * 3 - 1 for _ in pictures]

    source = make_video(tmp_path / "a.mp4", even_times(6), size=(160, 90), pictures=[view] * 6)
    convert_video(source, tmp_path, "out", [Knows()], SMALL, VideoSettings())
    last = frames_of(tmp_path / "out_rgbd_lr.mp4")[-1].astype(int)
    depth = last[:, 160:]
    assert np.ptp(depth, axis=2).mean() < 3
    assert np.corrcoef(depth[..., 0].ravel(), truth.ravel())[0, 1] > 0.95


def test_stride_limit_and_size(tmp_path: Path, estimator) -> None:
    source = make_video(tmp_path / "a.mp4", even_times(30), sound="aac")
    outcome = convert(source, estimator, VideoSettings(stride=3, max_frames=5, resize_long=32))
    assert outcome.frames == 5
    assert frame_times(outcome.path) == [Fraction(3 * i, 25) for i in range(5)]
    with av.open(str(outcome.path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (64, 24)
        seconds = sum(frame.samples for frame in container.decode(audio=0)) / 44100
    assert abs(seconds - 15 / 25) < 0.05


def test_odd_sides_and_rotation(tmp_path: Path, estimator) -> None:
    source = make_video(tmp_path / "a.mp4", even_times(3), size=(62, 46), rotation=90)
    outcome = convert(source, estimator, VideoSettings(resize_long=45))
    frame = frames_of(outcome.path)[1]
    assert frame.shape == (46, 68, 3)  # 33 × 45, made even
    upright = cv2.resize(np.rot90(picture(1, 62, 46)), (33, 45), interpolation=cv2.INTER_AREA)
    assert np.abs(frame[:45, :33].astype(int) - upright).mean() < 12


def test_lossless_16_bits_and_depth_alone(tmp_path: Path, estimator) -> None:
    source = make_video(tmp_path / "a.mp4", even_times(4))
    convert(source, estimator, VideoSettings(codec="ffv1", save_depth_video=True))
    with av.open(str(tmp_path / "out_rgbd_lr.mkv")) as container:
        pairs = [frame.to_ndarray(format="gbrp16le") for frame in container.decode(video=0)]
    with av.open(str(tmp_path / "out_depth.mkv")) as container:
        alone = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert alone[0].dtype == np.uint16
    for pair, grey in zip(pairs, alone, strict=True):
        np.testing.assert_array_equal(pair[:, 64:, 1], grey)
    assert len(np.unique(alone[0])) > 300
    with VideoReader(source) as reader:
        first = next(iter(reader.frames())).pixels
    np.testing.assert_array_equal(pairs[0][:, :64], first.astype(np.uint16) * 257)


def test_a_broken_tail_is_said_and_the_rest_is_made(tmp_path: Path, estimator) -> None:
    source = make_video(tmp_path / "a.mkv", even_times(40))
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * 0.6)])
    outcome = convert(source, estimator)
    assert 5 < outcome.frames < 40
    assert numbers(outcome.path, 40) == list(range(outcome.frames))


def test_a_video_without_frames_is_refused_and_leaves_nothing(tmp_path: Path, estimator) -> None:
    source = make_video(tmp_path / "a.mkv", even_times(40))
    data = source.read_bytes()
    source.write_bytes(data[:900])
    with pytest.raises(FileFormatError, match=r"a\.mkv"):
        convert(source, estimator)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mkv"]


def test_stopped_it_leaves_a_playable_file_and_resumed_it_is_as_if_never_stopped(
    tmp_path: Path, estimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holodriver.depth.videos.PART_FRAMES", 8)
    source = make_video(tmp_path / "a.mp4", even_times(50), sound="aac")
    whole = convert_video(source, tmp_path, "whole", [estimator], SMALL, VideoSettings(codec="ffv1"))
    asked = iter([False] * 29 + [True] * 100)
    stopped = convert(source, estimator, VideoSettings(codec="ffv1"), cancelled=lambda: next(asked))
    assert not stopped.complete
    assert 10 < stopped.frames < 30
    assert numbers(stopped.path, 50) == list(range(stopped.frames))
    with pytest.raises(OutputExistsError, match="--resume"):
        convert(source, estimator, VideoSettings(codec="ffv1"))
    with pytest.raises(InputError, match="stride"):
        convert(source, estimator, VideoSettings(codec="ffv1", stride=2), resume=True)
    resumed = convert(source, estimator, VideoSettings(codec="ffv1"), resume=True)
    assert (resumed.complete, resumed.frames) == (True, 50)
    for a, b in zip(frames_of(resumed.path), frames_of(whole.path), strict=True):
        np.testing.assert_array_equal(a, b)
    assert frame_times(resumed.path) == frame_times(whole.path)
    assert sound_packets(resumed.path) == sound_packets(source)
    assert not parts_folder(resumed.path).exists()


KILLED = """
import os, signal, sys
from pathlib import Path
import holodriver.depth.videos as videos
from holodriver.depth.estimators import NetworkEstimator
from holodriver.depth.pipeline import DepthSettings

videos.PART_FRAMES = 8
source, model, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def progress(stage, done, total, note=""):
    if done >= last:
        os.kill(os.getpid(), signal.SIGKILL)

begun = Path(source.parent, ".out_rgbd_lr.mkv.parts").exists()
videos.convert_video(
    source, source.parent, "out", [NetworkEstimator(model)], DepthSettings(sizes=(64,)),
    videos.VideoSettings(codec="ffv1"), progress=progress, resume=begun,
)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_killed_twice_nothing_is_lost_and_nothing_repeated(
    tmp_path: Path, dpt_folder: Path, estimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_video(tmp_path / "a.mp4", even_times(40))
    for last in (13, 27):
        done = subprocess.run([sys.executable, "-c", KILLED, str(source), str(dpt_folder), str(last)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert not (tmp_path / "out_rgbd_lr.mkv").exists()
    monkeypatch.setattr("holodriver.depth.videos.PART_FRAMES", 8)
    resumed = convert(source, estimator, VideoSettings(codec="ffv1"), resume=True)
    whole = convert_video(source, tmp_path, "whole", [estimator], SMALL, VideoSettings(codec="ffv1"))
    assert numbers(resumed.path, 40) == list(range(40))
    for a, b in zip(frames_of(resumed.path), frames_of(whole.path), strict=True):
        np.testing.assert_array_equal(a, b)


def test_progress_counts_frames(tmp_path: Path, estimator) -> None:
    source = make_video(tmp_path / "a.mp4", even_times(20))
    said: list[tuple[int, int]] = []
    convert(source, estimator, progress=lambda stage, done, total, note="": said.append((done, total)))
    assert said[0] == (0, 20)
    assert said[-1] == (20, 20)
    assert [done for done, _ in said] == sorted(done for done, _ in said)


@pytest.mark.parametrize(("field", "value"), [("stride", 0), ("max_frames", 0), ("resize_long", 4)])
def test_settings_out_of_range_are_refused_by_name(field: str, value: int) -> None:
    with pytest.raises(InputError, match=f"{field} is {value}"):
        VideoSettings(**{field: value})
