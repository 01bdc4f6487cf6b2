# SPDX-License-Identifier: GPL-3.0-or-later
"""Base of all buttons that start the driver: a modal operator in a window, a waiting one without a window."""

import time
from typing import Any, ClassVar

import bpy

from holodriver.errors import HolodriverError, InputError

from . import session
from .driver_process import Job, State

TICK_S = 0.1


class JobOperator:
    """An operator that runs a `Job`; a subclass makes the job and uses its results."""

    bl_options: ClassVar[set[str]] = {"REGISTER"}

    def make_job(self, context: bpy.types.Context) -> Job:
        """Make the job, ready to run.

        Raises:
            HolodriverError: the job cannot succeed, as is known before it starts.
        """
        raise NotImplementedError

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Use the results of a finished job.

        Returns:
            A line of text for the artist.

        Raises:
            HolodriverError: the results cannot be used.
        """
        return f"{job.title}: done"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the button can be pressed."""
        if session.running():
            cls.poll_message_set("Another job is running")  # type: ignore[attr-defined]
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run the job and wait for its end, for scripts and for Blender without a window."""
        if not self._begin(context):
            return {"CANCELLED"}
        job = session.state.job
        assert job is not None
        while job.poll():
            time.sleep(TICK_S / 2)
        return self._end(context, job)

    def invoke(self, context: bpy.types.Context, event: Any) -> set[str]:
        """Start the job and let the window go on."""
        if bpy.app.background:
            return self.execute(context)
        if not self._begin(context):
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        context.window_manager.modal_handler_add(self)
        session.refresh()
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: Any) -> set[str]:
        """Poll the job; Esc stops it."""
        job = session.state.job
        if job is None or job is not self._job:  # the job was ended elsewhere
            self._stop_timer(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            job.cancel()
            session.refresh()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        if job.poll():
            session.refresh()
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        return self._end(context, job)

    def cancel(self, context: bpy.types.Context) -> None:
        """Kill the job, because Blender ends the operator: another file is opened, or the window is closed."""
        if self._job is not None:
            self._job.kill()
        self._stop_timer(context)
        session.refresh()

    def scene(self) -> bpy.types.Scene:
        """The scene in which the button was pressed; the window may show another scene by now.

        Raises:
            InputError: the scene was removed.
        """
        for scene in bpy.data.scenes:
            if scene.session_uid == self._scene:
                return scene
        raise InputError("the scene was removed while the job ran", remedy="press the button again in another scene")

    _job: Job | None = None
    _scene = 0
    _timer: Any = None

    def _begin(self, context: bpy.types.Context) -> bool:
        session.state.lines = []
        self._scene = context.scene.session_uid
        try:
            self._job = session.state.job = self.make_job(context)
        except HolodriverError as error:
            session.tell(str(error))
            self.report({"ERROR"}, str(error))  # type: ignore[attr-defined]
            return False
        return True

    def _end(self, context: bpy.types.Context, job: Job) -> set[str]:
        session.refresh()
        warnings = job.report.warnings[:5]
        if job.state is State.CANCELLED:
            session.tell("No unfinished files are left", failed=False, heading=f"{job.title}: cancelled")
            self.report({"INFO"}, f"{job.title}: cancelled")  # type: ignore[attr-defined]
            return {"CANCELLED"}
        try:
            said = self.finish(context, job) if job.state is State.DONE else ""
        except HolodriverError as error:
            job.state, job.report.error = State.FAILED, str(error)
        if job.state is State.FAILED:
            session.tell(job.report.error, *warnings)
            self.report({"ERROR"}, job.report.error)  # type: ignore[attr-defined]
            return {"CANCELLED"}
        session.tell(said, *warnings, failed=False)
        self.report({"WARNING"} if warnings else {"INFO"}, "; ".join([said, *warnings]))  # type: ignore[attr-defined]
        return {"FINISHED"}

    def _stop_timer(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
