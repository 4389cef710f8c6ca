"""Random changes of the training images, so that no two epochs show the same ones: moved, bent, thickened, noisy.

Shift, rotation, scale, shear and elastic distortion together are one inverse map: it says, for each pixel of the
result, where in the image to look, and the grey there is interpolated between four pixels. All of it is integer
arithmetic on a whole batch: 128 images cost about half a millisecond, beside a training step of two to ten times that.
"""

from __future__ import annotations

import math

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data.dataset import N_CLASSES, N_PIXELS, SIDE
from nn_core.machine.memory import Array

PADDED = 32  # the side of an image with its zero border, from pixel 1 on
CENTRE = 14.0  # pixel (as an index) on which MNIST's centre of mass lies, about which is turned
ONE = 256  # one pixel, in the fixed-point numbers of the map
BLOCK = 64  # images at a time, so that the arrays of a block stay in the second-level cache
FIELDS = 256  # smooth displacement fields drawn in advance; two of them and two signs make one distortion
NOISES = 512  # pictures of noise drawn in advance
SETTINGS_THAT_MOVE = ("shift", "rotation", "scale", "shear", "elastic")
AUGMENTATION_SETTINGS = (*SETTINGS_THAT_MOVE, "thickness", "noise")


def augments(config: RunConfig) -> bool:
    """Whether any augmentation is on."""
    return any(getattr(config, name) for name in AUGMENTATION_SETTINGS)


def noisy_labels(labels: Array, share: float, rng: np.random.Generator) -> Array:
    """A copy of labels (n,), each redrawn evenly among the ten digits with probability `share` (it may stay as it was).

    A larger share redraws the same labels, and more, to the same digits (Zhang et al. 2017).
    """
    redrawn = rng.random(len(labels)) < share
    drawn = rng.integers(0, N_CLASSES, len(labels), dtype=labels.dtype)
    return np.where(redrawn, drawn, labels)


def displacements(n: int, alpha: float, sigma: float, rng: np.random.Generator) -> Array:
    """n smooth random fields, float32 (n, 28, 28), in pixels: uniform noise in (-1, 1), blurred, times alpha.

    The Gaussian of width sigma sums to 1 (Simard, Steinkraus & Platt 2003); noise around the image is blurred in too.
    """
    reach = math.ceil(3 * sigma)
    noise = rng.random((n, SIDE + 2 * reach, SIDE + 2 * reach), dtype=np.float32) * 2 - 1
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    blur = np.zeros((SIDE, SIDE + 2 * reach), np.float32)
    for row in range(SIDE):
        blur[row, row : row + 2 * reach + 1] = bell / bell.sum()
    fields: Array = np.float32(alpha) * (blur @ noise @ blur.T)
    return fields


class Augmenter:
    """Turns the raw images of a batch, uint8 (m, 784), into others of the same form; the next call overwrites them.

    `rng` draws what is done to each image of each batch: its state is all that a checkpoint needs. `pool_rng` draws
    once, at the beginning, the displacements and the noise that are then picked from.
    """

    def __init__(self, config: RunConfig, rng: np.random.Generator, pool_rng: np.random.Generator) -> None:
        self.config = config
        self.rng = rng
        self._moves = any(getattr(config, name) for name in SETTINGS_THAT_MOVE)
        if config.elastic:
            fields = displacements(FIELDS, config.elastic, config.elastic_sigma, pool_rng)
            self._fields = fields.reshape(FIELDS, -1) * np.float32(ONE)
        if config.noise:
            noise = pool_rng.standard_normal((NOISES, N_PIXELS), dtype=np.float32)
            self._noises = np.rint(noise * np.float32(255 * config.noise)).astype(np.int16)
        y, x = np.divmod(np.arange(N_PIXELS), SIDE)
        self._basis = np.stack([x, y, np.ones_like(x)]).astype(np.float32)  # (3, 784)
        n, pixels = BLOCK, N_PIXELS
        self._out = np.empty((0, pixels), np.uint8)
        self._padded = np.zeros(n * PADDED**2 + PADDED + 1, np.uint8)  # with room for the last pixel's neighbours
        self._columns, self._quads = (np.empty(n * PADDED**2 + 1, np.uint32) for _ in range(2))
        self._map = np.empty((2, n, pixels), np.float32)
        self._field = np.empty((n, pixels), np.float32)
        self._fixed = np.empty((2, n, pixels), np.uint32)
        self._whole = np.empty((n, pixels), np.uint32)
        self._index = np.empty((n, pixels), np.intp)
        self._read = np.empty((2, n, pixels), np.uint32)
        self._origins = (np.arange(n, dtype=np.uint32) * PADDED**2)[:, None]
        self._noisy = np.empty((n, pixels), np.int16)

    def __call__(self, raw: Array) -> Array:
        """The images as the network is to see them this time: uint8 (m, 784)."""
        m, config, rng = len(raw), self.config, self.rng
        if m > len(self._out):
            self._out = np.empty(raw.shape, np.uint8)
        if self._moves:
            maps = inverse_maps(config, rng.random((5, m), dtype=np.float32) * 2 - 1)
        if config.elastic:
            chosen = rng.integers(0, FIELDS, (2, m))
            signs = (rng.integers(0, 2, (2, m)) * 2 - 1).astype(np.float32)
        if config.thickness:
            amounts = np.rint((rng.random(m, dtype=np.float32) * 2 - 1) * np.float32(ONE * config.thickness))
        if config.noise:
            noises, noise_signs = rng.integers(0, NOISES, m), (rng.integers(0, 2, m) * 2 - 1).astype(np.int16)
        for start in range(0, m, BLOCK):
            block = slice(start, min(start + BLOCK, m))
            n, out = block.stop - start, self._out[block]
            images = self._padded[: n * PADDED**2].reshape(n, PADDED, PADDED)
            images[:, 1 : SIDE + 1, 1 : SIDE + 1] = raw[block].reshape(n, SIDE, SIDE)
            if config.thickness:
                self._thicken(n, amounts[block].astype(np.int32))
            if self._moves:
                np.matmul(maps[:, block], self._basis, out=self._map[:, :n])
                if config.elastic:
                    for axis in range(2):
                        field = np.take(self._fields, chosen[axis, block], axis=0, out=self._field[:n], mode="clip")
                        field *= signs[axis, block, None]
                        self._map[axis, :n] += field
                self._sample(n, out)
            else:
                out.reshape(n, SIDE, SIDE)[...] = images[:, 1 : SIDE + 1, 1 : SIDE + 1]
            if config.noise:
                noisy = np.take(self._noises, noises[block], axis=0, out=self._noisy[:n], mode="clip")
                noisy *= noise_signs[block, None]
                noisy += out
                np.clip(noisy, 0, 255, out=noisy)
                out[...] = noisy
        return self._out[:m]

    def _thicken(self, n: int, amounts: Array) -> None:
        """Blend each padded image toward the largest (amount > 0) or least of a pixel and its four neighbours."""
        flat = self._padded[: n * PADDED**2]
        grown, shrunk = flat.copy(), flat.copy()
        for step in (1, PADDED):  # across the border an image meets zeros only
            np.maximum(grown[step:], flat[:-step], out=grown[step:])
            np.maximum(grown[:-step], flat[step:], out=grown[:-step])
            np.minimum(shrunk[step:], flat[:-step], out=shrunk[step:])
            np.minimum(shrunk[:-step], flat[step:], out=shrunk[:-step])
        inner = (slice(None), slice(1, SIDE + 1), slice(1, SIDE + 1))
        images, grown, shrunk = (a.reshape(n, PADDED, PADDED)[inner] for a in (flat, grown, shrunk))
        toward = np.where(amounts[:, None, None] > 0, grown, shrunk).astype(np.uint16)
        share = np.abs(amounts).astype(np.uint16)[:, None, None]
        toward *= share
        toward += images * (np.uint16(ONE) - share)
        toward += np.uint16(ONE // 2 - 1)  # 255 * 256 + 127 still fits
        images[...] = toward >> np.uint16(8)

    def _sample(self, n: int, out: Array) -> None:
        """Read the padded images at the places of the map, between the four nearest pixels, into out (n, 784)."""
        size = n * PADDED**2
        columns, quads = self._columns[: size + 1], self._quads[:size]
        # a pixel and those below, right and diagonally below in one 32-bit number: one gather instead of four
        np.left_shift(self._padded[PADDED : size + PADDED + 1], np.uint32(16), out=columns, dtype=np.uint32)
        columns |= self._padded[: size + 1]
        np.left_shift(columns[1:], np.uint32(8), out=quads)
        quads |= columns[:-1]
        places = self._map[:, :n]
        np.clip(places, 0, ONE * (SIDE + 1), out=places)
        fixed, whole, index = self._fixed[:, :n], self._whole[:n], self._index[:n]
        fixed[...] = places  # to whole 256ths of a pixel
        np.right_shift(fixed[1], np.uint32(8), out=whole)
        whole <<= np.uint32(5)
        whole += self._origins[:n]
        fixed[1] &= np.uint32(ONE - 1)
        read, right = self._read[0, :n], self._read[1, :n]
        np.right_shift(fixed[0], np.uint32(8), out=read)
        whole += read
        index[...] = whole
        fixed[0] &= np.uint32(ONE - 1)
        np.take(quads, index, out=read, mode="clip")
        # two 16-bit numbers side by side: the upper and the lower pair of pixels, weighed in one multiplication
        np.right_shift(read, np.uint32(8), out=right)
        right &= np.uint32(0x00FF00FF)
        read &= np.uint32(0x00FF00FF)
        right *= fixed[0]
        np.subtract(np.uint32(ONE), fixed[0], out=fixed[0])
        read *= fixed[0]
        read += right  # at most 255 * 256 in either half
        np.right_shift(read, np.uint32(16), out=right)
        read &= np.uint32(0xFFFF)
        right *= fixed[1]
        np.subtract(np.uint32(ONE), fixed[1], out=fixed[1])
        read *= fixed[1]
        read += right
        read += np.uint32(ONE * ONE // 2)
        read >>= np.uint32(16)
        out[...] = read


def inverse_maps(config: RunConfig, u: Array) -> Array:
    """For m draws u (5, m) in [-1, 1): where each pixel (x, y) of the result lies in the image, (2, m, 3) on (x, y, 1).

    The image is scaled by 1 + scale u, slanted by shear u, turned by rotation u and moved by shift u (two of them);
    the map is the inverse of that, in 256ths of a pixel of the padded image, half a 256th added to round by cutting.
    """
    angle = np.deg2rad(config.rotation) * u[0]
    size = 1 + config.scale * u[1]
    slant = config.shear * u[2]
    cos, sin = np.cos(angle) / size, np.sin(angle) / size
    ahead = CENTRE + config.shift * u[3:]  # (2, m): where the centre goes
    rows = [(cos + slant * sin, sin - slant * cos), (-sin, cos)]
    maps = np.empty((2, u.shape[1], 3), np.float32)
    for axis, (along_x, along_y) in enumerate(rows):
        maps[axis, :, 0], maps[axis, :, 1] = ONE * along_x, ONE * along_y
        start = CENTRE + 1 - along_x * ahead[0] - along_y * ahead[1]
        maps[axis, :, 2] = ONE * start + 0.5
    return maps
