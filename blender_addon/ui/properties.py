# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist sets, kept in the scene."""

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
"""Settings of a render are no part of the animation."""

_devices_shown: list[tuple[str, str, str]] = []  # Blender keeps no reference to the strings of a dynamic list


def device_choices(self: Any, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    """The CPU, and the GPUs that Cycles' preferences have switched on."""
    _devices_shown[:] = [("CPU", "CPU", "Render on the processor")]
    kind, names = artists_gpus()
    if names:
        text = f"Render on {', '.join(name for _, name in names)}, as in Blender's preferences"
        _devices_shown.append((kind, f"GPU ({kind})", text))
    return _devices_shown


def artists_gpus() -> tuple[str, list[tuple[str, str]]]:
    """Type, and (identifier, name) of each device, that the preferences let Cycles compute on; empty without a GPU."""
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
    """Settings of one scene's holograms and RGB-D images."""

    __annotations__ = {
        "profile": EnumProperty(
            name="Display",
            description="The holographic display that the result is for",
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
            description="Pixels of the images",
            items=(
                ("PROFILE", "Of the Display", "As many pixels as the display has"),
                ("SCENE", "Of the Render", "As the scene's output settings say"),
                ("TYPED", "Typed", "Any other size"),
            ),
            default="SCENE",
            **_NO_ANIMATION,
        ),
        "width": IntProperty(name="Width", default=512, min=8, max=16384, subtype="PIXEL", **_NO_ANIMATION),
        "height": IntProperty(name="Height", default=512, min=8, max=16384, subtype="PIXEL", **_NO_ANIMATION),
        "range_mode": EnumProperty(
            name="Depth Range",
            description="Where the nearest and the farthest focal plane stand",
            items=(
                ("VIEW", "What the Camera Sees", "From the nearest to the farthest surface, found before rendering"),
                ("PLANES", "Near and Far Plane", "Typed, picked from objects, or fitted to the view"),
            ),
            **_NO_ANIMATION,
        ),
        "near": FloatProperty(
            name="Near",
            description="Distance of the near plane from the camera, along its axis",
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
            description="Distance of the far plane from the camera, along its axis",
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
            description="The near plane goes through its origin",
            type=bpy.types.Object,
            poll=_is_camera_or_any,
        ),
        "far_object": PointerProperty(
            name="Far Object",
            description="The far plane goes through its origin",
            type=bpy.types.Object,
            poll=_is_camera_or_any,
        ),
        "far_infinite": BoolProperty(
            name="Far at Infinity", description="Only for perspective cameras", default=False, **_NO_ANIMATION
        ),
        "show_planes": BoolProperty(
            name="Show Planes",
            description="Draw the near and the far plane as frames in the viewport",
            default=True,
            **_NO_ANIMATION,
        ),
        "planes": IntProperty(
            name="Planes",
            description="Focal planes; more than the blur diameter in pixels",
            default=REFERENCE.planes,
            min=2,
            max=1000,
            **_NO_ANIMATION,
        ),
        "blur_mode": EnumProperty(
            name="Blur",
            description="Diameter of the blur circle between the near and the far plane",
            items=(
                ("PROFILE", "Of the Display", "As its profile says"),
                ("EYE", "Of an Eye", "Of an eye before this display (Eq. 4 of the paper)"),
                ("TYPED", "Typed", "Any other diameter"),
            ),
            **_NO_ANIMATION,
        ),
        "coc_max": FloatProperty(
            name="Diameter", default=REFERENCE.coc_max, min=0.5, max=500, subtype="PIXEL", **_NO_ANIMATION
        ),
        "quality": EnumProperty(
            name="Quality",
            description="Samples a pixel",
            items=(
                ("DRAFT", "Draft", "4 samples"),
                ("QUICK", "Quick", "16 samples"),
                ("GOOD", "Good", "64 samples"),
                ("BEST", "Best", "256 samples"),
                ("TYPED", "Typed", "Any other number"),
            ),
            default="QUICK",
            **_NO_ANIMATION,
        ),
        "samples": IntProperty(name="Samples", default=32, min=1, max=100000, **_NO_ANIMATION),
        "denoise": BoolProperty(
            name="Denoise", description="Remove noise from the images (OpenImageDenoise)", default=True, **_NO_ANIMATION
        ),
        "device": EnumProperty(
            name="Device", description="What Cycles computes on", items=device_choices, **_NO_ANIMATION
        ),
        "route": EnumProperty(
            name="Route",
            description="How the images of the focal planes are made",
            items=(
                ("PLANES", "Plane by Plane", "Each focal plane through a thin lens"),
                (
                    "REFOCUS",
                    "Refocus",
                    "Pinhole views over the aperture, refocused to all planes (perspective cameras)",
                ),
            ),
            **_NO_ANIMATION,
        ),
        "animation": BoolProperty(
            name="Frame Range",
            description="Render the scene's frame range instead of the present frame",
            default=False,
            **_NO_ANIMATION,
        ),
        "formats": EnumProperty(
            name="Files",
            description="Files of an RGB-D image",
            items=(
                ("SIDE_BY_SIDE", "Side by Side", "Picture left, depth right, white near: for a Looking Glass"),
                ("DEPTH", "Depth PNG", "The picture, and its depth as 16-bit PNG, white near"),
                ("EXR", "OpenEXR", "All light, and normalised depth in the channel Z"),
                ("VIDEO", "Video", "Side by side as MP4; for a frame range"),
            ),
            options={"ENUM_FLAG"},
            default={"SIDE_BY_SIDE"},
        ),
        "output": StringProperty(
            name="Output",
            description="Folder of the results",
            subtype="DIR_PATH",
            default="//holograms/",
            **_NO_ANIMATION,
        ),
        "overwrite": BoolProperty(
            name="Overwrite",
            description="Replace results of the same name instead of numbering new ones",
            default=False,
            **_NO_ANIMATION,
        ),
        "source": StringProperty(
            name="Source",
            description="Focal stack (its folder), folder of them, or RGB-D picture; empty: the last one rendered here",
            subtype="FILE_PATH",
            **_NO_ANIMATION,
        ),
        "method": EnumProperty(
            name="Method",
            description="How the wave field is found",
            items=(
                ("opt", "Diffraction Engineered", "Optimised to look as rendered at every focus"),
                ("ncgh", "nCGH", "A conventional hologram, much faster"),
            ),
            **_NO_ANIMATION,
        ),
        "iterations": IntProperty(
            name="Steps", description="Most steps of the optimiser", default=150, min=1, max=10000, **_NO_ANIMATION
        ),
        "rig": StringProperty(
            name="Rig", description="The rig that shows the frames", default="simulated", **_NO_ANIMATION
        ),
        "play_seconds": FloatProperty(
            name="Seconds", description="How long to show", default=10.0, min=0.1, soft_max=600, **_NO_ANIMATION
        ),
        "photo": StringProperty(
            name="Photo", description="Picture to bring in with its depth", subtype="FILE_PATH", **_NO_ANIMATION
        ),
        "photo_depth": StringProperty(
            name="Depth",
            description="Its depth, white near; empty: estimated by the driver",
            subtype="FILE_PATH",
            **_NO_ANIMATION,
        ),
        "photo_resolution": IntProperty(
            name="Mesh", description="Points along the longer side", default=512, min=16, max=2048, **_NO_ANIMATION
        ),
        "quilt_device": EnumProperty(
            name="Looking Glass",
            description="Display that the quilt is for",
            items=tuple(
                (name, each.label, f"{each.views} views over {each.view_cone:g}°")
                for name, each in LOOKING_GLASSES.items()
            ),
            **_NO_ANIMATION,
        ),
        "preview": BoolProperty(
            name="Focus Preview",
            description="Blur the camera's view as the focal plane below has it",
            default=False,
            update=focus_preview.switched,
            **_NO_ANIMATION,
        ),
        "preview_position": FloatProperty(
            name="Focus",
            description="0 is the near plane, 1 the far one",
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
