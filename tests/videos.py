"""Small videos with known pictures, times and sound, made with PyAV itself."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 44100


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A smooth picture that says its number by its colours and by a square that moves."""
    y, x = np.mgrid[:height, :width]
    made = np.stack([x * 255 // width, y * 255 // height, np.full_like(x, (37 * number) % 200)], axis=-1)
    left = 2 * number % max(1, width - 16)
    made[8:20, left : left + 12] = 240
    return made.astype(np.uint8)


def make_video(
    path: Path,
    times: list[Fraction],
    *,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    time_base: Fraction = Fraction(1, 1000),
    sound: str | None = None,
    rotation: int = 0,
    pictures: list[np.ndarray] | None = None,
) -> Path:
    """A video whose frames are `picture(0)`, `picture(1)`, … at `times`, with a tone as long as it."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25, options={"crf": "8"} if codec == "libx264" else {})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.time_base = time_base
        if rotation:
            video.set_display_rotation(rotation)
        audio = container.add_stream(sound, rate=RATE) if sound else None
        for number, time in enumerate(times):
            values = picture(number, *size) if pictures is None else pictures[number]
            frame = av.VideoFrame.from_ndarray(values, format="rgb24")
            frame.pts, frame.time_base = round(time / time_base), time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            samples = int(RATE * float(times[-1] + Fraction(1, 25)))
            tone = np.sin(2 * np.pi * 440 * np.arange(samples) / RATE) * 0.3
            resampler = av.AudioResampler(format=audio.codec_context.format, layout="mono", rate=RATE)
            for start in range(0, samples, 1024):
                part = tone[None, start : start + 1024].astype(np.float32)
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
                for converted in resampler.resample(frame):
                    container.mux(audio.encode(converted))
            container.mux(audio.encode(None))
    return path


def even_times(count: int, rate: int = 25) -> list[Fraction]:
    """`count` times, `rate` a second."""
    return [Fraction(i, rate) for i in range(count)]


def sound_packets(path: Path) -> list[bytes]:
    """The encoded sound of a file."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.dts is not None]


def frame_times(path: Path) -> list[Fraction]:
    """When each frame is shown, s."""
    with av.open(str(path)) as container:
        return [frame.pts * Fraction(frame.time_base) for frame in container.decode(video=0)]
