"""Print the tables of a bench or drill and, with `--record`, write them into RESULTS.md.

    parser = argparse.ArgumentParser(...)
    record.add_option(parser)
    given = parser.parse_args()
    with record.section("encoding", "Encoding", about="What is measured.", write=given.record) as results:
        results.table(("what", "ms"), [("plain", "12.0"), ("fast", "3.0")])
        results.say("The fast encoder is 4.0 times as fast.")

Each bench has a key. Recording replaces the section with that key in RESULTS.md and adds the date, the commit, the
machine and the command. It also removes figures with that key which date from before benches wrote this file. The
module needs only the standard library, so it works inside Blender too.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("RESULTS.md")
EARLIER = "## Measured earlier"
"""Heading of the older figures, which were copied by hand; recorded sections stand above it."""

LIBRARIES = ("torch", "numpy", "onnxruntime", "openvino")
"""Packages whose versions are recorded if they are installed."""


@dataclass
class Section:
    """The tables and remarks of one bench; each is printed when it is added."""

    key: str
    heading: str
    about: str = ""
    parts: list[str] = field(default_factory=list)
    """Markdown blocks that were added so far."""

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
        """Print a table and add it to the section.

        Args:
            headings: one heading for each column.
            rows: cells of each row, written with `str`.
            title: line above the table.
        """
        print("\n".join([f"\n{title}" if title else "", markdown_table(headings, rows, padded=True)]), flush=True)
        self.parts.append((f"{title}:\n\n" if title else "") + markdown_table(headings, rows))

    def say(self, text: str) -> None:
        """Print a remark on the results and add it to the section."""
        print(text, flush=True)
        self.parts.append(text)

    def markdown(self, facts: str) -> str:
        """Write the whole section as Markdown; `facts` comes from `conditions`."""
        return "\n\n".join([f"## {self.heading}", *filter(None, [self.about]), facts, *self.parts])


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, padded: bool = False) -> str:
    """Write a Markdown table; `padded` aligns the columns for a terminal."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in (headings, *rows)]
    widths = [max(map(len, column)) if padded else 0 for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * max(3, width + 2) for width in widths) + "|")
    return "\n".join(lines)


def add_option(*parsers: argparse.ArgumentParser) -> None:
    """Add the option `--record` to each parser."""
    for parser in parsers:
        parser.add_argument("--record", action="store_true", help="write the tables into scripts/bench/RESULTS.md")


@contextmanager
def section(
    key: str, heading: str, *, about: str = "", write: bool = False, command: str | None = None
) -> Iterator[Section]:
    """Collect a section and write it into RESULTS.md at the end of the block, unless the block ends with an error.

    Args:
        key: key that identifies the section in later runs.
        heading: heading in RESULTS.md.
        about: sentences below the heading on what is measured.
        write: whether to write the section; the value of the option `--record`.
        command: command line to record; None: that of this process.
    """
    facts = conditions(command or command_line())  # before the run, so that the load average is the machine's
    made = Section(key, heading, about)
    yield made
    if write:
        text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
        temporary = RESULTS.with_suffix(".part")
        temporary.write_text(replaced(text, key, made.markdown(facts)), encoding="utf-8")
        temporary.replace(RESULTS)
        print(f"recorded in {RESULTS.relative_to(ROOT)}")


def replaced(text: str, key: str, body: str) -> str:
    """Replace the section with this key in the text of RESULTS.md, or insert it in alphabetical order of keys."""
    text = re.sub(rf"<!-- earlier: {re.escape(key)} -->\n.*?<!-- end -->\n*", "", text, flags=re.DOTALL)
    new = f"<!-- results: {key} -->\n{body}\n<!-- end -->\n\n"
    old = re.compile(rf"<!-- results: {re.escape(key)} -->\n.*?<!-- end -->\n*", re.DOTALL)
    if old.search(text):
        return old.sub(lambda _: new, text, count=1)
    later = [match.start() for match in re.finditer(r"<!-- results: (.+?) -->", text) if match[1] > key]
    place = later[0] if later else text.find(EARLIER)
    if place < 0:
        return (text.rstrip("\n") + "\n\n" + new).lstrip("\n")
    return text[:place] + new + text[place:]


def conditions(command: str) -> str:
    """Date, commit, machine and command of the run, as Markdown."""
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return f"*{today}, commit {commit()}; {machine()}.*\n\n```\n{command}\n```"


def commit() -> str:
    """Hash of the current commit, with a remark if files differ from it; RESULTS.md does not count."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{RESULTS.relative_to(ROOT)}")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + (" + local changes" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def machine() -> str:
    """Describe the machine: processor, cores, memory, graphics card, load, system and versions of libraries."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = [f"{processor()}, {cores} cores"]
    if "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    parts.append(graphics())
    if hasattr(os, "getloadavg"):
        parts.append(f"load average {os.getloadavg()[0]:.1f} before the run")
    parts.append(f"{platform.system()}, Python {platform.python_version()}")
    for name in LIBRARIES:
        try:
            parts.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(parts)


def processor() -> str:
    """Model name of the processor, as the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def graphics() -> str:
    """Names of the graphics cards that NVIDIA's driver lists."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return "no GPU"
    query = [program, "--query-gpu=name", "--format=csv,noheader"]
    names = subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()
    return " and ".join(names) or "no GPU"


def command_line() -> str:
    """Command line of this process, with paths relative to the repository; other paths are cut to their last part."""
    program = Path(sys.argv[0]).resolve()
    name = program.relative_to(ROOT).as_posix() if program.is_relative_to(ROOT) else program.name
    given = [Path(one).name if os.path.isabs(one) else one for one in sys.argv[1:] if one != "--record"]
    return " ".join(["python", name, *map(shlex.quote, given)])
