# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's preferences: where the driver is, whether it works, and installing one."""

import json
import sys
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from holodriver.errors import InputError

from . import session
from .driver import INSTALLED, environment_python
from .driver_process import Job, State, Step
from .jobs import JobOperator

EXTRAS = "cpu,rig,depth"
"""Optional parts of the driver that are installed with it."""

INSTALL_PATIENCE_S = 1800.0
"""pip says nothing while it builds and unpacks."""

_ICONS = {"ok": "CHECKMARK", "missing": "INFO", "problem": "ERROR"}

_findings: list[dict[str, Any]] = []


class HolodriverPreferences(bpy.types.AddonPreferences):
    """The preferences: which driver to start, and the buttons that install and check it."""

    bl_idname = session.PACKAGE

    __annotations__ = {
        "driver": StringProperty(
            name="Driver",
            description="The program holodriver, or a Python that has it; empty: the installed one, or look for it",
            subtype="FILE_PATH",
        )
    }

    def draw(self, context: bpy.types.Context) -> None:
        """Path, buttons, and what Check found."""
        layout = self.layout
        layout.prop(self, "driver")
        row = layout.row()
        row.operator("holodriver.check_driver", icon="VIEWZOOM")
        row.operator("holodriver.install_driver", icon="IMPORT")
        job = session.state.job
        if job is not None and job.running:
            layout.progress(factor=job.report.factor, text=session.progress_text(job))
            layout.operator("holodriver.cancel", icon="CANCEL")
        elif session.state.lines:
            column = layout.column(align=True)
            column.alert = session.state.failed
            for line in session.state.lines[:16]:
                column.label(text=line)
        column = layout.column(align=True)
        for finding in _findings:
            row = column.row()
            row.label(
                text=f"{finding.get('name')}: {finding.get('detail')}",
                icon=_ICONS.get(str(finding.get("state")), "DOT"),
            )
            if finding.get("remedy"):
                row.label(text=str(finding["remedy"]))


class HOLODRIVER_OT_check_driver(JobOperator, bpy.types.Operator):
    """Start the driver and ask what it and this machine have"""

    bl_idname = "holodriver.check_driver"
    bl_label = "Check"

    def make_job(self, context: bpy.types.Context) -> Job:
        """Ask the doctor."""
        _findings.clear()
        command = (*session.driver().command, "doctor", "--json")
        return Job("Check", [Step("Asking the driver", command)])

    def _end(self, context: bpy.types.Context, job: Job) -> set[str]:
        # the doctor's exit status says that something is broken; what is broken stands in its answer
        if job.state is State.FAILED and _answer(job):
            job.state = State.DONE
        return super()._end(context, job)

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Keep the findings for the preferences."""
        answer = _answer(job)
        if answer is None:
            raise InputError("the driver gave no answer that can be read", remedy="is it holodriver?")
        _findings[:] = [finding for finding in answer["findings"] if isinstance(finding, dict)]
        broken = [str(finding.get("name")) for finding in _findings if finding.get("state") == "problem"]
        ready = "ready to compute holograms" if answer.get("ready") else "not ready"
        return f"The driver is {ready}" + (f"; problems: {', '.join(broken)}" if broken else "")


def _answer(job: Job) -> dict[str, Any] | None:
    text = "\n".join(job.report.output)
    start = text.find("{")
    try:
        answer, _ = json.JSONDecoder().raw_decode(text[start:]) if start >= 0 else (None, 0)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and isinstance(answer.get("findings"), list) else None


class HOLODRIVER_OT_install_driver(JobOperator, bpy.types.Operator):
    """Install the driver into an environment of its own, in the extension's folder (downloads some gigabytes)"""

    bl_idname = "holodriver.install_driver"
    bl_label = "Install Driver"

    def make_job(self, context: bpy.types.Context) -> Job:
        """Make the environment from the wheel that the extension carries."""
        if not bpy.app.online_access:
            raise InputError(
                "Blender is not allowed to go online, which installing the driver needs",
                remedy="allow online access in Blender's preferences under System",
            )
        folder, wheel = session.private_environment(), carried_wheel()
        if folder is None or wheel is None:
            raise InputError("this copy of the add-on carries no driver", remedy="install the extension's zip")
        folder.parent.mkdir(parents=True, exist_ok=True)
        (folder / INSTALLED).unlink(missing_ok=True)
        python = str(environment_python(folder))
        pip = (python, "-m", "pip", "--no-input", "--disable-pip-version-check", "install")
        steps = [
            Step("Making the environment", (sys.executable, "-m", "venv", "--clear", str(folder))),
            Step("Updating pip", (*pip, "--upgrade", "pip")),
            Step("Installing the driver", (*pip, "--progress-bar", "raw", f"{wheel}[{EXTRAS}]")),
            Step("Trying it out", (python, "-m", "holodriver", "--version")),
        ]
        return Job("Install Driver", steps, patience_s=INSTALL_PATIENCE_S)

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Mark it as whole, and say which version."""
        said, folder = job.report.output[-1], session.private_environment()
        assert folder is not None
        (folder / INSTALLED).write_text(said, encoding="utf-8")
        return f"Installed {said}"


def carried_wheel() -> Path | None:
    """The driver's wheel in the extension's folder; None where there is none."""
    wheels = sorted((Path(__file__).resolve().parents[1] / "wheels").glob("holodriver-*.whl"))
    return wheels[-1] if wheels else None


CLASSES = (HolodriverPreferences, HOLODRIVER_OT_check_driver, HOLODRIVER_OT_install_driver)
