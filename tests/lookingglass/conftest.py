"""Simulated Bridge, and pictures with depth whose views are known."""

from collections.abc import Iterator
from typing import Any

import pytest
from lookingglass.simulated_bridge import SimulatedBridge


@pytest.fixture
def bridges() -> Iterator[Any]:
    """Starts simulated Bridges; when the test ends, none may have seen a call that Bridge does not take."""
    started: list[SimulatedBridge] = []

    def start(*displays: dict[str, Any], mistakes: bool = False, **settings: Any) -> SimulatedBridge:
        bridge = SimulatedBridge(*displays, **settings).__enter__()
        started.append(bridge)
        bridge.tolerant = mistakes
        return bridge

    yield start
    for bridge in started:
        bridge.__exit__()
        if not bridge.tolerant:
            assert bridge.mistakes == []
            assert "delete_playlist" not in bridge.endpoints
