"""The manifest of a batch: what it is made of, and what has become of each unit.

A file of JSON lines that only grows: each line is on the disk before the next is written, and a last one that was cut
off by a loss of power does not count. What makes all anew begins with another first line, and what is before the last
such line does not count either. One process at a time may have it open. Names in it are compared, never opened.
"""

import json
import os
import platform
import time
from types import TracebackType
from typing import IO, Any, Self

from holodriver.errors import FileFormatError, HolodriverError, InputError
from holodriver.farm.unit import Batch, Unit, fingerprint, plain
from holodriver.files.atomic import sync

FORMAT, VERSION = "holodriver batch", 1

ORPHANS_S, PAUSE_S = 30.0, 0.05
"""How long workers whose driver was killed may take to end, and the pause between two looks."""

_SHOWN = 3  # names in a message


class Manifest:
    """The manifest of a batch, opened to go on with it; made if it is not there.

    Args:
        batch: whose it is.
        read_only: look, and neither make nor lock nor change anything.

    Raises:
        InputError: what is there was made with other settings or of other sources, and the batch does not overwrite.
        FileFormatError: what is there is no such manifest.
        HolodriverError: another process is working on it.
    """

    def __init__(self, batch: Batch, *, read_only: bool = False):
        self.batch = batch
        self.path = batch.manifest
        self.replacing = batch.overwrite
        """Whether what is there without a record is to be replaced."""
        self.done: dict[str, dict[str, Any]] = {}
        """Records of units that were done, by name."""
        self.failed: dict[str, dict[str, Any]] = {}
        """Records of units that failed, and have not been done since."""
        self.planned: set[str] = set()
        """Names of all units that were ever asked for."""
        self.facts: dict[str, Any] | None = None
        """What `Batch.prepare` found."""
        self.ended = False
        """Whether a run came to its end since it was begun."""
        self._prints = {unit.name: fingerprint(*unit.sources) for unit in batch.units}
        self._file: IO[bytes] | None = None
        if not read_only:
            self._open()
        try:
            goes_on = self._goes_on()
            self._check_sources()
            if not read_only:
                self._plan() if goes_on else self._begin()
                self._append({"pid": os.getpid(), "place": platform.node()})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others have it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def held(self) -> tuple[int, ...]:
        """What worker processes inherit, so that the manifest is free only when they have ended too."""
        return () if self._file is None or os.name == "nt" else (self._file.fileno(),)

    def is_done(self, unit: Unit) -> bool:
        """Whether there is nothing left to do for a unit."""
        return unit.is_done and (unit.name in self.done or not self.replacing)

    def record(self, unit: Unit, state: str, **values: Any) -> None:
        """Note what became of a unit; it is on the disk when this returns."""
        line = {"unit": unit.name, "state": state, "of": self._prints[unit.name], **values}
        (self.done if state == "done" else self.failed)[unit.name] = line
        if state == "done":
            self.failed.pop(unit.name, None)
        self._append(line)

    def settle(self, facts: dict[str, Any]) -> None:
        """Note what was found for all units."""
        self.facts = plain(facts)
        self._append({"facts": self.facts})

    def end(self) -> None:
        """Note that a run came to its end, whatever failed: from then on `--overwrite` begins from nothing."""
        if not self.ended:
            self._append({"ended": True})
            self.ended = True

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"its folder cannot be made: {error.strerror}", where=self.path, remedy="name another folder"
            ) from error
        try:
            self._file = open(self.path, "a+b")  # noqa: SIM115 - it stays open as long as the batch runs
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", where=self.path) from error
        until = time.monotonic() + ORPHANS_S
        while not _locked(self._file):
            if self._driver_lives() or time.monotonic() > until:
                self.close()
                raise HolodriverError(
                    "another process is working on this batch", where=self.path, remedy="let it end, or stop it"
                )
            time.sleep(PAUSE_S)  # its driver was killed, and its workers are about to end

    def _driver_lives(self) -> bool:
        """Whether the process that has the manifest open is one that drives it, and no worker that it left."""
        drivers = [
            values for line in self.path.read_bytes().splitlines() if (values := _parsed(line)) and "pid" in values
        ]
        if not drivers or drivers[-1].get("place") != platform.node():
            return True  # as far as anybody here can tell
        try:
            os.kill(int(drivers[-1]["pid"]), 0)
        except (OSError, ValueError, TypeError):
            return False
        return True

    def _goes_on(self) -> bool:
        """Take up what is there; False if all begins anew."""
        try:
            lines = self._lines()
            if lines:
                self._take_up(lines)
        except InputError:
            if not self.batch.overwrite:
                raise
            lines = []
        if lines and (not self.batch.overwrite or self._was_cut_off()):
            return True
        self.replacing, self.ended, self.facts = self.batch.overwrite, False, None
        self.done, self.failed, self.planned = {}, {}, set()
        return False

    def _was_cut_off(self) -> bool:
        """Whether the very run that is asked for was making all anew, and was stopped in the middle."""
        named = {unit.name for unit in self.batch.units}
        same = self.replacing and not self.ended and named == self.planned
        return same and 0 < len(named & self.done.keys()) < len(named) and not self._changed()

    def _lines(self) -> list[dict[str, Any]]:
        """What is there, from the last first line on."""
        if not self.path.exists():
            return []
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise FileFormatError(f"cannot be read: {error.strerror}", where=self.path) from error
        end = data.rfind(b"\n") + 1
        if end < len(data) and self._file is not None:
            self._file.truncate(end)  # a line cut off by a sudden end
        lines = [_parsed(line) for line in data[:end].splitlines()]
        first = max((number for number, values in enumerate(lines) if values and "format" in values), default=0)
        for number, values in enumerate(lines[first:], first + 1):
            if values is None:
                raise FileFormatError(
                    f"line {number} is no JSON object", where=self.path, remedy="--overwrite makes all anew"
                )
        return [values for values in lines[first:] if values is not None]

    def _take_up(self, lines: list[dict[str, Any]]) -> None:
        first = lines[0]
        expected = {"format": FORMAT, "version": VERSION, "kind": self.batch.kind}
        for key, value in expected.items():
            if first.get(key) != value:
                raise FileFormatError(f"field '{key}' is {first.get(key)!r}, expected {value!r}", where=self.path)
        before, now = first.get("settings"), plain(self.batch.settings)
        if not isinstance(before, dict):
            raise FileFormatError("field 'settings' is missing", where=self.path)
        for key in sorted({*before, *now}):
            if before.get(key) != now.get(key):
                raise InputError(
                    f"was begun with {key} {_short(before.get(key))}, now it is {_short(now.get(key))}",
                    where=self.path,
                    remedy="name another folder, or --overwrite makes all anew",
                )
        self.replacing = first.get("overwrite") is True
        for values in lines[1:]:
            if isinstance(values.get("planned"), list):
                self.planned.update(name for name in values["planned"] if isinstance(name, str))
            elif isinstance(values.get("facts"), dict):
                self.facts = values["facts"]
            elif values.get("ended") is True:
                self.ended = True
            elif isinstance(name := values.get("unit"), str) and values.get("state") == "done":
                self.done[name] = values
                self.failed.pop(name, None)
            elif isinstance(name, str) and values.get("state") == "failed":
                self.failed[name] = values

    def _changed(self) -> list[str]:
        """Names of units that were done and are there, of sources that are others now."""

        def is_same(unit: Unit) -> bool:
            return bool(self.done[unit.name].get("of") == self._prints[unit.name])

        return [unit.name for unit in self.batch.units if unit.name in self.done and unit.is_done and not is_same(unit)]

    def _check_sources(self) -> None:
        changed = self._changed()
        if changed:
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            raise InputError(
                f"what {', '.join(changed[:_SHOWN])}{more} were made of has changed since",
                where=self.path,
                remedy="name another folder, or --overwrite makes all anew",
            )
        if self.replacing:
            return
        foreign = [
            unit for unit in self.batch.units if unit.name not in self.planned and not unit.is_done and unit.is_begun
        ]
        if foreign:
            there = next(path for path in (*foreign[0].outputs, *foreign[0].unfinished) if path.exists())
            raise InputError("already exists", where=there, remedy="pass --overwrite, or choose another name")

    def _begin(self) -> None:
        # behind what is there, which holds until this line is on the disk
        first = {"format": FORMAT, "version": VERSION, "kind": self.batch.kind, "overwrite": self.batch.overwrite}
        self._append(first | {"settings": plain(self.batch.settings)})
        sync(self.path.parent)
        self._plan()

    def _plan(self) -> None:
        new = [unit.name for unit in self.batch.units if unit.name not in self.planned]
        if new:
            self._append({"planned": new})
            self.planned.update(new)

    def _append(self, values: dict[str, Any]) -> None:
        assert self._file is not None
        self._file.write(json.dumps(values).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _locked(file: IO[bytes]) -> bool:
    """Whether the file is this process's now; the lock ends with the process, however that ends."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(1 << 30)  # beyond what others read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # a shared folder without locks has nothing to hold on to
        return not (os.name == "nt" and isinstance(error, PermissionError))
    return True
