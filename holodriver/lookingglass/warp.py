"""The views of a picture with depth, row by row: surfaces moved to where a view sees them, near ones over far ones.

What is moved are the pieces of surface between neighbouring pixels, cut where depth jumps, so that nothing is stretched
from an object to what is behind it. What an object uncovers is painted first, from a second layer that goes on behind
it. Points of one row collide only with points of that row, and of two that meet, the nearer comes from the side to
which the camera moved: painted in that order, near covers far without comparing depths.

Compiled by Numba on first use and cached; kernels release the interpreter lock, so views run side by side in threads.
Colours are linear light (H, W, 3), float32; depth is normalised, (H, W), float32; lengths are pixels of the working
grid, which is finer than a view along the rows.
"""

import numpy as np
from numba import njit

NOTHING = np.float32(-1)
"""Depth of a pixel of the second layer that holds nothing."""


@njit(nogil=True, cache=True)
def find_jumps(depth, least, jumps):  # type: ignore[no-untyped-def]
    """Mark the pairs of neighbours in a row between which surfaces end: jumps[y, x] is the pair x, x + 1.

    A pair is cut where its depth differs by more than `least` and by more than three times as much as it does from
    pixel to pixel, the same way, on both sides: a slanted surface stays whole.

    Args:
        depth: (H, W).
        least: difference of depth.
    """
    height, width = depth.shape
    for y in range(height):
        for x in range(width - 1):
            way = np.float32(1) if depth[y, x + 1] > depth[y, x] else np.float32(-1)
            step = way * (depth[y, x + 1] - depth[y, x])
            # a step back belongs to no slant: a thin thing has two jumps side by side
            before = max(way * (depth[y, x] - depth[y, x - 1]), np.float32(0)) if x > 0 else np.float32(0)
            after = max(way * (depth[y, x + 2] - depth[y, x + 1]), np.float32(0)) if x + 2 < width else np.float32(0)
            jumps[y, x] = step > least and step > 3.0 * min(before, after) and step > 1.5 * max(before, after)


@njit(nogil=True, cache=True)
def part_rims(  # type: ignore[no-untyped-def]
    color, depth, jumps, rim, rim_rows, tolerance, solid, solid_depth, soft, soft_depth, soft_alpha
):
    """Part the light of pixels at a silhouette into that of the object and that of what is behind it.

    A pixel there is a mixture C = a·F + (1 − a)·G of the pure colours of both sides, found a little further in. What
    belongs to the object becomes a soft rim that moves with it and lets through what is behind; what is behind becomes
    solid. Left together, the object's outline would stay behind as a ghost when the object moves.

    Args:
        color, depth: (H, W, 3), (H, W).
        jumps: see `find_jumps`.
        rim, rim_rows: pixels beside a jump, along a row and across rows, that are taken for mixtures.
        tolerance: difference of depth that still is one surface.
        solid, solid_depth: like color and depth; the result, `NOTHING` where only the soft rim is.
        soft, soft_depth, soft_alpha: (H, W, 3), (H, W), (H, W); the rim, its alpha 0 where there is none.
    """
    height, width = depth.shape
    step = np.zeros((height, width), np.uint8)  # 0: pure; 255: a mixture, else the step in which its pure colour came
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
            if step[y, x] == 0 or step[y, x] == 255:  # the latter is too thin to have a pure colour
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
            if depth[v, u] > depth[y, x]:  # the object's own side
                cut = False  # else nothing goes on behind it
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
    """Continue far surfaces behind what covers them, as far as any view can look, and past the picture's sides.

    The continuation mirrors the surface at the edge; where it is continued from both sides of an object, the nearer
    side counts more if they are one surface, else alone.

    Args:
        color, depth: (H, W, 3), (H, W).
        jumps: see `find_jumps`.
        reach: pixels that t = 0 and t = 1 part by in the outermost view.
        border: pixels that the second layer is wider on each side.
        behind: (H, W + 2·border, 3), the second layer; zero.
        behind_depth: (H, W + 2·border), full of `NOTHING`.
    """
    height, width = depth.shape
    distance = np.empty(width, np.int32)
    for y in range(height):
        distance[:] = 0
        # away from each edge in turn, the farthest first, so that of two the nearer edge wins
        for x in range(width - 2, -1, -1):
            if jumps[y, x] and depth[y, x + 1] > depth[y, x]:
                _continue(color, depth, jumps, reach, border, behind, behind_depth, distance, y, x + 1, -1)
        for x in range(width - 1):
            if jumps[y, x] and depth[y, x] > depth[y, x + 1]:
                _continue(color, depth, jumps, reach, border, behind, behind_depth, distance, y, x, 1)
        for x in range(border):  # past the sides
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
    start, done = edge, 0  # of the surface that is mirrored; what of the way the ones before it took
    far = depth[y, edge]
    run = _run(jumps, y, start, -way, width)
    k = edge + way
    while 0 <= k < width:
        away = (k - edge) * way - 1 - done
        if away >= run:
            beyond = start - way * run
            # a thing as narrow as that ends behind the object, too, and what is behind both goes on
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
            if abs(behind_depth[y, border + k] - far) * reach < 2.0:  # one surface: over from one side to the other
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
    """Pixels from `start` on in direction `way` that are one surface."""
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
        color, depth: (W, 3), (W,); depth below 0 is nothing.
        origin: where pixel 0 stands in the line before it is moved.
        jumps: (W,) pairs that are cut, used if `whole` is false; if true, pairs are cut where depth is not the same.
        line, line_depth: (L, 3), (L,), painted over.
    """
    width, length = depth.shape[0], line_depth.shape[0]
    for i in range(width):
        # the camera moved right (gain > 0): of two points that meet, the one from the right is nearer
        x = i if gain > 0 else width - 1 - i
        t = depth[x]
        if t < 0:
            continue
        here = origin + x + np.float32(0.5) + gain * (t - focus)
        # to the left: half a pixel where it is cut, else nothing, because the left neighbour paints the piece between
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
                    if there <= here:  # seen from behind
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
    """Lay the soft rims of one row over what is farther."""
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
    """Fill what is left open from the neighbour that is farther."""
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
        gain: pixels that t = 0 and t = 1 part by in this view; positive: the camera moved right.
        focus: normalised depth that stays.
        fine: samples of a row in each pixel of the tile.
        levels: (65536,) uint8 sRGB levels of linear light 0 … 1.
        tile: (H, w, 3) uint8, blue, green, red; the result.
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
