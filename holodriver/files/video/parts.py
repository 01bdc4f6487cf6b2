"""A long video written in parts, so that what a killed run had done is there when it goes on.

Beside the video, in a hidden folder, lie the encoded parts, the state after the last of them, and ``parts.json``, which
is written last and alone says what counts. At the end the parts are joined without encoding anything again.
"""

import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError, OutputExistsError, shown
from holodriver.files.atomic import check_output, written_file
from holodriver.files.guard import guard
from holodriver.files.guard.source import Source, stays
from holodriver.files.guard.wire import Parsed
from holodriver.files.text import check_head, read_json
from holodriver.files.video.writer import Codec, VideoWriter, join

MANIFEST = "parts.json"
FORMAT, VERSION = "holodriver video parts", 2

PART_SUFFIX = ".mkv"


@dataclass(frozen=True)
class Track:
    """One of the videos that are written side by side, frame by frame."""

    path: Path
    """Where it is in the end."""
    size: tuple[int, int]
    """(width, height), pixels."""
    codec: Codec
    grey: bool = False


class VideoParts:
    """One or more videos of the same frames, written in parts.

    Args:
        tracks: what is written; the folder of the parts is named after the first.
        identity: plain values that say what the videos are made of; a run goes on only with the same.
        rate: mean frames a second.
        time_base: seconds of one tick of the time stamps.
        resume: go on with what is there.
        overwrite: begin anew and replace what is there; with `resume` only if it was made of something else, or is
            damaged.

    Raises:
        OutputExistsError: a video or an unfinished run is there, and neither `resume` nor `overwrite` is given.
        InputError: what is there was made of something else.
    """

    def __init__(
        self,
        tracks: list[Track],
        identity: dict[str, Any],
        *,
        rate: Fraction,
        time_base: Fraction,
        resume: bool = False,
        overwrite: bool = False,
    ):
        self.tracks, self.identity = tracks, json.loads(json.dumps(identity))
        self.rate, self.time_base = rate, time_base
        self.folder = parts_folder(tracks[0].path)
        self.frames = 0
        """Frames in finished parts."""
        self.end = Fraction(0)
        """Where the last finished part ends, s."""
        self.finished = False
        """Whether the last frame is in a finished part."""
        self._count = 0
        self._writers: list[VideoWriter] = []
        self._written, self._last = 0, Fraction(0)
        if self.folder.exists() and overwrite and not (resume and self._is_ours()):
            shutil.rmtree(self.folder)
        if self.folder.exists():
            if not resume:
                raise OutputExistsError(
                    "an unfinished run is there",
                    where=tracks[0].path,
                    remedy="pass --resume to go on with it, or --overwrite to begin anew",
                )
            self._take_up()
        else:
            for track in tracks:
                check_output(track.path, overwrite=overwrite)
            self._begin()

    def write(self, frames: list[NDArray], time: Fraction) -> None:
        """Append a frame of each track, at `time` in seconds."""
        if not self._writers:
            self._writers = [
                VideoWriter(
                    self._part(index, unfinished=True),
                    track.size,
                    rate=self.rate,
                    time_base=self.time_base,
                    codec=track.codec,
                    grey=track.grey,
                    part=True,
                )
                for index, track in enumerate(self.tracks)
            ]
        for writer, pixels in zip(self._writers, frames, strict=True):
            writer.write(pixels, time)
        self._written += 1
        self._last = time

    @property
    def open_frames(self) -> int:
        """Frames in the part that is being written."""
        return self._written

    def commit(self, state: dict[str, NDArray[Any]], *, finished: bool = False) -> None:
        """Finish the part that is being written; from now on a run goes on after it.

        Args:
            state: arrays that the next frame depends on.
            finished: whether there is no next frame.
        """
        self.finished = finished
        if not self._writers:
            if finished:
                self._save()
            return
        for index, writer in enumerate(self._writers):
            writer.close()
            os.replace(writer.path, self._part(index))
        self._writers = []
        self._count += 1
        self.frames += self._written
        self.end = self._last + 1 / self.rate
        self._written = 0
        with written_file(self._state_file(self._count)) as temporary, open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **state)
        self._save()
        self._state_file(self._count - 1).unlink(missing_ok=True)

    def state(self) -> dict[str, NDArray[Any]]:
        """What `commit` got last; empty before."""
        if not self._count:
            return {}
        try:
            return dict(guard.read(parse_state, self._state_file(self._count)).arrays)
        except FileFormatError as error:
            raise FileFormatError(error.what, where=error.where, remedy="begin anew with --overwrite") from error

    def join(
        self, *, sound: Path | None, start: Fraction, metadata: dict[str, str], cut_sound: bool = False
    ) -> list[str]:
        """Put the finished parts together into the videos; the parts stay.

        Args:
            sound: file whose sound the first track gets.
            start: time stamp in it that is the zero of the frames, s.
            metadata: text fields of the videos.
            cut_sound: whether the sound ends with the frames.

        Returns:
            notes about the sound.
        """
        notes: list[str] = []
        for index, track in enumerate(self.tracks):
            parts = [self._part(index, number) for number in range(self._count)]
            with written_file(track.path, overwrite=True) as temporary:
                notes += join(
                    parts,
                    temporary,
                    rate=self.rate,
                    time_base=self.time_base,
                    frames=self.frames,
                    sound=sound if index == 0 else None,
                    start=start,
                    end=self.end if cut_sound else None,
                    metadata=metadata,
                    tag=track.codec.tag,
                )
        return notes

    def abandon(self) -> None:
        """Leave the part that is being written; finished ones stay."""
        for writer in self._writers:
            writer.close()
            writer.path.unlink(missing_ok=True)
        self._writers, self._written = [], 0

    def remove(self) -> None:
        """Remove the parts, after the last `join`."""
        # renamed first: a run that is killed meanwhile must not leave parts that say that they are whole
        gone = Path(tempfile.mkdtemp(prefix=f".{self.tracks[0].path.name}.", dir=self.folder.parent))
        os.replace(self.folder, gone / self.folder.name)
        shutil.rmtree(gone, ignore_errors=True)

    def _begin(self) -> None:
        # with its first manifest inside, or a run that is killed in between would leave a folder that says nothing
        final = self.folder
        final.parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=f".{self.tracks[0].path.name}.", dir=final.parent))
        self._save()
        os.replace(self.folder, final)
        self.folder = final

    def _is_ours(self) -> bool:
        """Whether what is there can be gone on with."""
        try:
            self._take_up()
            self.state()
        except InputError:
            self._count, self.frames, self.end, self.finished = 0, 0, Fraction(0), False
            return False
        return True

    def _take_up(self) -> None:
        path = self.folder / MANIFEST
        there = {entry.name for entry in self.folder.iterdir()}
        saved = read_json(stays(self.folder, path), remedy="begin anew with --overwrite")
        try:
            check_head(saved, FORMAT, VERSION, path)
            count, frames, end = int(saved["parts"]), int(saved["frames"]), _seconds(saved["end"])
            identity = dict(saved["identity"])
            self.finished = bool(saved["finished"])
            if not 0 <= count * len(self.tracks) <= len(there) or frames < 0:
                raise ValueError(f"{count} parts")
        except FileFormatError as error:
            raise FileFormatError(error.what, where=path, remedy="begin anew with --overwrite") from None
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise FileFormatError("is damaged", where=path, remedy="begin anew with --overwrite") from error
        for key, value in self.identity.items():
            if identity.get(key) != value:
                raise InputError(
                    f"the unfinished run has '{key}' {shown(identity.get(key))}, now it is {value!r}",
                    where=self.tracks[0].path,
                    remedy="give the same options, or begin anew with --overwrite",
                )
        self._count, self.frames, self.end = count, frames, end
        keep = {self._part(index, number).name for index in range(len(self.tracks)) for number in range(count)}
        keep |= {MANIFEST, self._state_file(count).name}
        missing = keep - there - {self._state_file(0).name}
        if missing:
            raise FileFormatError(
                f"lacks {sorted(missing)[0]}", where=self.folder, remedy="begin anew with --overwrite"
            )
        for entry in self.folder.iterdir():
            if entry.name not in keep:
                entry.unlink()

    def _save(self) -> None:
        saved = {
            "format": FORMAT,
            "version": VERSION,
            "parts": self._count,
            "frames": self.frames,
            "end": str(self.end),
            "finished": self.finished,
            "identity": self.identity,
        }
        with written_file(self.folder / MANIFEST, overwrite=True) as temporary:
            temporary.write_text(json.dumps(saved, indent=1), encoding="utf-8")

    def _part(self, track: int, number: int | None = None, *, unfinished: bool = False) -> Path:
        number = self._count if number is None else number
        return self.folder / f"{'unfinished_' if unfinished else ''}track{track}_{number:05d}{PART_SUFFIX}"

    def _state_file(self, count: int) -> Path:
        return self.folder / f"state_{count:05d}.npz"


def parse_state(source: Source) -> Parsed:
    """The arrays of a NumPy archive, none of them pickled."""
    try:
        with source.file() as file, np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive)
    except MemoryError:
        raise
    except Exception as error:  # NumPy and zipfile have errors of many kinds for damaged files
        raise FileFormatError(f"cannot be read: {error}", where=source.path) from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise FileFormatError("holds something else than arrays", where=source.path)
    return Parsed(None, arrays)


def _seconds(text: object) -> Fraction:
    """A fraction as `str` writes it; nothing that would be as long as 1e999999999."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{1,18}(/\d{1,18})?", text):
        raise ValueError("no fraction")
    return Fraction(text) if not text.endswith("/0") else Fraction(0)


def parts_folder(path: Path) -> Path:
    """Where the parts of a video lie until it is finished."""
    return path.with_name(f".{path.name}.parts")
