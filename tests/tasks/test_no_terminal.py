"""Tasks work without a terminal: programs, servers and notebooks may call them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import holodriver.tasks

FOLDER = Path(holodriver.tasks.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", MODULES)
def test_a_task_prints_nothing_and_asks_nothing(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"print", "input"}
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [one for one in names if one.split(".")[0] in ("typer", "rich")]


def test_no_task_loads_what_draws_on_terminals() -> None:
    modules = ", ".join(f"holodriver.tasks.{name}" for name in MODULES)
    code = f"import sys, {modules}; print([name for name in ('typer', 'holodriver.cli') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
