"""Documents: links have targets, and every named file, module, command and option exists."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer

from holodriver.cli.app import COMMANDS, app

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".github", "blender_addon", "holodriver", "scripts", "tests")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))])
SOURCES = {path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}

document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def prose(text: str) -> str:
    """A document without its code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE))


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language and content of each block of code."""
    for match in re.finditer(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        yield match[1], match[2]


def spans(text: str) -> list[str]:
    """Code within lines."""
    without = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", without)]


def links(text: str) -> list[str]:
    """Targets of links and pictures, in Markdown and in HTML."""
    plain = prose(text)
    found = re.findall(r"\]\(\s*<?([^)\s>]+)", plain) + re.findall(r"^\[[^\]]+\]:\s*(\S+)", plain, re.MULTILINE)
    return found + re.findall(r"(?:src|href)=\"([^\"]+)\"", plain)


def anchors(path: Path) -> set[str]:
    """Fragments that a forge makes of the headings of a document, and those that it sets itself."""
    text = path.read_text(encoding="utf-8")
    found: set[str] = set(re.findall(r"<a (?:name|id)=\"([^\"]+)\"", text))
    without = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", without, re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        count = 0
        while (name if not count else f"{name}-{count}") in found:
            count += 1
        found.add(name if not count else f"{name}-{count}")
    return found


@document
def test_links_resolve(path):
    broken = []
    for link in links(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):  # of the Internet: not looked at
            continue
        name, _, fragment = unquote(link).partition("#")
        target = (path.parent / name).resolve() if name else path
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (fragment and target.suffix == ".md" and fragment not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_anchors_are_those_of_a_forge(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("# The house\n\n## `rig/`: what it does, and why\n\n## The house\n\n```\n# no heading\n```\n")
    assert anchors(page) == {"the-house", "rig-what-it-does-and-why", "the-house-1"}


@cache
def command(name: str) -> Any:
    """The command or group of that name of the program."""
    return typer.main.get_command(app).commands[name].load()  # type: ignore[attr-defined]


@cache
def global_options() -> frozenset[str]:
    """Options of the program itself."""
    return options(typer.main.get_command(app))


@cache
def global_flags() -> frozenset[str]:
    """Global options that take no value."""
    flags = (one for one in typer.main.get_command(app).params if getattr(one, "is_flag", False))
    return frozenset(name for one in flags for name in (*one.opts, *one.secondary_opts)) | {"--help"}


def options(of: Any) -> frozenset[str]:
    """All spellings of the options of a command, `--help` with them."""
    given = (name for parameter in of.params for name in (*parameter.opts, *parameter.secondary_opts))
    return frozenset(name for name in given if name.startswith("-")) | {"--help"}


def all_options(of: Any) -> frozenset[str]:
    """The options of a command and of all commands below it."""
    below = getattr(of, "commands", {}).values()
    return options(of).union(*(all_options(one) for one in below))


def wrong_in_call(call: str) -> list[str]:
    """What is not there of a call of the program, from behind its name on: commands and options."""
    call = re.split(r"\s(?:\||&&|>|>>|#|…#)\s|;|\s#", call)[0]
    words = [word.strip("[](),'\"") for word in call.replace("\\|", "|").split()]
    words = [re.split(r"[=|]", word)[0] for word in words if word.strip("…\\.")]
    known, node, at = global_options(), None, 0
    while at < len(words):  # global options, then commands
        word = words[at]
        if node is None and word.startswith("-"):
            if word not in known:
                return [word]
            at += 1 if word in global_flags() else 2
        elif node is None:
            if word not in COMMANDS:
                return [] if not re.fullmatch(r"[a-z][a-z-]+", word) else [word]
            node, at = command(word), at + 1
            known |= options(node)
        elif word in getattr(node, "commands", {}):
            node, at = node.commands[word], at + 1
            known |= options(node)
        else:
            break
    if getattr(node, "commands", None) and at < len(words) and re.fullmatch(r"[a-z][a-z-]+", words[at]):
        return [words[at]]
    if getattr(node, "commands", None):
        known |= all_options(node)
    return [word for word in words[at:] if re.fullmatch(r"--?[a-z][\w-]*", word) and word not in known]


def calls(text: str) -> Iterator[str]:
    """Each call of the program in a document, from behind its name on."""
    for language, content in blocks(text):
        if language not in ("python", "toml", "json", "c"):
            for line in re.sub(r"\\\n\s*", " ", content).splitlines():
                for part in re.split(r"\s\|\s|&&|;", line):
                    if match := re.match(r"\s*(?:\$ |[\w=-]+ )?(?:\S*/)?holodriver\s+(\S.*)", part):
                        yield match[1]
    for span in spans(text):
        if match := re.match(r"(?:\S*/)?holodriver\s+(\S.*)", span):
            yield match[1]


@document
def test_commands_and_options_exist(path):
    text = path.read_text(encoding="utf-8")
    assert [f"{call}: {wrong}" for call in calls(text) if (wrong := wrong_in_call(call))] == []


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("demo -o demo --size 256 --planes 21", []),
        ("--progress json play X.holo --loop", []),
        ("rig new rig.toml", []),
        ("looking-glass quilt SOURCE -o X.png [--device go|65]", []),
        ("X", []),
        ("dmeo", ["dmeo"]),
        ("demo --sizes 3", ["--sizes"]),
        ("rig make rig.toml", ["make"]),
        ("--progres json play", ["--progres"]),
        ("synth a.stack -o a.holo | holodriver play - --wrong", []),  # the second is a call of its own
    ],
)
def test_a_wrong_command_is_seen(call, wrong):
    assert wrong_in_call(call) == wrong


@cache
def spelled_options() -> frozenset[str]:
    """Options of the program, and those that a script or the add-on spells out."""
    program = frozenset().union(*(all_options(command(name)) for name in COMMANDS))
    texts = ((ROOT / name).read_text(encoding="utf-8") for name in SOURCES if not name.startswith("tests"))
    return program | global_options() | frozenset(re.findall(r"--[a-z][\w-]*", " ".join(texts)))


@document
def test_options_named_alone_exist(path):
    named = {
        match[0] for span in spans(path.read_text(encoding="utf-8")) if (match := re.match(r"--[a-z][\w-]*", span))
    }
    assert named - spelled_options() == set()


BUILT = ("holodriver/rig/firmware/build",)
"""Folders that a document may name and that a build makes."""


@document
def test_files_exist(path):
    """Paths from the root, and files of Python by their name or by a path from the document's folder."""
    text = path.read_text(encoding="utf-8")
    code = "\n".join([*spans(text), *(content for _, content in blocks(text))])
    named = re.findall(rf"(?<![\w/.…*-])(?:{'|'.join(map(re.escape, (*FOLDERS, '.ci')))})/[\w./*-]+", code)
    missing = {name for name in named if not any(ROOT.glob(re.sub(r"\*.*", "*", name.rstrip("/."))))}
    for name in re.findall(r"(?<![\w/.…*{}-])[a-z_][\w/]*\.py\b", "\n".join(spans(text))):
        if not any(source == name or source.endswith("/" + name) for source in SOURCES):
            missing.add(name)
    assert {name for name in missing if not name.startswith((*BUILT, "my_", "your_"))} == set()


def module_file(name: str) -> Path | None:
    """The file of a module of the driver; None if there is no such module."""
    place = ROOT / name.replace(".", "/")
    return next((one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file()), None)


@document
def test_modules_exist(path):
    """Dotted names in the text, and imports in blocks of Python, which must be Python as well."""
    text = path.read_text(encoding="utf-8")
    missing = []
    for name in re.findall(r"(?<![\w.])holodriver(?:\.\w+)+(?![\w/-])", "\n".join(spans(text))):
        if name.endswith((".toml", ".whl", ".zip", ".js")) or module_file(name):
            continue
        module, _, attribute = name.rpartition(".")
        found = module_file(module)
        if found is None or not re.search(rf"\b{attribute}\b", found.read_text(encoding="utf-8")):
            missing.append(name)
    for language, content in blocks(text):
        if language == "python":
            for node in ast.walk(ast.parse(content)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "holodriver":
                    found = module_file(node.module or "")
                    names = found.read_text(encoding="utf-8") if found else ""
                    missing += [f"{node.module}.{a.name}" for a in node.names if not re.search(rf"\b{a.name}\b", names)]
    assert missing == []
