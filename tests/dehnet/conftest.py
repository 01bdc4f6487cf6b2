"""Networks that the tests of this folder share."""

from pathlib import Path

import pytest
from networks import TINY, write_networks

from holodriver.dehnet import fastest_runtime
from holodriver.dehnet.load_weights import Networks, load_networks


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Float networks of three colours, seeded, without int8."""
    path = tmp_path_factory.mktemp("realtime") / "networks"
    write_networks(path, TINY)
    return path


@pytest.fixture(scope="session")
def networks(folder: Path) -> Networks:
    return load_networks(folder)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's own measurements are read or replaced."""
    path = tmp_path / "cache" / "runtimes.json"
    monkeypatch.setattr(fastest_runtime, "cache_path", lambda: path)
    return path
