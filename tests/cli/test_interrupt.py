"""Ctrl-C during synthesis writes the best result so far."""

import os
import signal
from pathlib import Path

import pytest
from layered import layered_stack

from holodriver.cli.interrupt import stopping_on_interrupt
from holodriver.files.hologram import read_hologram
from holodriver.files.stack import write_stack
from holodriver.optics.display import REFERENCE
from holodriver.tasks.hologram import SynthSettings, compute


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C alone on Windows")
def test_the_first_asks_and_the_second_stops() -> None:
    with stopping_on_interrupt() as asked:
        assert not asked()
        interrupt()
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    with pytest.raises(KeyboardInterrupt):  # and afterwards it is as it was
        interrupt()


@pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C alone on Windows")
def test_synthesis_writes_the_best_so_far(tmp_path: Path) -> None:
    write_stack(layered_stack(64, rays=16), tmp_path / "a.stack")
    said = []

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        if stage.startswith("Optimising") and done == 7:
            interrupt()

    with pytest.raises(KeyboardInterrupt):
        compute(
            tmp_path / "a.stack",
            tmp_path / "a.holo",
            REFERENCE,
            SynthSettings(iterations=50),
            progress=progress,
            warn=said.append,
            interruptible=stopping_on_interrupt,
        )
    hologram = read_hologram(tmp_path / "a.holo")
    assert hologram.provenance["settings"]["stopped"] == ["cancelled"] * 3
    assert hologram.provenance["settings"]["iterations"] == [7, 0, 0]
    assert any("stopped early" in line for line in said)
