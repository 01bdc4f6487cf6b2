"""Cutting an RGB-D image into layers; each layer continues behind nearer ones, where its picture is invented."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import check, numbers
from holodriver.scene.layered import SUBPIXELS, Layer, LayeredScene
from holodriver.scene.rgbd import RgbdImage

HIDDEN_SURFACES = "hidden surfaces"
"""Key of a scene's provenance that tells the source of its hidden surfaces."""

MARGIN = 1.5
"""Pixels by which a layer continues behind its neighbours beyond its visible part: a diagonal step of the grid."""

SAME_SURFACE = 2
"""Largest difference between the numbers of two layers that are taken for parts of one slanted surface."""

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def default_count(coc_max: float) -> int:
    """Default number of layers for the whole depth range and a largest blur of `coc_max` pixels.

    Between two rays, neighbouring layers move by at most one sample against each other, and their blur circles differ
    by half a pixel.
    """
    return max(1, math.ceil(coc_max / 2 * SUBPIXELS))


def layers_of(image: RgbdImage, coc_max: float, count: int | None = None) -> LayeredScene:
    """Cut an RGB-D image into layers for focal stacks with blur up to `coc_max`.

    Each layer continues behind nearer ones as far as any point of the aperture could see it; its picture there is its
    own, mirrored at the edge. The rearmost layer continues everywhere, so that no view has holes.

    Args:
        image: picture and depth.
        coc_max: blur circle diameter between t = 0 and t = 1, pixels.
        count: number of layers for the whole depth range, of which empty ones are left out; see `default_count`.

    Raises:
        InputError: `count` is below 1 or `coc_max` not above 0.
    """
    check("argument 'coc_max'", coc_max, numbers(above=0, kind="pixels"))
    count = default_count(coc_max) if count is None else count
    check("argument 'count'", count, numbers(1, whole=True))
    depth = image.depth.clip(0, 1)
    number = np.minimum((depth * count).astype(np.int32), count - 1)
    rearmost = int(number.max())
    layers = [
        _rearmost(image, depth, number, which) if which == rearmost else _layer(image, depth, number, which, coc_max)
        for which in np.unique(number).tolist()
    ]
    return LayeredScene(tuple(layers), image.mapping, image.provenance | {HIDDEN_SURFACES: "invented"})


def _rearmost(image: RgbdImage, depth: Floats, number: NDArray[np.int32], which: int) -> Layer:
    color, own_depth = image.color.copy(), depth.copy()
    _go_on(color, own_depth, number, which, number != which)
    return Layer(color, np.ones(image.shape, bool), own_depth)


def _layer(image: RgbdImage, depth: Floats, number: NDArray[np.int32], which: int, coc_max: float) -> Layer:
    own = number == which
    most = math.ceil(coc_max / 2 + MARGIN)
    box = tuple(
        slice(max(int(span[0]) - most, 0), int(span[-1]) + most + 1)
        for span in (np.flatnonzero(own.any(axis)) for axis in (1, 0))
    )
    distance = cv2.distanceTransform((~own[box]).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    seen = coc_max / 2 * (float(depth[own].mean()) - depth[box])  # movement against the surfaces in front, pixels
    hidden = np.zeros_like(own)
    hidden[box] = (number[box] < which) & (distance <= seen + MARGIN)
    color, own_depth = image.color.copy(), depth.copy()
    _go_on(color[:, *box], own_depth[box], number[box], which, hidden[box])
    return Layer(color, own | hidden, own_depth)


def _go_on(color: Floats, depth: Floats, number: NDArray[np.int32], which: int, hidden: Mask) -> None:
    """Give each `hidden` pixel the depth of the nearest pixel of layer `which`, and the colour mirrored at that pixel.

    Hidden pixels of the same slanted surface keep their colour. If the mirrored pixel belongs to another surface, the
    hidden pixel gets the colour of the nearest pixel.
    """
    own = number == which
    same = np.abs(number - which) <= SAME_SURFACE
    _, label = cv2.distanceTransformWithLabels(
        (~own).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros((int(label.max()) + 1, 2), np.int64)
    place[label[own]] = np.argwhere(own)
    at = np.argwhere(hidden)
    nearest = place[label[hidden]]
    depth[hidden] = depth[tuple(nearest.T)]
    mirrored = 2 * nearest - at
    inside = ((mirrored >= 0) & (mirrored < own.shape)).all(1)
    shows = inside.copy()
    shows[inside] = same[tuple(mirrored[inside].T)]
    source = np.where(shows[:, None], mirrored, nearest)
    source = np.where(same[hidden][:, None], at, source)
    color[:, hidden] = color[:, *source.T]
