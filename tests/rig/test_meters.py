"""A power meter on a real serial line, well and dying; cameras that OpenCV opens."""

import os
import threading
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from holodriver.errors import RigError
from holodriver.files.images import write_pixels
from holodriver.rig import meters
from holodriver.rig.cameras import FolderCamera, OpenCvCamera
from holodriver.rig.meters import PowerMeter

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs pseudo-terminals")


@pytest.fixture
def instrument(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[str, list[str]]]]:
    """Makes an instrument that gives these answers to `MEAS:POW?`; its port, and the lines it heard."""
    import tty

    monkeypatch.setattr(meters, "ANSWER_TIMEOUT_S", 0.2)
    open_ends: list[int] = []

    def make(*answers: str) -> tuple[str, list[str]]:
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
    with PowerMeter(port) as meter:
        assert meter.name.startswith("Maker,PM1,7,1.0")
        meter.tune(515e-9)
        assert meter.read()[0, 0] == 1.25e-3
    assert heard == ["*IDN?", "SENS:CORR:WAV 515.0", "MEAS:POW?"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [("9.9E37\n", "out of its range"), ("oops\n", "'oops'"), ("1.2", "did not answer"), ("nan\n", "out of its range")],
)
def test_an_answer_that_is_no_power_is_refused(instrument, answer, says):
    port, _ = instrument(answer)
    with PowerMeter(port) as meter, pytest.raises(RigError, match=says):
        meter.read()


def test_a_meter_that_is_unplugged_is_an_error(instrument):
    port, _ = instrument("1\n")
    with PowerMeter(port) as meter:
        meter.read()
        with pytest.raises(RigError, match=r"is gone|did not answer"):
            meter.read()


def test_a_port_that_is_not_there_is_an_error():
    with pytest.raises(RigError, match="cannot be opened"):
        PowerMeter("/dev/there-is-no-such-port")


def test_a_film_is_seen_as_by_a_camera(tmp_path):
    pixels = np.full((48, 64, 3), (40, 90, 160), np.uint8)
    path = str(tmp_path / "camera.avi")
    film = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for _ in range(9):
        film.write(pixels)
    film.release()
    with OpenCvCamera(path) as camera:
        np.testing.assert_allclose(camera.image().mean(axis=(0, 1)) * 255, (160, 90, 40), atol=3)  # JPEG rounds
        with pytest.raises(RigError, match="no picture any more"):
            camera.image()
    with pytest.raises(RigError, match="cannot be opened"):
        OpenCvCamera(str(tmp_path / "nothing.avi"))


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
