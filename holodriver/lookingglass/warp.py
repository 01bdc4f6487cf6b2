"""Views of a picture with depth, row by row: surfaces are moved to where a view sees them, near ones over far ones.

The pieces of surface between neighbouring pixels are moved, and cut where depth jumps, so that nothing is stretched
between an object and its background. Areas that an object uncovers are painted first, from a second layer that
continues behind it. Points of a row collide only with points of the same row, and of two that meet, the nearer comes
from the side to which the camera moved. Painted in that order, near covers far without a comparison of depths.

Numba compiles the kernels on first use and caches them; they release the interpreter lock, so threads run in parallel.
Colours are linear light (H, W, 3), float32; depth is normalised, (H, W), float32; lengths are pixels of the working
grid, which is finer than a view along the rows.
"""

import numpy as np
from numba import njit

NOTHING = np.float32(-1)
"""Depth of an empty pixel of the second layer."""


@njit(nogil=True, cache=True)
def find_jumps(depth, least, jumps):  # type: ignore[no-untyped-def]
    """Mark the pairs of neighbours in a row between which surfaces end: jumps[y, x] is the pair x, x + 1.

    A pair is cut if its depths differ by more than `least`, and if that step is much larger than the steps in the same
    direction on both sides, so that a slanted surface stays whole.

    Args:
        depth: (H, W).
        least: smallest difference of depth.
    """
    height, width = depth.shape
    for y in range(height):
        for x in range(width - 1):
            way = np.float32(1) if depth[y, x + 1] > depth[y, x] else np.float32(-1)
            step = way * (depth[y, x + 1] - depth[y, x])
            # a step back does not belong to a slant: a thin thing has two jumps side by side
            before = max(way * (depth[y, x] - depth[y, x - 1]), np.float32(0)) if x > 0 else np.float32(0)
            after = max(way * (depth[y, x + 2] - depth[y, x + 1]), np.float32(0)) if x + 2 < width else np.float32(0)
            jumps[y, x] = step > least and step > 3.0 * min(before, after) and step > 1.5 * max(before, after)


@njit(nogil=True, cache=True)
def part_rims(  # type: ignore[no-untyped-def]
    color, depth, jumps, rim, rim_rows, tolerance, solid, solid_depth, soft, soft_depth, soft_alpha
):
    """Separate the light of pixels at a silhouette into that of the object and that of the background.

    A pixel there is a mixture C = a·F + (1 − a)·G of the pure colours of both sides, found a little further in. The
    part of the object becomes a soft rim that moves with the object and is partly transparent; the part of the
    background becomes solid. Without the separation, the object's outline would stay as a ghost when the object moves.

    Args:
        color, depth: the picture, (H, W, 3) and (H, W).
        jumps: result of `find_jumps`, (H, W).
        rim, rim_rows: pixels beside a jump, along a row and across rows, that are taken for mixtures.
        tolerance: largest difference of depth within one surface.
        solid, solid_depth: result, like color and depth; `NOTHING` where only the soft rim exists.
        soft, soft_depth, soft_alpha: result, (H, W, 3), (H, W), (H, W); the rim, whose alpha is 0 where there is none.
    """
    height, width = depth.shape
    step = np.zeros((height, width), np.uint8)  # 0: pure; 255: a mixture; else: step in which its pure colour was found
    other_x = np.empty((height, width), np.int32)
    other_y = np.empty((height, width), np.int32)
    pure = color.copy()
    for y in range(height):
        for x in range(width):
            t = depth[y, x]
            for away in range(1, max(rim, rim_rows) + 1):
                v, u = y, -1
                if x >= away and away <= rim and abs(depth[y, x - away] - t) > tolerance:
                    u = x - away
                elif x + away < width and away <= rim and abs(depth[y, x + away] - t) > tolerance:
                    u = x + away
                elif y >= away and away <= rim_rows and abs(depth[y - away, x] - t) > tolerance:
                    v, u = y - away, x
                elif y + away < height and away <= rim_rows and abs(depth[y + away, x] - t) > tolerance:
                    v, u = y + away, x
                if u >= 0:
                    step[y, x], other_x[y, x], other_y[y, x] = 255, u, v
                    break
    for now in range(1, 2 * max(rim, rim_rows) + 1):
        for y in range(height):
            for x in range(width):
                if step[y, x] != 255:
                    continue
                count = 0
                r, g, b = np.float32(0), np.float32(0), np.float32(0)
                for v in range(max(y - 1, 0), min(y + 2, height)):
                    for u in range(max(x - 1, 0), min(x + 2, width)):
                        if step[v, u] < now and abs(depth[v, u] - depth[y, x]) <= tolerance:
                            r += pure[v, u, 0]
                            g += pure[v, u, 1]
                            b += pure[v, u, 2]
                            count += 1
                if count:
                    pure[y, x, 0], pure[y, x, 1], pure[y, x, 2] = r / count, g / count, b / count
                    step[y, x] = now
    for y in range(height):
        for x in range(width):
            solid_depth[y, x] = depth[y, x]
            for c in range(3):
                solid[y, x, c] = color[y, x, c]
            if step[y, x] == 0 or step[y, x] == 255:  # with 255, the object is too thin to have a pure colour
                continue
            v, u = other_y[y, x], other_x[y, x]
            along, length = np.float32(0), np.float32(1e-6)
            for c in range(3):
                across = pure[v, u, c] - pure[y, x, c]
                along += (color[y, x, c] - pure[y, x, c]) * across
                length += across * across
            foreign = min(max(along / length, np.float32(0)), np.float32(1))
            if length < 1e-4:
                foreign = np.float32(0)
            if depth[v, u] > depth[y, x]:  # the pixel is on the object's side
                cut = False  # without a cut, nothing continues behind the object
                for k in range(min(x, u), max(x, u)):
                    cut = cut or jumps[y, k]
                if v == y and cut and foreign > 0.02:
                    own = np.float32(1) - foreign
                    for c in range(3):
                        exact = color[y, x, c] - foreign * pure[v, u, c]
                        soft[y, x, c] = max(exact / own, np.float32(0)) if own > 0.25 else pure[y, x, c]
                    soft_depth[y, x], soft_alpha[y, x] = depth[y, x], own
                    solid_depth[y, x] = NOTHING
            else:
                for c in range(3):
                    solid[y, x, c] = pure[y, x, c]
                if foreign > 0.02:
                    for c in range(3):
                        exact = color[y, x, c] - (np.float32(1) - foreign) * pure[y, x, c]
                        soft[y, x, c] = max(exact / foreign, np.float32(0)) if foreign > 0.25 else pure[v, u, c]
                    soft_depth[y, x], soft_alpha[y, x] = depth[v, u], foreign


@njit(nogil=True, cache=True)
def go_on_behind(color, depth, jumps, reach, border, behind, behind_depth):  # type: ignore[no-untyped-def]
    """Continue far surfaces behind near ones, as far as any view can see, and beyond the picture's sides.

    The continuation mirrors the surface at the edge. Where it comes from both sides of an object, the nearer
    side has more weight if both are one surface, and all the weight otherwise.

    Args:
        color, depth: the picture, (H, W, 3) and (H, W).
        jumps: result of `find_jumps`, (H, W).
        reach: distance by which t = 0 and t = 1 separate in the outermost view, pixels.
        border: number of pixels by which the second layer is wider on each side.
        behind: result, (H, W + 2·border, 3), the second layer; filled with 0 before.
        behind_depth: result, (H, W + 2·border); filled with `NOTHING` before.
    """
    height, width = depth.shape
    distance = np.empty(width, np.int32)
    for y in range(height):
        distance[:] = 0
        # away from each edge, the farthest edge first, so that the nearer of two edges wins
        for x in range(width - 2, -1, -1):
            if jumps[y, x] and depth[y, x + 1] > depth[y, x]:
                _continue(color, depth, jumps, reach, border, behind, behind_depth, distance, y, x + 1, -1)
        for x in range(width - 1):
            if jumps[y, x] and depth[y, x] > depth[y, x + 1]:
                _continue(color, depth, jumps, reach, border, behind, behind_depth, distance, y, x, 1)
        for x in range(border):  # beyond the sides
            m = min(x, width - 1)
            for c in range(3):
                behind[y, border - 1 - x, c] = color[y, m, c]
                behind[y, border + width + x, c] = color[y, width - 1 - m, c]
            behind_depth[y, border - 1 - x] = depth[y, 0]
            behind_depth[y, border + width + x] = depth[y, width - 1]


@njit(nogil=True, cache=True)
def _continue(  # type: ignore[no-untyped-def]
    color, depth, jumps, reach, border, behind, behind_depth, distance, y, edge, way
):
    """Continue the surface that ends at pixel `edge` of row y, to the left (way −1) or to the right (1)."""
    width = depth.shape[1]
    start, done = edge, 0  # start of the mirrored surface, and pixels already filled by the surfaces before it
    far = depth[y, edge]
    run = _run(jumps, y, start, -way, width)
    k = edge + way
    while 0 <= k < width:
        away = (k - edge) * way - 1 - done
        if away >= run:
            beyond = start - way * run
            # a surface as narrow as that also ends behind the object, so the surface behind both is continued
            if 0 <= beyond < width and depth[y, beyond] > far:
                start, done, far = beyond, done + run, depth[y, beyond]
                run = _run(jumps, y, start, -way, width)
                continue
        gap = far - depth[y, k]
        if gap <= 0 or (k - edge) * way - 1 > reach * gap + 2:
            return
        m = start - way * _mirrored(away, run)
        other, own = distance[k], (k - edge) * way
        share = np.float32(1)
        if way > 0 and other > 0:
            if abs(behind_depth[y, border + k] - far) * reach < 2.0:  # one surface: a gradual change between the sides
                share = np.float32(other) / np.float32(other + own)
            elif other < own:
                share = np.float32(0)
        for c in range(3):
            old = behind[y, border + k, c]
            behind[y, border + k, c] = old + share * (color[y, m, c] - old)
        if share == 1:
            behind_depth[y, border + k] = far
        elif share > 0:
            behind_depth[y, border + k] += share * (far - behind_depth[y, border + k])
        if way < 0:
            distance[k] = own
        k += way


@njit(nogil=True, cache=True)
def _run(jumps, y, start, way, width):  # type: ignore[no-untyped-def]
    """Number of pixels of one surface from `start` on in direction `way`."""
    run, x = 1, start
    while 0 <= x + way < width and not jumps[y, min(x, x + way)]:
        x += way
        run += 1
    return run


@njit(nogil=True, cache=True, inline="always")
def _mirrored(away, run):  # type: ignore[no-untyped-def]
    """Index 0 … run − 1 of the mirror image `away` pixels beyond the edge of a surface of `run` pixels."""
    period = 2 * run
    at = away % period
    return at if at < run else period - 1 - at


@njit(nogil=True, cache=True, fastmath=True)
def _paint(color, depth, origin, jumps, whole, gain, focus, line, line_depth):  # type: ignore[no-untyped-def]
    """Paint one row of surfaces, moved by gain · (t − focus), into a line, near over far.

    Args:
        color, depth: the row, (W, 3) and (W,); a depth below 0 means an empty pixel.
        origin: position of pixel 0 in the line before the movement.
        jumps: (W,) pairs that are cut if `whole` is false; if it is true, pairs with different depths are cut.
        line, line_depth: result, (L, 3) and (L,), which is painted over.
    """
    width, length = depth.shape[0], line_depth.shape[0]
    for i in range(width):
        # if the camera moved right (gain > 0), the nearer of two points that meet comes from the right
        x = i if gain > 0 else width - 1 - i
        t = depth[x]
        if t < 0:
            continue
        here = origin + x + np.float32(0.5) + gain * (t - focus)
        # to the left, half a pixel at a cut; otherwise nothing, because the left neighbour paints the piece between
        for side in range(2):
            if side == 0:
                joined = x > 0 and depth[x - 1] >= 0 and (depth[x - 1] == t if whole else not jumps[x - 1])
                if joined:
                    continue
                start, end, other = here - np.float32(0.5), here, x
                there = start
            else:
                joined = x + 1 < width and depth[x + 1] >= 0 and (depth[x + 1] == t if whole else not jumps[x])
                if joined:
                    other = x + 1
                    there = origin + other + np.float32(0.5) + gain * (depth[other] - focus)
                    if there <= here:  # the piece is seen from behind
                        continue
                    start, end = here, there
                else:
                    start, end, other = here, here + np.float32(0.5), x
                    there = end
            first = max(0, int(np.ceil(start - np.float32(0.5))))
            last = min(length - 1, int(np.ceil(end - np.float32(0.5))) - 1)
            if first > last:
                continue
            slope = np.float32(1) / (there - here) if other != x else np.float32(0)
            for k in range(first, last + 1):
                w = (k + np.float32(0.5) - here) * slope
                line_depth[k] = t + w * (depth[other] - t)
                line[k, 0] = color[x, 0] + w * (color[other, 0] - color[x, 0])
                line[k, 1] = color[x, 1] + w * (color[other, 1] - color[x, 1])
                line[k, 2] = color[x, 2] + w * (color[other, 2] - color[x, 2])


@njit(nogil=True, cache=True, fastmath=True)
def _soften(soft, soft_depth, soft_alpha, tolerance, gain, focus, line, line_depth):  # type: ignore[no-untyped-def]
    """Lay the soft rims of one row over everything that is farther."""
    width, length = soft_alpha.shape[0], line_depth.shape[0]
    for i in range(width):
        x = i if gain > 0 else width - 1 - i
        alpha = soft_alpha[x]
        if alpha == 0:
            continue
        t = soft_depth[x]
        start = x + gain * (t - focus)
        first = max(0, int(np.ceil(start - np.float32(0.5))))
        last = min(length - 1, int(np.ceil(start + np.float32(0.5))) - 1)
        for k in range(first, last + 1):
            if line_depth[k] > t + tolerance:
                for c in range(3):
                    line[k, c] += alpha * (soft[x, c] - line[k, c])


@njit(nogil=True, cache=True)
def _close(line, line_depth):  # type: ignore[no-untyped-def]
    """Fill gaps in the line with the farther of the two neighbours."""
    length = line_depth.shape[0]
    k = 0
    while k < length:
        if line_depth[k] >= 0:
            k += 1
            continue
        end = k
        while end < length and line_depth[end] < 0:
            end += 1
        left, right = k - 1, end
        if left < 0 and right >= length:
            return
        source = right if left < 0 or (right < length and line_depth[right] > line_depth[left]) else left
        for i in range(k, end):
            line[i, 0], line[i, 1], line[i, 2] = line[source, 0], line[source, 1], line[source, 2]
            line_depth[i] = line_depth[source]
        k = end


@njit(nogil=True, cache=True)
def render_view(  # type: ignore[no-untyped-def]
    color,
    depth,
    jumps,
    soft,
    soft_depth,
    soft_alpha,
    tolerance,
    behind,
    behind_depth,
    border,
    gain,
    focus,
    fine,
    levels,
    tile,
):
    """Render one view into its tile.

    Args:
        color, depth, jumps: the solid picture on the working grid, `fine` times as wide as the tile.
        soft, soft_depth, soft_alpha, tolerance: see `part_rims`.
        behind, behind_depth, border: see `go_on_behind`.
        gain: distance by which t = 0 and t = 1 separate in this view, pixels; positive: the camera moved right.
        focus: normalised depth that does not move.
        fine: number of samples of a row in each pixel of the tile.
        levels: (65536,) uint8 sRGB levels of linear light 0 … 1.
        tile: result, (H, w, 3) uint8, blue, green, red.
    """
    height, width = depth.shape
    line = np.empty((width, 3), np.float32)
    line_depth = np.empty(width, np.float32)
    none = np.empty(0, np.bool_)
    share = np.float32(65535.0 / fine)
    for y in range(height):
        line_depth[:] = NOTHING
        line[:] = 0
        _paint(behind[y], behind_depth[y], np.float32(-border), none, True, gain, focus, line, line_depth)
        _paint(color[y], depth[y], np.float32(0), jumps[y], False, gain, focus, line, line_depth)
        _close(line, line_depth)
        _soften(soft[y], soft_depth[y], soft_alpha[y], tolerance, gain, focus, line, line_depth)
        for x in range(tile.shape[1]):
            for c in range(3):
                light = np.float32(0)
                for k in range(x * fine, x * fine + fine):
                    light += min(line[k, c], np.float32(1))
                tile[y, x, 2 - c] = levels[int(light * share + np.float32(0.5))]
