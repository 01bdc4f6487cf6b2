"""A power meter on a real serial line, working and failing; cameras that OpenCV opens."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from holodriver.errors import RigError
from holodriver.files.images import write_pixels
from holodriver.optics.display import REFERENCE
from holodriver.rig.measure import cameras, meters
from holodriver.rig.measure.cameras import FolderCamera, LiveFolderCamera, OpenCvCamera
from holodriver.rig.measure.instruments import open_camera, open_meter
from holodriver.rig.measure.meters import PowerMeter
from holodriver.rig.measure.simulated_lab import SimulatedLab

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs pseudo-terminals")


@pytest.fixture
def instrument(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[str, list[str]]]]:
    """Makes an instrument that gives these answers to `MEAS:POW?`; its port, and the lines it heard."""
    import tty

    monkeypatch.setattr(meters, "ANSWER_TIMEOUT_S", 0.2)
    open_ends: list[int] = []

    def make(*answers: str, wavelength: str | None = None) -> tuple[str, list[str]]:
        master, slave = os.openpty()
        tty.setraw(slave)
        open_ends.append(slave)
        heard: list[str] = []
        waiting = iter(answers)

        def serve() -> None:
            text = b""
            while True:
                try:
                    text += os.read(master, 100)
                except OSError:
                    return
                while b"\n" in text:
                    line, _, text = text.partition(b"\n")
                    heard.append(line.decode())
                    if line == b"*IDN?":
                        os.write(master, b"Maker,PM1,7,1.0\n")
                    elif line == b"SENS:CORR:WAV?":
                        told = [one.split()[1] for one in heard if one.startswith("SENS:CORR:WAV ")]
                        os.write(master, f"{wavelength or told[-1]}\n".encode())
                    elif line == b"MEAS:POW?":
                        answer = next(waiting, None)
                        if answer is None:
                            os.close(slave)
                            open_ends.remove(slave)
                            os.close(master)  # unplugged
                            return
                        os.write(master, answer.encode())

        threading.Thread(target=serve, daemon=True).start()
        return os.ttyname(slave), heard

    yield make
    for end in open_ends:
        os.close(end)


def test_watts_are_read_and_the_wavelength_is_told(instrument):
    port, heard = instrument("1.25E-03\n")
    with PowerMeter.open(port) as meter:
        assert meter.name.startswith("Maker,PM1,7,1.0")
        meter.tune(515e-9)
        assert meter.read()[0, 0] == 1.25e-3
    assert heard == ["*IDN?", "SENS:CORR:WAV 515.0", "SENS:CORR:WAV?", "MEAS:POW?"]


@pytest.mark.parametrize(
    ("answer", "says"), [("6.330000E+02", "is set to 633 nm and does not take 515.0 nm"), ("ERR", "'ERR' to 'SENS")]
)
def test_a_meter_that_stays_at_another_wavelength_is_refused(instrument, answer, says):
    port, _ = instrument(wavelength=answer)
    with PowerMeter.open(port) as meter, pytest.raises(RigError, match=says):
        meter.tune(515e-9)


def test_without_pyserial_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(RigError, match=r"pyserial.* is missing"):
        PowerMeter.open("/dev/ttyUSB0")


@pytest.mark.parametrize(
    ("answer", "says"),
    [("9.9E37\n", "out of its range"), ("oops\n", "'oops'"), ("1.2", "did not answer"), ("nan\n", "out of its range")],
)
def test_an_answer_that_is_no_power_is_refused(instrument, answer, says):
    port, _ = instrument(answer)
    with PowerMeter.open(port) as meter, pytest.raises(RigError, match=says):
        meter.read()


def test_a_meter_that_is_unplugged_is_an_error(instrument):
    port, _ = instrument("1\n")
    with PowerMeter.open(port) as meter:
        meter.read()
        with pytest.raises(RigError, match=r"is gone|did not answer"):
            meter.read()


def test_a_port_that_is_not_there_is_an_error():
    with pytest.raises(RigError, match="cannot be opened"):
        PowerMeter.open("/dev/there-is-no-such-port")


def test_a_film_is_seen_as_by_a_camera(tmp_path):
    pixels = np.full((48, 64, 3), (40, 90, 160), np.uint8)
    path = str(tmp_path / "camera.avi")
    film = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for _ in range(9):
        film.write(pixels)
    film.release()
    with OpenCvCamera.open(path) as camera:
        np.testing.assert_allclose(camera.image().mean(axis=(0, 1)) * 255, (160, 90, 40), atol=3)  # JPEG rounds
        with pytest.raises(RigError, match="no picture any more"):
            camera.image()
    with pytest.raises(RigError, match="cannot be opened"):
        OpenCvCamera.open(str(tmp_path / "nothing.avi"))


def test_a_folder_gives_its_pictures_in_order(tmp_path):
    for number, grey in enumerate((0, 20000, 65534)):
        write_pixels(tmp_path / f"{number}.png", np.full((4, 6), grey, np.uint16))
    camera = FolderCamera(tmp_path)
    assert [round(float(camera.image().mean()) * 65535) for _ in range(3)] == [0, 20000, 65534]
    with pytest.raises(RigError, match="no more pictures"):
        camera.image()
    (tmp_path / "empty").mkdir()
    with pytest.raises(RigError, match="holds no pictures"):
        FolderCamera(tmp_path / "empty")


class Written(LiveFolderCamera):
    """A folder into which something is written each time nothing new was found."""

    def __init__(self, folder: Path, steps: Iterable[Callable[[], object]], **options):
        super().__init__(folder, **options)
        self._steps = iter(steps)

    def _pause(self) -> None:
        next(self._steps)()


def test_a_live_folder_gives_only_what_comes_after_the_call_once_it_is_complete(tmp_path, monkeypatch):
    monkeypatch.setattr(cameras, "STEADY_S", 0.0)
    for name, grey in (("old.png", 10000), ("source", 30000)):
        picture = np.random.default_rng(grey).integers(grey - 9, grey, (64, 64), np.uint16)
        content = cv2.imencode(".png", picture)[1].tobytes()
        (tmp_path / name).write_bytes(content)
    new = tmp_path / "a new one.png"

    def nothing() -> None: ...

    torn = [lambda: new.write_bytes(content[:3000]), nothing, nothing]
    whole = [lambda: new.write_bytes(content), nothing]
    again = [lambda: (new.write_bytes(content), os.utime(new, (9, 9))), nothing]
    with Written(tmp_path, [*torn, *whole, *again]) as camera:
        assert camera.image().mean() * 65535 == pytest.approx(29995, abs=2)
        assert camera.image().mean() * 65535 == pytest.approx(29995, abs=2), "the same name, written again"
        assert next(camera._steps, None) is None
    with pytest.raises(RigError, match="no new picture came within 0 s"):
        LiveFolderCamera(tmp_path, wait_s=0).image()
    with pytest.raises(RigError, match="breaks off"):
        Written(
            tmp_path, [torn[0], nothing, lambda: monkeypatch.setattr(cameras.time, "monotonic", lambda: 1e9)]
        ).image()
    with pytest.raises(RigError, match="is no folder"):
        LiveFolderCamera(tmp_path / "none")


def test_of_pictures_that_come_unasked_the_first_after_the_call_was_begun_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(cameras, "STEADY_S", 0.0)
    names = iter(range(9))

    def comes() -> None:
        write_pixels(tmp_path / f"{(number := next(names))}.png", np.full((4, 4), number, np.uint8))

    def nothing() -> None: ...

    with Written(tmp_path, [comes, nothing, comes, nothing]) as camera:
        comes()  # nobody has asked yet
        assert round(float(camera.image().mean()) * 255) == 2
    with Written(tmp_path, [comes, nothing, comes, nothing]) as camera:
        assert [round(float(camera.image().mean()) * 255) for _ in range(2)] == [3, 4]


def test_a_folder_before_a_lit_rig_is_live_and_before_the_simulated_lab_a_list(tmp_path):
    write_pixels(tmp_path / "old.png", np.full((4, 6), 7, np.uint8))
    pattern = "uniform"
    assert isinstance(open_camera(f"folder:{tmp_path}", None), LiveFolderCamera)
    assert isinstance(open_meter(f"folder:{tmp_path}", None, pattern).camera, LiveFolderCamera)
    lab = SimulatedLab(REFERENCE.resized(8, 8))
    assert open_meter(f"folder:{tmp_path}", lab, pattern).read()[0, 0] == 7 / 255


class Driver:
    """A camera behind OpenCV: settings it has, those that it keeps, and those that it knows nothing of."""

    def __init__(self, backend: str, has: dict[int, float], keeps: tuple[int, ...] = ()):
        self.backend, self.has, self.keeps, self.released = backend, dict(has), keeps, False

    def isOpened(self) -> bool:
        return True

    def getBackendName(self) -> str:
        return self.backend

    def get(self, setting: int) -> float:
        return self.has.get(setting, -1.0)

    def set(self, setting: int, value: float) -> bool:
        if setting not in self.has:
            return False
        if setting not in self.keeps:
            self.has[setting] = value
        return True

    def release(self) -> None:
        self.released = True


AUTO, WHITE, GAMMA = cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_AUTO_WB, cv2.CAP_PROP_GAMMA
GAIN, EXPOSURE = cv2.CAP_PROP_GAIN, cv2.CAP_PROP_EXPOSURE
ALL = {AUTO: 3.0, WHITE: 1.0, GAMMA: 120.0, GAIN: 7.0, EXPOSURE: 156.0}


def opened_over(driver: Driver, monkeypatch, **options) -> list[str]:
    """What is warned of as a camera is opened."""
    warned: list[str] = []
    monkeypatch.setattr(cv2, "VideoCapture", lambda device: driver)
    OpenCvCamera.open(0, warn=warned.append, **options)
    return warned


def test_what_a_camera_changes_by_itself_is_switched_off_and_read_back(monkeypatch):
    driver = Driver("V4L2", ALL)
    assert not opened_over(driver, monkeypatch, exposure=40.5)
    assert driver.has == {AUTO: 1.0, WHITE: 0.0, GAMMA: 100.0, GAIN: 7.0, EXPOSURE: 40.5}
    driver = Driver("MSMF", {**ALL, AUTO: 1.0})
    assert not opened_over(driver, monkeypatch)
    assert driver.has[AUTO] == 0, "on Windows 1 would switch it on"


@pytest.mark.parametrize("driver", [Driver("V4L2", ALL, (AUTO,)), Driver("DSHOW", {**ALL, AUTO: 1.0}, (AUTO,))])
def test_a_camera_that_keeps_its_automatic_exposure_is_refused(monkeypatch, driver):
    with pytest.raises(RigError, match="keeps its automatic exposure"):
        opened_over(driver, monkeypatch)
    assert driver.released


def test_what_a_camera_keeps_or_says_nothing_of_is_warned_of_by_name(monkeypatch):
    kept = opened_over(Driver("V4L2", ALL, (WHITE, GAMMA, EXPOSURE)), monkeypatch, exposure=40)
    assert kept == [
        "camera 0 keeps its automatic white balance",
        "camera 0 keeps its gamma at 120, not 100",
        "camera 0 keeps its exposure at 156, not 40",
    ]
    (silent,) = opened_over(Driver("AVFOUNDATION", {}), monkeypatch)
    assert "nothing about gain, automatic exposure, automatic white balance, gamma;" in silent
    with pytest.raises(RigError, match="does not take the exposure 40"):
        opened_over(Driver("AVFOUNDATION", {}), monkeypatch, exposure=40)
