"""The script `dehnet_trials.py` runs each of its trials, and continues after a stop."""

import json
import subprocess
import sys
from pathlib import Path

from holodriver.dehnet.training.pool import Pool

SCRIPT = Path(__file__).parents[3] / "scripts" / "bench" / "dehnet_trials.py"


def test_all_trials(pool: Pool, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    command = [sys.executable, str(SCRIPT), str(pool.folder), str(results), "--steps", "2"]
    first = subprocess.run([*command, "--only", "as it is", "GELU"], check=True, capture_output=True, text=True)
    assert first.stdout.count("(flat phase") == 2
    rest = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert len({line["trial"] for line in lines}) == len(lines) == 2 + rest.stdout.count("(flat phase")
    assert "GELU: " not in rest.stdout
    assert all(line["loss"] > 0 and line["flat phase"] > 0 for line in lines)
