# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons: each checks its inputs, starts a job of the driver, and shows the result."""

import glob
from pathlib import Path
from typing import Any, ClassVar

import bpy

from holodriver.errors import InputError
from holodriver.optics.lookingglass import LOOKING_GLASSES, quilt_path

from ..render.refocus import view_count
from . import session
from .checks import check_disk, check_scene, cores, free_name, output_folder, scene_frames, snapshot_of
from .driver import (
    blur_diameter,
    hologram_steps,
    image_size,
    play_steps,
    quilt_steps,
    range_steps,
    rgbd_steps,
    sample_count,
    stack_steps,
    stacks_in,
    work_of,
)
from .driver_process import Job, Step
from .estimate import Work
from .jobs import JobOperator
from .near_and_far import plane_range
from .snapshot import blend_name, unsaved_images


class _Render(JobOperator):
    """Common parts of the buttons that render."""

    def _on_copy(self, title: str, steps: list[Step], base: Path, copy: Path) -> Job:
        job = Job(title, steps, scratch=copy.parent, leftovers=[(base.parent, f".{glob.escape(base.name)}*")])
        job.report.warnings += [f"image '{name}' has unsaved changes, which are left out" for name in unsaved_images()]
        return job

    def _measure(self, job: Job, work: Work) -> None:
        session.state.pace = job.seconds / work.seconds(cores())


class HOLODRIVER_OT_render_stack(_Render, bpy.types.Operator):
    """Render the scene focused at every focal plane. A hologram is made from the result"""

    bl_idname = "holodriver.render_stack"
    bl_label = "Render Focal Stack"

    def make_job(self, context: bpy.types.Context) -> Job:
        """Check, copy the file, and render the copy."""
        scene, settings = context.scene, context.scene.holodriver
        check_scene(scene)
        planes = plane_range(scene, settings)
        driver, profile, folder = session.driver(), session.profile(settings), output_folder(settings)
        size = image_size(settings, profile, scene.render)
        refocus = settings.route == "REFOCUS"
        if refocus and scene.camera.data.type != "PERSP":
            raise InputError("the refocus route needs a perspective camera", remedy="choose plane by plane")
        diameter = blur_diameter(settings, profile)
        views = view_count(diameter) if refocus else 0
        frames = len(scene_frames(scene))
        self.work = work_of(settings, size, planes=settings.planes, frames=frames, views=views)
        check_disk(folder, self.work)
        end = ".stacks" if frames > 1 else ".stack"
        base = free_name(folder, blend_name(), [end], overwrite=settings.overwrite)
        self.output = base.with_name(base.name + end)
        copied = snapshot_of(scene, size=size, planes=planes)
        steps = stack_steps(driver, copied, settings, diameter, self.output)
        return self._on_copy("Render Focal Stack", steps, self.output, copied.blend)

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Make the stack the source for Make Hologram."""
        self._measure(job, self.work)
        session.state.source = self.output
        return f"Focal stack: {self.output}"


class HOLODRIVER_OT_export_rgbd(_Render, bpy.types.Operator):
    """Render a sharp image of the scene and its depth, for a Looking Glass and other displays"""

    bl_idname = "holodriver.export_rgbd"
    bl_label = "Export RGB-D"

    def make_job(self, context: bpy.types.Context) -> Job:
        """Check, copy the file, and render the copy."""
        scene, settings = context.scene, context.scene.holodriver
        check_scene(scene)
        planes = plane_range(scene, settings)
        if not settings.formats:
            raise InputError("no file format is chosen", remedy="choose one under Files")
        driver, profile, folder = session.driver(), session.profile(settings), output_folder(settings)
        size = image_size(settings, profile, scene.render)
        frames = scene_frames(scene)
        self.work = work_of(settings, size, planes=0, frames=len(frames))
        check_disk(folder, self.work)
        first = f"_{frames[0]:04d}" if len(frames) > 1 else ""
        ends = [f"{first}{end}" for end in ("_rgbd_lr.png", ".png", "_depth.png", ".exr")] + ["_rgbd_lr.mp4"]
        self.output = free_name(folder, blend_name(), ends, overwrite=settings.overwrite)
        copied = snapshot_of(scene, size=size, planes=planes)
        steps = rgbd_steps(driver, copied, settings, self.output)
        return self._on_copy("Export RGB-D", steps, self.output, copied.blend)

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Make the picture the source for Make Hologram."""
        self._measure(job, self.work)
        written = [Path(text.removeprefix("wrote ")) for text in job.report.messages if text.startswith("wrote ")]
        pairs = [path for path in written if path.name.endswith("_rgbd_lr.png")]
        if pairs:
            session.state.source = pairs[0]
        return f"RGB-D: {len(written)} files in {self.output.parent}"


class HOLODRIVER_OT_fit_planes(_Render, bpy.types.Operator):
    """Move the near and the far plane to the nearest and the farthest surface that the camera sees"""

    bl_idname = "holodriver.fit_planes"
    bl_label = "Fit to View"
    bl_options: ClassVar[set[str]] = {"REGISTER"}

    SIDE = 256
    """Size of the depth map that is evaluated, pixels along its longer side."""

    def make_job(self, context: bpy.types.Context) -> Job:
        """Copy the file, and render a small depth map."""
        scene, settings = context.scene, context.scene.holodriver
        check_scene(scene)
        driver, profile = session.driver(), session.profile(settings)
        width, height = image_size(settings, profile, scene.render)
        scale = min(1.0, self.SIDE / max(width, height))
        size = (max(8, round(width * scale)), max(8, round(height * scale)))
        copied = snapshot_of(scene, size=size, planes=(None, None))
        steps = range_steps(driver, copied)
        return Job("Fit to View", steps, scratch=copied.blend.parent)

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Move the planes."""
        rows = [table["rows"] for table in job.report.tables if table.get("columns") == ["near m", "far m"]]
        if not rows:
            raise InputError("the driver did not report a depth range", remedy="is it the same version as the add-on?")
        scene = self.scene()
        settings = scene.holodriver
        near, far = (float(value) for value in rows[-1][0])
        settings.near_object = settings.far_object = None
        settings.far_infinite = False
        settings.range_mode = "PLANES"
        settings.near, settings.far = near, far
        session.state.ranges[scene.session_uid] = (near, far)
        return f"Near plane at {near:.4g}, far plane at {far:.4g}"


class HOLODRIVER_OT_make_hologram(JobOperator, bpy.types.Operator):
    """Compute the hologram of a focal stack or an RGB-D picture, and show a simulated camera's view of the hologram"""

    bl_idname = "holodriver.make_hologram"
    bl_label = "Make Hologram"

    def make_job(self, context: bpy.types.Context) -> Job:
        """Check the source and make the driver's job."""
        settings = context.scene.holodriver
        driver, folder, source = session.driver(), output_folder(settings), self._source(settings)
        end = ".holos" if stacks_in(source) else ".holo"
        name = source.stem.removesuffix("_rgbd_lr")
        base = free_name(folder, name, [end, ".frames", ".preview"], overwrite=settings.overwrite)
        self.holo, self.preview = base.with_name(base.name + end), base.with_name(base.name + ".preview")
        profile = settings.profile_file.strip() if settings.profile == "FILE" else ""
        session.profile(settings)
        chosen = Path(bpy.path.abspath(profile)) if profile else None
        steps = hologram_steps(driver, source, self.holo, settings, chosen, preview=self.preview)
        return Job("Make Hologram", steps, leftovers=[(folder, f".{glob.escape(base.name)}.*")])

    def _source(self, settings: Any) -> Path:
        named = settings.source.strip()
        if named:
            source = Path(bpy.path.abspath(named).rstrip("/\\"))
            source = source.parent if source.name == "stack.json" else source
        elif session.state.source is not None:
            source = session.state.source
        else:
            raise InputError("there is no source", remedy="render a focal stack first, or choose one under Source")
        if not source.exists():
            raise InputError("does not exist", where=source, remedy="choose another source")
        return source

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Store the paths of hologram and panel frames, and load the preview."""
        results = session.state.results
        frames = self.holo if self.holo.suffix == ".holos" else self.holo.with_suffix(".frames")
        results |= {"holo": self.holo, "frames": frames, "preview": self.preview}
        show_preview(self.preview)
        return f"Hologram: {self.holo}"


class HOLODRIVER_OT_show_on_panel(JobOperator, bpy.types.Operator):
    """Show the last hologram on the panel. Lasers are lit only if the rig is armed"""

    bl_idname = "holodriver.show_on_panel"
    bl_label = "Show on Panel"

    def make_job(self, context: bpy.types.Context) -> Job:
        """Make the job that plays the panel frames on the rig."""
        settings = context.scene.holodriver
        frames = session.state.results.get("frames")
        if frames is None or not frames.exists():
            raise InputError("there is no hologram to show", remedy="press Make Hologram first")
        return Job("Show on Panel", play_steps(session.driver(), frames, settings))

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Report the outcome of the play."""
        rows = [f"{row[0]} {row[1]}" for table in job.report.tables for row in table.get("rows", [])]
        return "\n".join(["Shown", *rows[:6]])


class HOLODRIVER_OT_render_quilt(_Render, bpy.types.Operator):
    """Render the scene from many viewpoints, as a quilt for a Looking Glass"""

    bl_idname = "holodriver.render_quilt"
    bl_label = "Render Quilt"

    def make_job(self, context: bpy.types.Context) -> Job:
        """Check, copy the file, and render the copy."""
        scene, settings = context.scene, context.scene.holodriver
        check_scene(scene)
        driver, folder = session.driver(), output_folder(settings)
        display = LOOKING_GLASSES[settings.quilt_device]
        end = quilt_path(Path("x.png"), display).name.removeprefix("x")
        base = free_name(folder, blend_name(), [end], overwrite=settings.overwrite)
        self.output = base.with_name(base.name + end)
        check_disk(folder, Work(*display.quilt, sample_count(settings), 0, denoise=settings.denoise))
        copied = snapshot_of(scene, size=display.tile, planes=(None, None))
        steps = quilt_steps(driver, copied, settings, base.with_name(base.name + ".png"))
        return self._on_copy("Render Quilt", steps, base, copied.blend)

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Report the path of the quilt."""
        session.state.results["quilt"] = self.output
        return f"Quilt: {self.output}"


class HOLODRIVER_OT_cancel(bpy.types.Operator):
    """Stop the running job"""

    bl_idname = "holodriver.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether a job is running."""
        return session.running()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the job to stop."""
        if session.state.job is not None:
            session.state.job.cancel()
        return {"FINISHED"}


class HOLODRIVER_OT_dismiss(bpy.types.Operator):
    """Clear this message"""

    bl_idname = "holodriver.dismiss"
    bl_label = "Dismiss"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Clear the message in the panel."""
        session.tell(failed=False)
        return {"FINISHED"}


PREVIEW_NAME = "Hologram Preview"


def show_preview(folder: Path) -> None:
    """Load the pictures in `folder` as images, and show the middle focus in an image editor if one is open."""
    pictures = sorted(folder.glob("focus_*.png"))
    if not pictures:
        raise InputError("contains no pictures", where=folder)
    loaded = []
    for number, path in enumerate(pictures):
        name = f"{PREVIEW_NAME} {number + 1}"
        image = bpy.data.images.get(name)
        if image is None:
            image = bpy.data.images.load(str(path))
            image.name = name
        else:
            image.filepath = str(path)
            image.reload()
        loaded.append(image)
    manager = bpy.context.window_manager
    for window in manager.windows if manager is not None else ():
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                area.spaces.active.image = loaded[len(loaded) // 2]
                return


CLASSES = (
    HOLODRIVER_OT_render_stack,
    HOLODRIVER_OT_export_rgbd,
    HOLODRIVER_OT_fit_planes,
    HOLODRIVER_OT_make_hologram,
    HOLODRIVER_OT_show_on_panel,
    HOLODRIVER_OT_render_quilt,
    HOLODRIVER_OT_cancel,
    HOLODRIVER_OT_dismiss,
)
