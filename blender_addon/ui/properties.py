# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's settings, which the scene stores."""

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from holodriver.optics.display import REFERENCE
from holodriver.optics.lookingglass import LOOKING_GLASSES

from . import focus_preview

_NO_ANIMATION: dict[str, Any] = {"options": set()}
"""Options of a property that cannot be animated."""

_devices_shown: list[tuple[str, str, str]] = []  # Blender keeps no reference to the strings of a dynamic list


def device_choices(self: Any, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    """List the CPU, and the GPUs that are enabled in Cycles' preferences, as items of a menu."""
    _devices_shown[:] = [("CPU", "CPU", "Render on the processor")]
    kind, names = artists_gpus()
    if names:
        text = f"Render on {', '.join(name for _, name in names)}, as in Blender's preferences"
        _devices_shown.append((kind, f"GPU ({kind})", text))
    return _devices_shown


def artists_gpus() -> tuple[str, list[tuple[str, str]]]:
    """Type of the GPUs that Cycles' preferences enable, and (identifier, name) of each; empty without a GPU."""
    addon = bpy.context.preferences.addons.get("cycles")
    preferences = getattr(addon, "preferences", None)
    kind = getattr(preferences, "compute_device_type", "NONE")
    if preferences is None or kind == "NONE":
        return "NONE", []
    used = [entry for entry in preferences.devices if entry.use and entry.type in (kind, "CPU")]
    found = [(entry.id, entry.name) for entry in used]
    return kind, found if any(entry.type == kind for entry in used) else []


def _is_camera_or_any(self: Any, candidate: bpy.types.Object) -> bool:
    return candidate.type != "CAMERA"


class HologramSettings(bpy.types.PropertyGroup):
    """Settings of a scene's holograms and RGB-D images."""

    __annotations__ = {
        "profile": EnumProperty(
            name="Display",
            description="The holographic display on which the result will be shown",
            items=(
                ("REFERENCE", "Reference", f"{REFERENCE.width} × {REFERENCE.height}, {REFERENCE.planes} planes"),
                ("FILE", "From File", "A display profile (TOML)"),
            ),
            **_NO_ANIMATION,
        ),
        "profile_file": StringProperty(
            name="Profile", description="Display profile (TOML)", subtype="FILE_PATH", **_NO_ANIMATION
        ),
        "size_mode": EnumProperty(
            name="Size",
            description="Size of the images in pixels",
            items=(
                ("PROFILE", "Display", "The size of the display"),
                ("SCENE", "Render Output", "The size in the scene's output properties"),
                ("TYPED", "Custom", "Any other size"),
            ),
            default="SCENE",
            **_NO_ANIMATION,
        ),
        "width": IntProperty(name="Width", default=512, min=8, max=16384, subtype="PIXEL", **_NO_ANIMATION),
        "height": IntProperty(name="Height", default=512, min=8, max=16384, subtype="PIXEL", **_NO_ANIMATION),
        "range_mode": EnumProperty(
            name="Depth Range",
            description="Positions of the nearest and the farthest focal plane",
            items=(
                ("VIEW", "Camera View", "From the nearest to the farthest visible surface, found before rendering"),
                ("PLANES", "Near and Far Plane", "Set distances, pick objects, or fit both planes to the view"),
            ),
            **_NO_ANIMATION,
        ),
        "near": FloatProperty(
            name="Near",
            description="Distance of the near plane from the camera, along the viewing direction",
            default=1.0,
            min=1e-4,
            soft_max=1000,
            precision=3,
            subtype="DISTANCE",
            unit="LENGTH",
            **_NO_ANIMATION,
        ),
        "far": FloatProperty(
            name="Far",
            description="Distance of the far plane from the camera, along the viewing direction",
            default=10.0,
            min=1e-4,
            soft_max=10000,
            precision=3,
            subtype="DISTANCE",
            unit="LENGTH",
            **_NO_ANIMATION,
        ),
        "near_object": PointerProperty(
            name="Near Object",
            description="Object whose origin lies in the near plane; it replaces the distance",
            type=bpy.types.Object,
            poll=_is_camera_or_any,
        ),
        "far_object": PointerProperty(
            name="Far Object",
            description="Object whose origin lies in the far plane; it replaces the distance",
            type=bpy.types.Object,
            poll=_is_camera_or_any,
        ),
        "far_infinite": BoolProperty(
            name="Far at Infinity",
            description="Put the far plane at infinity (perspective cameras only)",
            default=False,
            **_NO_ANIMATION,
        ),
        "show_planes": BoolProperty(
            name="Show Planes",
            description="Draw outlines of the near and the far plane in the viewport",
            default=True,
            **_NO_ANIMATION,
        ),
        "planes": IntProperty(
            name="Planes",
            description="Number of focal planes; choose more than the blur diameter in pixels",
            default=REFERENCE.planes,
            min=2,
            max=1000,
            **_NO_ANIMATION,
        ),
        "blur_mode": EnumProperty(
            name="Blur",
            description="How much the near plane is blurred while the far plane is in focus",
            items=(
                ("PROFILE", "Display", "The blur in the display's profile"),
                ("EYE", "Eye", "The blur that an eye in front of this display sees (Eq. 4 of the paper)"),
                ("TYPED", "Custom", "Any other diameter"),
            ),
            **_NO_ANIMATION,
        ),
        "coc_max": FloatProperty(
            name="Diameter", default=REFERENCE.coc_max, min=0.5, max=500, subtype="PIXEL", **_NO_ANIMATION
        ),
        "quality": EnumProperty(
            name="Quality",
            description="Samples per pixel; more samples give less noise and take longer",
            items=(
                ("DRAFT", "Draft", "4 samples"),
                ("QUICK", "Quick", "16 samples"),
                ("GOOD", "Good", "64 samples"),
                ("BEST", "Best", "256 samples"),
                ("TYPED", "Custom", "Any other number of samples"),
            ),
            default="QUICK",
            **_NO_ANIMATION,
        ),
        "samples": IntProperty(name="Samples", default=32, min=1, max=100000, **_NO_ANIMATION),
        "denoise": BoolProperty(
            name="Denoise", description="Remove noise from the images (OpenImageDenoise)", default=True, **_NO_ANIMATION
        ),
        "device": EnumProperty(
            name="Device",
            description="Processor or graphics card on which Cycles renders",
            items=device_choices,
            **_NO_ANIMATION,
        ),
        "route": EnumProperty(
            name="Route",
            description="Method that makes the images of the focal planes",
            items=(
                ("PLANES", "Plane by Plane", "Render each focal plane with depth of field"),
                (
                    "REFOCUS",
                    "Refocus",
                    "Render sharp views from many points of the lens, and compute all focal planes from them "
                    "(perspective cameras only)",
                ),
            ),
            **_NO_ANIMATION,
        ),
        "animation": BoolProperty(
            name="Frame Range",
            description="Render the scene's frame range instead of the current frame",
            default=False,
            **_NO_ANIMATION,
        ),
        "formats": EnumProperty(
            name="Files",
            description="File formats of an RGB-D image",
            items=(
                ("SIDE_BY_SIDE", "Side by Side", "Picture left, depth right (white is near), for a Looking Glass"),
                ("DEPTH", "Depth PNG", "The picture, and its depth as a 16-bit PNG file (white is near)"),
                ("EXR", "OpenEXR", "Unscaled linear light, and normalised depth (0 is near) in the channel Z"),
                ("VIDEO", "Video", "Picture and depth side by side as an MP4 video, for a frame range"),
            ),
            options={"ENUM_FLAG"},
            default={"SIDE_BY_SIDE"},
        ),
        "output": StringProperty(
            name="Output",
            description="Folder for the results",
            subtype="DIR_PATH",
            default="//holograms/",
            **_NO_ANIMATION,
        ),
        "overwrite": BoolProperty(
            name="Overwrite",
            description="Replace existing results instead of adding a number to the new names",
            default=False,
            **_NO_ANIMATION,
        ),
        "source": StringProperty(
            name="Source",
            description="Folder of a focal stack, folder with several focal stacks, or RGB-D picture. "
            "If empty, the last one rendered here is used",
            subtype="FILE_PATH",
            **_NO_ANIMATION,
        ),
        "method": EnumProperty(
            name="Method",
            description="Method that computes the hologram",
            items=(
                ("opt", "Diffraction Engineered", "Optimised to look like the render at every focus"),
                ("ncgh", "nCGH", "A conventional hologram, much faster"),
            ),
            **_NO_ANIMATION,
        ),
        "iterations": IntProperty(
            name="Steps",
            description="Largest number of optimiser steps",
            default=150,
            min=1,
            max=10000,
            **_NO_ANIMATION,
        ),
        "rig": StringProperty(
            name="Rig",
            description="Rig that shows the hologram: simulated, or the path of a rig file",
            default="simulated",
            **_NO_ANIMATION,
        ),
        "play_seconds": FloatProperty(
            name="Seconds",
            description="Time for which the hologram is shown",
            default=10.0,
            min=0.1,
            soft_max=600,
            **_NO_ANIMATION,
        ),
        "photo": StringProperty(
            name="Photo", description="Picture to import with its depth", subtype="FILE_PATH", **_NO_ANIMATION
        ),
        "photo_depth": StringProperty(
            name="Depth",
            description="Depth picture of the photo (white is near). If empty, the driver estimates the depth",
            subtype="FILE_PATH",
            **_NO_ANIMATION,
        ),
        "photo_resolution": IntProperty(
            name="Mesh",
            description="Number of points along the photo's longer side",
            default=512,
            min=16,
            max=2048,
            **_NO_ANIMATION,
        ),
        "quilt_device": EnumProperty(
            name="Looking Glass",
            description="Looking Glass on which the quilt will be shown",
            items=tuple(
                (name, each.label, f"{each.views} views over {each.view_cone:g}°")
                for name, each in LOOKING_GLASSES.items()
            ),
            **_NO_ANIMATION,
        ),
        "preview": BoolProperty(
            name="Focus Preview",
            description="Show the camera's view with the blur of the focal plane chosen below",
            default=False,
            update=focus_preview.switched,
            **_NO_ANIMATION,
        ),
        "preview_position": FloatProperty(
            name="Focus",
            description="Focal plane of the preview: 0 is the near plane, 1 the far plane",
            default=0.0,
            min=0.0,
            max=1.0,
            subtype="FACTOR",
            update=focus_preview.moved,
            **_NO_ANIMATION,
        ),
        "preview_kept": StringProperty(options={"HIDDEN"}),
        "preview_camera": PointerProperty(type=bpy.types.Object, options={"HIDDEN"}),
        "preview_focus": PointerProperty(type=bpy.types.Object, options={"HIDDEN"}),
    }


CLASSES = (HologramSettings,)
