"""Turn a photo with depth into a quilt and a side-by-side picture for a Looking Glass."""

import sys
from pathlib import Path

import small_scene

import holodriver as hd

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")

# NAME.png with NAME_depth.png beside it; a photo without depth: photo = hd.estimate_depth("photo.jpg")
hd.write(out / "photo.png", small_scene.picture(), overwrite=True)
photo = hd.read(out / "photo.png", hd.RgbdImage)

hd.write(out / "photo_rgbd_lr.png", photo, overwrite=True)  # for Looking Glass Studio: RGBD Photo, depth on the right
quilt = hd.quilt(photo, display="portrait")  # or "go", "16-gen3-landscape", ...
(written,) = hd.write(out / "photo.png", quilt, overwrite=True)
print(f"{quilt.display.views} views in {written.name}")
