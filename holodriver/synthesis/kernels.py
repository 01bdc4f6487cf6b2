"""The pointwise steps of the loss, fused so that each plane is read from memory once.

Numba compiles the functions on first use and caches them. They release the interpreter lock, so that threads compute
planes in parallel. Arrays are (H, W), complex64 with float32 or complex128 with float64.
"""

import math

import numpy as np
from numba import njit

FAINTEST = 40.0  # exponent x above which 1 + exp(−x) is 1 in float64


@njit(nogil=True, cache=True, fastmath=True)
def multiply(field, factor, result):  # type: ignore[no-untyped-def]
    """Multiply: result = field · factor."""
    height, width = field.shape
    for y in range(height):
        for x in range(width):
            u, f = field[y, x], factor[y, x]
            result[y, x] = complex(u.real * f.real - u.imag * f.imag, u.real * f.imag + u.imag * f.real)


@njit(nogil=True, cache=True, fastmath=True)
def accumulate(total, factor, addend):  # type: ignore[no-untyped-def]
    """Accumulate: total = total · conj(factor) + addend."""
    height, width = total.shape
    for y in range(height):
        for x in range(width):
            f, t = factor[y, x], total[y, x]
            real = t.real * f.real + t.imag * f.imag
            imaginary = t.imag * f.real - t.real * f.imag
            total[y, x] = complex(real, imaginary) + addend[y, x]


@njit(nogil=True, cache=True, fastmath=True)
def gather(total, factor, addend):  # type: ignore[no-untyped-def]
    """Gather: total += conj(factor) · addend."""
    height, width = total.shape
    for y in range(height):
        for x in range(width):
            f, a = factor[y, x], addend[y, x]
            total[y, x] += complex(a.real * f.real + a.imag * f.imag, a.imag * f.real - a.real * f.imag)


@njit(nogil=True, cache=True, fastmath=True)
def turn(field, reference, scale, backwards, result):  # type: ignore[no-untyped-def]
    """Turn: result = scale · field · (phase factor of `reference`, conjugated if `backwards`; 1 where it is dark)."""
    height, width = field.shape
    for y in range(height):
        for x in range(width):
            u, r, s = field[y, x], reference[y, x], scale[y, x]
            square = r.real * r.real + r.imag * r.imag
            if square > 0:
                s /= math.sqrt(square)
                real, imaginary = s * r.real, s * r.imag
            else:
                real, imaginary = s, 0 * s
            if backwards:
                imaginary = -imaginary
            result[y, x] = complex(u.real * real - u.imag * imaginary, u.real * imaginary + u.imag * real)


@njit(nogil=True, cache=True, fastmath=True)
def mix(spectrum, straight, mirrored, result, first, last):  # type: ignore[no-untyped-def]
    """Mix: result(f) = straight · spectrum(f) + mirrored · conj(spectrum(−f)) in the rows `first` to `last` − 1."""
    height, width = spectrum.shape
    for y in range(first, last):
        for x in range(width):
            u, s, m = spectrum[y, x], straight[y, x], mirrored[y, x]
            other = spectrum[(height - y) % height, (width - x) % width]
            real = s * u.real + m.real * other.real + m.imag * other.imag
            imaginary = s * u.imag + m.imag * other.real - m.real * other.imag
            result[y, x] = complex(real, imaginary)


@njit(nogil=True, cache=True, fastmath=True)
def target(image, depth, sharp, position, beta, gamma, scale, weight, result, brightness):  # type: ignore[no-untyped-def]
    """Compute weight = W·scale, result = T and brightness += W·T·scale of one plane; returns (ΣW·scale, rest)."""
    height, width = image.shape
    weights, rest = 0.0, 0.0
    for y in range(height):
        for x in range(width):
            distance = gamma * (depth[y, x] - position)
            exponent = 2.0 * distance * distance
            attention = beta * math.exp(-exponent) if exponent < FAINTEST else 0.0
            total = 1.0 + attention
            light, clear = np.float64(image[y, x]), np.float64(sharp[y, x])
            mixed = light + attention * clear
            weight[y, x] = total * scale
            result[y, x] = mixed / total
            brightness[y, x] += mixed * scale
            weights += total
            rest += attention / total * (light - clear) * (light - clear)
    return weights * scale, rest * scale


@njit(nogil=True, cache=True, fastmath=True)
def pull(field, moved, length, weight, target, result):  # type: ignore[no-untyped-def]
    """Compute field += length · moved and result = 4·W·(|field|² − T)·field; returns Σ W·(|field|² − T)²."""
    height, width = field.shape
    step = weight.dtype.type(length)
    value = 0.0
    for y in range(height):
        row = weight.dtype.type(0)
        for x in range(width):
            u = field[y, x] + step * moved[y, x]
            field[y, x] = u
            excess = u.real * u.real + u.imag * u.imag - target[y, x]
            weighted = weight[y, x] * excess
            row += weighted * excess
            weighted += weighted
            result[y, x] = u * (weighted + weighted)
        value += row
    return value


@njit(nogil=True, cache=True, fastmath=True)
def line(field, moved, weight, target):  # type: ignore[no-untyped-def]
    """Coefficients (5,) of Σ W·(|field + s·moved|² − T)² in powers of s."""
    height, width = field.shape
    result = np.zeros(5)
    zero = weight.dtype.type(0)
    for y in range(height):
        c0, c1, c2, c3, c4 = zero, zero, zero, zero, zero
        for x in range(width):
            u, v, w = field[y, x], moved[y, x], weight[y, x]
            excess = u.real * u.real + u.imag * u.imag - target[y, x]
            mixed = u.real * v.real + u.imag * v.imag
            mixed += mixed
            square = v.real * v.real + v.imag * v.imag
            c0 += w * excess * excess
            c1 += w * excess * mixed
            c2 += w * (mixed * mixed + excess * square + excess * square)
            c3 += w * mixed * square
            c4 += w * square * square
        result[0] += c0
        result[1] += c1 + c1
        result[2] += c2
        result[3] += c3 + c3
        result[4] += c4
    return result
