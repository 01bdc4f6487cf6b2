# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's preferences: the path of the driver, and the buttons that check and install it."""

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
"""Optional parts of the driver that Install Driver installs, comma-separated."""

INSTALL_PATIENCE_S = 1800.0
"""Silence after which the installation counts as hanging, s: pip prints nothing while it builds and unpacks."""

_ICONS = {"ok": "CHECKMARK", "missing": "INFO", "problem": "ERROR"}

_findings: list[dict[str, Any]] = []


class HolodriverPreferences(bpy.types.AddonPreferences):
    """The extension's preferences: the path of the driver, and the buttons that install and check it."""

    bl_idname = session.PACKAGE

    __annotations__ = {
        "driver": StringProperty(
            name="Driver",
            description="Path of the program holodriver, or of a Python with holodriver. "
            "If empty, the installed driver is used, or one on the PATH",
            subtype="FILE_PATH",
        )
    }

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the path, the buttons, and the findings of Check."""
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
    """Start the driver, and list what it and this computer can do"""

    bl_idname = "holodriver.check_driver"
    bl_label = "Check"

    def make_job(self, context: bpy.types.Context) -> Job:
        """Make the job that runs the driver's command `doctor`."""
        _findings.clear()
        command = (*session.driver().command, "doctor", "--json")
        return Job("Check", [Step("Asking the driver", command)])

    def _end(self, context: bpy.types.Context, job: Job) -> set[str]:
        # the exit status of `doctor` tells only that something is broken; its answer tells what
        if job.state is State.FAILED and _answer(job):
            job.state = State.DONE
        return super()._end(context, job)

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Store the findings, which the preferences show."""
        answer = _answer(job)
        if answer is None:
            raise InputError(
                "the driver's answer cannot be read", remedy="is the program in the preferences holodriver?"
            )
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
    """Install the driver into its own Python environment in the extension's folder (downloads some gigabytes)"""

    bl_idname = "holodriver.install_driver"
    bl_label = "Install Driver"

    def make_job(self, context: bpy.types.Context) -> Job:
        """Make the job that installs the driver from the wheel in the extension."""
        if not bpy.app.online_access:
            raise InputError(
                "installing the driver needs online access, which Blender's preferences do not allow",
                remedy="allow online access in Blender's preferences under System",
            )
        folder, wheel = session.private_environment(), carried_wheel()
        if folder is None or wheel is None:
            raise InputError(
                "this copy of the add-on contains no driver", remedy="install the extension from its zip file"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        (folder / INSTALLED).unlink(missing_ok=True)
        python = str(environment_python(folder))
        pip = (python, "-m", "pip", "--no-input", "--disable-pip-version-check", "install")
        steps = [
            Step("Making the environment", (sys.executable, "-m", "venv", "--clear", str(folder))),
            Step("Updating pip", (*pip, "--upgrade", "pip")),
            Step("Installing the driver", (*pip, "--progress-bar", "raw", f"{wheel}[{EXTRAS}]")),
            Step("Testing the driver", (python, "-m", "holodriver", "--version")),
        ]
        return Job("Install Driver", steps, patience_s=INSTALL_PATIENCE_S)

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Mark the environment as complete, and report the driver's version."""
        said, folder = job.report.output[-1], session.private_environment()
        assert folder is not None
        (folder / INSTALLED).write_text(said, encoding="utf-8")
        return f"Installed {said}"


def carried_wheel() -> Path | None:
    """Path of the driver's wheel in the extension's folder; None if there is no wheel."""
    wheels = sorted((Path(__file__).resolve().parents[1] / "wheels").glob("holodriver-*.whl"))
    return wheels[-1] if wheels else None


CLASSES = (HolodriverPreferences, HOLODRIVER_OT_check_driver, HOLODRIVER_OT_install_driver)
