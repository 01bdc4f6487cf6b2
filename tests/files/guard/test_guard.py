"""The guarded process that reads files from strangers: its results, and its end when a file is harmful."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from videos import even_times, make_video

from holodriver.errors import FileFormatError, InputError
from holodriver.files.exr import read_exr, write_exr
from holodriver.files.guard import guard
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Memory, Parsed, WireError, laid_out

ROOT = Path(__file__).resolve().parents[2]
LITTLE = guard.Limits(memory=1 << 26)
SOON = guard.Limits(memory=1 << 28, seconds=1.0)

pytestmark = pytest.mark.skipif(not guard.AVAILABLE, reason="this system has no reading process")


@pytest.fixture
def harmful(monkeypatch):
    """Has the reading process import the readers of this file, which do what no reader should."""
    monkeypatch.setattr(guard, "_idle", [])
    start = guard._command()
    own = f"import importlib.util, sys; spec = importlib.util.spec_from_file_location('holodriver.harm', {__file__!r})"
    lines = f"{own}; sys.modules['holodriver.harm'] = module = importlib.util.module_from_spec(spec)"
    code = start[-2].replace("main()", f"{lines}; spec.loader.exec_module(module); main()")
    monkeypatch.setattr(guard, "_command", lambda: [*start[:-2], code, start[-1]])
    return _as_harm


@pytest.fixture
def file(tmp_path) -> Path:
    (tmp_path / "a.bin").write_bytes(b"0123456789")
    return tmp_path / "a.bin"


def _as_harm(parse):
    parse.__module__ = "holodriver.harm"
    return parse


def arrays(source: Source, *, count: int) -> Parsed:
    made = {str(n): np.full((n, 3), n, dtype) for n, dtype in enumerate(["u1", "<f4", "<c8", "<f2", "|b1"][:count], 1)}
    return Parsed({"start": source.start(3).decode(), "pid": os.getpid()}, made)


def crashes(source: Source) -> Parsed:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def hangs(source: Source) -> Parsed:
    while True:
        time.sleep(1)


def spins(source: Source) -> Parsed:
    while True:
        pass


def devours(source: Source) -> Parsed:
    held = [np.ones(1 << 24) for _ in range(1000)]
    return Parsed(len(held), {})


def promises(source: Source) -> Parsed:
    return Parsed(None, {"huge": np.broadcast_to(np.uint8(0), (1 << 40,))})


def breaks(source: Source) -> Parsed:
    raise ZeroDivisionError("\x1b[31mred\nlines")


def refuses(source: Source) -> Parsed:
    raise InputError("is not for us", where=source.path, remedy="go away")


def tries(source: Source, *, what: str, place: str) -> Parsed:
    """What the sandbox should keep it from, and the error that it gets."""
    attempts = {
        "read": lambda: Path(place).read_bytes(),
        "write": lambda: Path(place).write_bytes(b"x"),
        "list": lambda: os.listdir(place),
        "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "run": lambda: subprocess.run([sys.executable, "-c", "1"], check=True),
        "fork and run": lambda: os.system("true") and (_ for _ in ()).throw(OSError("did not run")),
    }
    try:
        attempts[what]()
    except OSError as error:
        return Parsed(error.strerror or str(error), {})
    return Parsed("done", {})


def counts(source: Source, *, count: int, fault: str = "") -> Generator[Parsed, None, None]:
    for number in range(count):
        if fault and number == 2:
            globals()[fault](source)
        yield Parsed(number, {"n": np.full(1000 * (number + 1), number)})


def test_values_and_arrays_come_back_as_they_were(harmful, file):
    found = guard.read(harmful(arrays), file, count=5)
    assert found.value["start"] == "012"
    assert found.value["pid"] != os.getpid()
    for name, expected in arrays(_here(file), count=5).arrays.items():
        np.testing.assert_array_equal(found.arrays[name], expected)
        assert found.arrays[name].dtype == expected.dtype
        assert found.arrays[name].flags.writeable


def _here(file: Path) -> Source:
    return Source(os.open(file, os.O_RDONLY), file, file.stat().st_size)


def test_one_process_reads_file_after_file(harmful, file):
    pids = {guard.read(harmful(arrays), file, count=1).value["pid"] for _ in range(5)}
    assert len(pids) == 1


def test_threads_do_not_get_in_each_others_way(tmp_path):
    for number in range(6):
        write_exr(tmp_path / f"{number}.exr", {"Z": np.full((64, 64), number)})

    def read(number: int) -> bool:
        return bool((read_exr(tmp_path / f"{number % 6}.exr", ("Z",)).channels["Z"] == number % 6).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(60)))


@pytest.mark.parametrize(
    ("parse", "said"),
    [
        (crashes, r"made its reader crash \(SIGSEGV\)"),
        (hangs, "could not be read within 1 s"),
        (spins, "could not be read within 1 s"),
        (devours, "asks for more memory"),
        (promises, "made its reader answer nonsense|asks for more memory|made its reader crash"),
    ],
)
def test_what_a_file_does_to_its_reader_is_one_error_here(monkeypatch, harmful, file, parse, said):
    usual = guard.LIMITS
    monkeypatch.setattr(guard, "LIMITS", LITTLE if parse in (devours, promises) else SOON)
    with pytest.raises(FileFormatError, match=said) as caught:
        guard.read(harmful(parse), file)
    monkeypatch.setattr(guard, "LIMITS", usual)
    assert caught.value.where == str(file)
    assert guard.read(harmful(arrays), file, count=1).value["start"] == "012"  # and the next file is read


def test_an_error_that_was_not_foreseen_is_one_line(harmful, file):
    with pytest.raises(FileFormatError, match=r"in an unforeseen way .ZeroDivisionError: .*red lines") as caught:
        guard.read(harmful(breaks), file)
    assert str(caught.value).isprintable()


def test_an_error_keeps_its_kind_and_remedy(harmful, file):
    with pytest.raises(InputError, match="is not for us") as caught:
        guard.read(harmful(refuses), file)
    assert (type(caught.value), caught.value.remedy) == (InputError, "go away")


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
@pytest.mark.parametrize("what", ["read", "write", "list", "connect", "listen", "run", "fork and run"])
def test_the_reading_process_reaches_nothing(harmful, file, what):
    """Needs Linux 5.13 for files; sockets and programs are refused by seccomp on any."""
    path = {"read": file, "write": file.with_name("new"), "list": file.parent}.get(what, file)
    said = guard.read(harmful(tries), file, what=what, place=str(path)).value
    assert "ermission" in said or "not permitted" in said or said == "did not run", said
    assert not file.with_name("new").exists()


def test_parts_come_one_after_the_other_in_memory_that_grows(harmful, file):
    with guard.Parts(harmful(counts), file, count=5) as parts:
        for number, part in enumerate(parts):
            assert part.value == number
            np.testing.assert_array_equal(part.arrays["n"], np.full(1000 * (number + 1), number))
        assert number == 4


def test_parts_that_are_left_leave_the_process_usable(harmful, file):
    pid = guard.read(harmful(arrays), file, count=1).value["pid"]
    with guard.Parts(harmful(counts), file, count=100) as parts:
        next(parts)
    with guard.Parts(harmful(counts), file, count=100):
        pass
    assert guard.read(harmful(arrays), file, count=1).value["pid"] == pid


@pytest.mark.parametrize(("fault", "said"), [("crashes", "SIGSEGV"), ("breaks", "unforeseen"), ("hangs", "within 1 s")])
def test_a_part_that_does_harm_ends_the_parts(monkeypatch, harmful, file, fault, said):
    monkeypatch.setattr(guard, "LIMITS", SOON)
    with guard.Parts(harmful(counts), file, count=9, fault=fault) as parts:
        assert [next(parts).value, next(parts).value] == [0, 1]
        with pytest.raises(FileFormatError, match=said):
            next(parts)
    assert guard.read(harmful(arrays), file, count=1).value["start"] == "012"


def test_reading_ends_with_the_process_that_asked(tmp_path, file):
    """Killed outright, it leaves nobody behind."""
    code = (
        "import os, time; from pathlib import Path; from holodriver.files.guard import guard; guard.warm();"
        "print(guard._idle[0]._process.pid, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    reader = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    while _alive(reader):  # pytest's own patience ends this if it never does
        os.sched_yield()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_works_after_a_fork(tmp_path):
    """A forked child has readers of its own: two processes on one wire would take each other's answers."""
    write_exr(tmp_path / "a.exr", {"Z": np.ones((8, 8))})
    code = (
        "import os, sys; from pathlib import Path; from holodriver.files.exr import read_exr;"
        f"path = Path({str(tmp_path / 'a.exr')!r}); read_exr(path, ('Z',)); child = os.fork();"
        "good = read_exr(path, ('Z',)).channels['Z'].sum() == 64;"
        "os._exit(0 if good else 1) if not child else sys.exit(os.waitpid(child, 0)[1] + (not good))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_nothing_is_imported_of_who_asks(tmp_path):
    """A script without a main guard reads files too; a process started as `multiprocessing` does would run it again."""
    write_exr(tmp_path / "a.exr", {"Z": np.ones((8, 8))})
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\nfrom holodriver.files.exr import read_exr\nprint('once')\n"
        f"print(read_exr(Path({str(tmp_path / 'a.exr')!r}), ('Z',)).channels['Z'].sum())\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "once\n64.0\n", done.stderr


def test_the_libraries_that_parse_are_not_even_loaded_here(tmp_path):
    """Whatever they do, they do it elsewhere: OpenEXR, Pillow, FFmpeg and protobuf are not imported by who asks."""
    write_exr(tmp_path / "a.exr", {name: np.ones((8, 8)) for name in "RGBZ"})
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8), np.uint8))
    make_video(tmp_path / "a.mp4", even_times(2))
    code = f"""
import sys
from pathlib import Path
from holodriver.errors import FileFormatError
from holodriver.files.exr import read_exr
from holodriver.files.network import read_network
from holodriver.files.photos import read_photo
from holodriver.files.rgbd import read_description
from holodriver.files.video.video import VideoReader
folder = Path({str(tmp_path)!r})
read_exr(folder / "a.exr", ("R", "G", "B", "Z"))
read_photo(folder / "a.png")
read_description(folder / "a.png")
with VideoReader(folder / "a.mp4") as video:
    assert len(list(video.frames())) == 2
try:
    read_network(folder / "a.png")
except FileFormatError:
    print(sorted({{"OpenEXR", "PIL", "av", "pillow_heif", "onnx", "onnxruntime"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_without_the_guard_readers_run_here(monkeypatch, harmful, file):
    monkeypatch.setenv(guard.WITHOUT, "1")
    assert guard.read(arrays, file, count=1).value["pid"] == os.getpid()
    with guard.Parts(counts, file, count=3) as parts:
        assert [part.value for part in parts] == [0, 1, 2]


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "a", "dtype": "|u1", "shape": [2**40], "at": 0},
        {"name": "a", "dtype": "|u1", "shape": [-1], "at": 0},
        {"name": "a", "dtype": "|u1", "shape": [4], "at": 1 << 20},
        {"name": "a", "dtype": "|u1", "shape": [4], "at": 3},
        {"name": "a", "dtype": "|O", "shape": [4], "at": 0},
        {"name": "a", "dtype": "|O8", "shape": [True], "at": 0},
        {"name": 3, "dtype": "|u1", "shape": [4], "at": 0},
        {"name": "a", "dtype": "|u1", "shape": [1] * 30, "at": 0},
        {"name": "a"},
        None,
        7,
    ],
)
def test_no_layout_reaches_beyond_the_memory(entry):
    memory = Memory()
    memory.grow(4096)
    try:
        with pytest.raises(WireError):
            memory.take([entry])
    finally:
        memory.close()


def test_memory_cannot_be_taken_away_under_who_looks_at_it():
    if sys.platform != "linux":
        pytest.skip("elsewhere arrays are read as a file is")
    memory = Memory()
    memory.grow(1 << 16)
    with pytest.raises(PermissionError):
        os.ftruncate(memory.descriptor, 0)
    memory.close()


def test_arrays_lie_side_by_side():
    layout, size = laid_out({"a": np.zeros(3, "u1"), "b": np.zeros((2, 2), "<c8"), "c": np.zeros(0)})
    assert [entry["at"] for entry in layout] == [0, 64, 128]
    assert size == 128


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path), None])
def test_what_is_no_plain_file_is_not_waited_for(tmp_path, make):
    path = tmp_path / "a.exr"
    if make is not None:
        make(path)
    with pytest.raises(FileFormatError, match=r"does not exist|is a folder|is a pipe or a device") as caught:
        read_exr(path, ("Z",))
    assert caught.value.where == str(path)


def test_a_socket_is_no_file(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "a.exr"))
        with pytest.raises(FileFormatError, match="is not a file"):
            read_exr(tmp_path / "a.exr", ("Z",))
