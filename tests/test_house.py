"""The house rules that no linter checks: light modules stay light, and the wheel is complete."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIGHT = (
    "holodriver.optics.display",
    "holodriver.optics.focus",
    "holodriver.optics.lookingglass",
    "holodriver.files.manifest",
    "holodriver.scene.render_job",
    "holodriver.system.children",
)
MOST_FILES = 16
LARGE = {"holodriver/cli", "holodriver/files", "holodriver/tasks"}
"""One file a command, a format, a task: the same kind of thing many times, which `ls` shows well."""
HEAVY = ("torch", "scipy", "cv2", "h5py", "OpenEXR", "typer", "rich")


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_need_numpy_alone(module):
    """The Blender extension uses them inside Blender's Python, which has nothing else."""
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def copied_house(tmp_path):
    """A copy of both packages and their contracts, for a test to break."""
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for package in ("holodriver", "blender_addon"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def linted(house):
    """The import linter's exit code in `house`, and what it printed."""
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(house)}
    done = subprocess.run([sys.executable, "-c", lint], cwd=house, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "line", ["from holodriver.optics import bench", "from holodriver.files import exr", "import numba"]
)
def test_the_linter_finds_a_heavy_import_in_the_add_on(copied_house, line):
    """A contract that nothing can break would hold nothing."""
    (copied_house / "blender_addon" / "heavy.py").write_text(f'"""Breaks the rule."""\n\n{line}\n', encoding="utf-8")
    code, said = linted(copied_house)
    assert code == 1, said
    assert "blender_addon.heavy" in said


@pytest.mark.parametrize("room", ["holodriver/rogue", "holodriver/rig/rogue"])
def test_the_linter_refuses_a_room_that_no_contract_lists(copied_house, room):
    (copied_house / room).mkdir()
    (copied_house / room / "__init__.py").write_text('"""A room that nobody planned."""\n', encoding="utf-8")
    code, said = linted(copied_house)
    assert code == 1, said
    assert room.replace("/", ".") in said


def test_the_linter_finds_an_import_from_a_higher_floor(copied_house):
    line = '"""Climbs the stairs."""\n\nfrom holodriver.synthesis import loss\n'
    (copied_house / "holodriver" / "optics" / "climber.py").write_text(line, encoding="utf-8")
    code, said = linted(copied_house)
    assert code == 1, said
    assert "holodriver.optics.climber" in said


def test_no_folder_holds_more_than_ls_can_show():
    """Sixteen Python files besides `__init__.py` are the most; then a folder wants folders."""
    crowded = {
        folder.relative_to(ROOT).as_posix(): count
        for package in ("holodriver", "blender_addon", "scripts")
        for folder in [ROOT / package, *(ROOT / package).rglob("*/")]
        if (count := len([path for path in folder.glob("*.py") if path.name != "__init__.py"])) > MOST_FILES
    }
    assert set(crowded) <= LARGE, crowded


def test_importing_the_package_imports_nothing():
    code = "import sys, holodriver; print([name for name in sys.modules if name.startswith('holodriver.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_wheel_carries_both_packages_and_their_licences():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert packages == ["holodriver", "blender_addon"]
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in project["project"]["license-files"]]
    assert "MIT License" in texts[0]
    assert "GNU GENERAL PUBLIC LICENSE" in texts[1]


def test_every_direct_dependency_is_pinned_for_the_demo():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    installed = ("cpu", "openvino", "rig", "depth", "lookingglass", "train", "farm", "dev")  # by dev.py
    wanted = [*project["dependencies"], *(name for extra in installed for name in extras[extra])]
    pins = (ROOT / "scripts" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {_normal(line.split("==")[0]) for line in pins if "==" in line}
    assert {_normal(name.split(">=")[0]) for name in wanted} <= pinned


def _normal(name: str) -> str:
    return name.strip().lower().replace("_", "-")


FORBIDDEN = {
    "pickles": r"^\s*(import|from)\s+(pickle|dill|cloudpickle|joblib|shelve|marshal)\b|torch\.load\(|allow_pickle=True",
    "code from text": r"(?<![\w.])(eval|exec)\(|runpy\.|__import__\(",
    "shells": r"shell=True|os\.system\(|os\.popen\(|subprocess\.getoutput",
    "unpacking whole archives": r"\.extractall\(|shutil\.unpack_archive|tarfile\.",
    "opening files outside the room for them": r"h5py\.File\(|cv2\.im(read|decode)\(|Image\.open\(|(np|numpy)\.load\(",
    "telemetry": r"^\s*(import|from) (openvino|onnxruntime|transformers|huggingface_hub)\b",
}
"""What no module of the program may do, and what it looks like."""

ALLOWED = {
    # between a batch and the processes that it has started, through their pipes
    "pickles": ("holodriver/farm/worker.py",),
    # the store of studies reads what it has kept itself
    "opening files outside the room for them": ("holodriver/files/", "holodriver/study/store.py"),
    # the last two after `quiet` has loaded what they are parts of
    "telemetry": (
        "holodriver/system/quiet.py",
        "holodriver/dehnet/training/quantise.py",
        "holodriver/depth/networks.py",
    ),
}
"""Where it is the place's very work."""


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_strangers_files_could_abuse_is_not_in_the_source(what):
    """The program keeps what holodriver/files/README.md promises in its section "Files from strangers"."""
    found = []
    for path in sorted([*(ROOT / "holodriver").rglob("*.py"), *(ROOT / "blender_addon").rglob("*.py")]):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(ALLOWED.get(what, ("-",))):
            lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            found += [f"{name}:{number}: {line}" for number, line in lines if re.search(FORBIDDEN[what], line)]
    assert found == []


SOCKETS = r"^\s*(import|from) (socket|http|urllib|requests|httpx|websockets|ssl|ftplib|smtplib)\b"

MAY_CALL = {
    "tasks/doctor.py",  # asks whether a package is there
    "files/guard/guard.py",  # a pair of sockets between two processes
    "files/guard/wire.py",
    "files/guard/reader.py",
    "lookingglass/bridge.py",  # Looking Glass Bridge, on this machine unless told otherwise
    "rig/simulated/box_link.py",  # the simulated laser box where there are no pseudo-terminals, on this machine alone
}


def test_nobody_else_listens_or_calls():
    package = ROOT / "holodriver"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(SOCKETS, path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert found <= MAY_CALL


RIDDLES = re.compile(
    r"(Of|That|As|The same|Same|Which|Who|Whose|Than|Else|More|Such|Also|Likewise|So|It|Its|Those|They|If|When|Where"
    r"|Only)\b"
)
"""First words of a docstring that leans on something outside it: a reader or a translator cannot know what is meant."""


def docstrings(path):
    """Line, name and text of each docstring in a file, those of fields and constants included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.body[0].lineno, getattr(node, "name", "the module"), text
        body = getattr(node, "body", None)
        for field, after in pairwise(body if isinstance(body, list) else []):
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if told and isinstance(after.value.value, str) and isinstance(field, (ast.Assign, ast.AnnAssign)):
                target = field.target if isinstance(field, ast.AnnAssign) else field.targets[0]
                yield after.lineno, ast.unparse(target), after.value.value


@pytest.mark.parametrize("folder", ["holodriver", "blender_addon", "scripts"])
def test_a_docstring_can_be_read_alone(folder):
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{line} {name}: {text.strip().splitlines()[0]}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, name, text in docstrings(path)
        if RIDDLES.match(text.strip())
    ]
    assert not found, "\n".join(["these docstrings begin in the middle of a thought:", *found])
