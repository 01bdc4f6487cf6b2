"""One tiny run of all figures and sweeps, which the tests of this folder share."""

from pathlib import Path

import pytest

from holodriver.dehnet import fastest_runtime
from holodriver.study import drawing
from holodriver.study.run import FIGURES, SWEEPS, run
from holodriver.study.settings import Settings
from holodriver.study.work import Work

DPI = 60

TINY = Settings(
    size=48,
    wide=(64, 48),
    planes=5,
    scenes=2,
    iterations=6,
    rounds=1,
    source="layered",
    training_steps=2,
    training_records=8,
    training_size=40,
)


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory):
    """The work and its results by kind and name."""
    folder: Path = tmp_path_factory.mktemp("studies") / "out"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("figure.dpi", "savefig.dpi"):
            patch.setitem(drawing.STYLE, name, DPI)
        patch.setattr(fastest_runtime, "cache_path", lambda: folder.parent / "runtimes.json")
        work = Work(folder, TINY)
        results = {("figure", r.name): r for r in run(work, "figure", FIGURES)}
        results |= {("sweep", r.name): r for r in run(work, "sweep", SWEEPS)}
        yield work, results
