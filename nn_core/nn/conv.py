"""The layers of a convolutional network, each with the formula of its two passes as it stands in a book.

Written as in layers.py, for images: a batch x has shape (N, C, H, W), samples first, then channels, rows and columns. A
kernel, a stride or a padding is one number for both directions or a pair (rows, columns). Windows that would reach
beyond the last row or column are left out, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from nn_core.config.errors import ConfigError
from nn_core.machine.memory import Array
from nn_core.nn.layers import Direction, Layer
from nn_core.nn.normalization import BatchNorm
from nn_core.nn.sums import over_rows

Pair = tuple[int, int]  # along rows, along columns


class Flatten(Layer):
    """All values of an image in a row, channel by channel: (N, C, H, W) to (N, C H W)."""

    def forward(self, x: Array, training: bool = False) -> Array:
        """The same values in another shape."""
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dout: Array) -> Array:
        """The same values in the first shape."""
        return dout.reshape(self.shape)

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """It is linear: the same on the change."""
        assert rx is not None  # a layer without parameters changes with its input alone
        return self.forward(rx)

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """The same on the change of the gradient."""
        return self.backward(rdout)


class GlobalAveragePool(Layer):
    """The mean of each channel: (N, C, H, W) to (N, C). Lin, Chen & Yan 2014, section 3.2."""

    def forward(self, x: Array, training: bool = False) -> Array:
        """y_c = mean over rows and columns of x_c."""
        self.shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dout: Array) -> Array:
        """dx = dy / (H W) at every place."""
        _, _, height, width = self.shape
        share = dout / dout.dtype.type(height * width)
        return np.broadcast_to(share[:, :, None, None], self.shape).copy()

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """It is linear: the same on the change."""
        assert rx is not None  # a layer without parameters changes with its input alone
        return self.forward(rx)

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """The same on the change of the gradient."""
        return self.backward(rdout)


class BatchNorm2D(BatchNorm):
    """Mean 0 and variance 1 of each channel over all images and places, then a trained gamma and beta (C,).

    `state`: running mean and (unbiased) variance (C,). Ioffe & Szegedy 2015, section 3.2; constants as in BatchNorm.
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Every place of every image is a row of what BatchNorm normalizes: (N, C, H, W) as (N H W, C)."""
        return _as_images(super().forward(_as_rows(x), training), x.shape)

    def backward(self, dout: Array) -> Array:
        """The same on the gradient."""
        return _as_images(super().backward(_as_rows(dout)), dout.shape)

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """The same on the change."""
        assert rx is not None  # it stands behind a convolution
        return _as_images(super().r_forward(_as_rows(rx), v), rx.shape)

    def r_gradients(self, dout: Array, rdout: Array) -> dict[str, Array]:
        """Those of BatchNorm."""
        return super().r_gradients(_as_rows(dout), _as_rows(rdout))

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """The same on the change of the gradient."""
        return _as_images(super().r_backward(_as_rows(dout), _as_rows(rdout), v), rdout.shape)


def _as_rows(x: Array) -> Array:
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])


def _as_images(rows: Array, shape: tuple[int, ...]) -> Array:
    n, channels, height, width = shape
    return np.ascontiguousarray(rows.reshape(n, height, width, channels).transpose(0, 3, 1, 2))


# ---------------------------------------------------------------------------------------------- windows


class Windowed(Layer):
    """A layer that slides a window over the rows and columns of an image, and makes one value at every place.

    `name` is what its messages call it. Raises ConfigError where kernel or stride is below 1 or padding below 0.
    """

    def __init__(self, name: str, kernel: int | Pair, stride: int | Pair, padding: int | Pair = 0) -> None:
        super().__init__()
        self.name = name
        self.kernel, self.stride, self.padding = _pair(kernel), _pair(stride), _pair(padding)
        least_of = {"kernel": 1, "stride": 1, "padding": 0}
        for what, least in least_of.items():
            sizes: Pair = getattr(self, what)
            if min(sizes) < least:
                raise ConfigError(f"{name}: {what} must be at least {least}, got {_by(sizes)}")

    def output_size(self, size: Pair) -> Pair:
        """(rows, columns) made of an image of (rows, columns): floor((n + 2 padding - kernel) / stride) + 1 each.

        Dumoulin & Visin 2016, relationship 6. Raises ConfigError where the window is larger than the padded image.
        """
        padded = tuple(n + 2 * p for n, p in zip(size, self.padding, strict=True))
        if any(k > n for k, n in zip(self.kernel, padded, strict=True)):
            around = f" with a padding of {_by(self.padding)}" if any(self.padding) else ""
            raise ConfigError(
                f"{self.name}: kernel must be at most {_by(padded)}, the size of its input of {_by(size)}{around}, "
                f"got {_by(self.kernel)}"
            )
        rows, columns = ((n - k) // s + 1 for n, k, s in zip(padded, self.kernel, self.stride, strict=True))
        return rows, columns

    def _windows(self, x: Array) -> Array:
        """What lies under the window at every place: a view (N, C, H_out, W_out, K_rows, K_columns) of the padded x."""
        self.shape, self.out_size = x.shape, self.output_size((x.shape[2], x.shape[3]))
        if any(self.padding):
            x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in self.padding)))
        everywhere = np.lib.stride_tricks.sliding_window_view(x, self.kernel, axis=(2, 3))
        return everywhere[:, :, :: self.stride[0], :: self.stride[1]]

    def _places(self) -> Iterator[tuple[Pair, tuple[slice, slice]]]:
        """Each cell (i, j) of the window, and the rows and columns of the padded input that it comes to lie on."""
        for cell in np.ndindex(self.kernel):
            rows, columns = (
                slice(start, start + step * n, step)
                for start, step, n in zip(cell, self.stride, self.out_size, strict=True)
            )
            yield (cell[0], cell[1]), (rows, columns)

    def _gathered(self, share: Callable[[int, int], Array], dtype: npt.DTypeLike) -> Array:
        """dx: at each value of the input, the sum over all windows that hold it; padding is cut off again.

        share(i, j) is the gradient (N, C, H_out, W_out) with respect to cell (i, j) of every window.
        """
        n, channels, height, width = self.shape
        p, q = self.padding
        dx = np.zeros((n, channels, height + 2 * p, width + 2 * q), dtype)
        for (i, j), (rows, columns) in self._places():
            dx[:, :, rows, columns] += share(i, j)
        return np.ascontiguousarray(dx[:, :, p : p + height, q : q + width])


class Conv2D(Windowed):
    """The same small dense map at every place of an image: z = W * x + b, a cross-correlation (LeCun et al. 1989).

    W has shape (C_out, C_in, K_rows, K_columns), b (C_out,); zeros stand around the image where `padding` is above 0.
    """

    def __init__(
        self, W: Array, b: Array, stride: int | Pair = 1, padding: int | Pair = 0, name: str = "convolution"
    ) -> None:
        super().__init__(name, (W.shape[2], W.shape[3]), stride, padding)
        self.params = {"W": W, "b": b}
        self.grads = {"W": np.zeros_like(W), "b": np.zeros_like(b)}

    def forward(self, x: Array, training: bool = False) -> Array:
        """z[n, o, r, s] = b[o] + sum over c, i, j of W[o, c, i, j] x[n, c, r stride + i, s stride + j].

        (N, C_in, H, W) to (N, C_out, H_out, W_out); raises ConfigError where the kernel is larger than the image, and
        ValueError for another number of channels.
        """
        W, b = self.params["W"], self.params["b"]
        if x.shape[1] != W.shape[1]:
            raise ValueError(f"{self.name}: the input must have {W.shape[1]} channels, got {x.shape[1]}")
        self.windows = self._windows(x)
        return np.ascontiguousarray((_correlate(self.windows, W) + b).transpose(0, 3, 1, 2))

    def backward(self, dout: Array) -> Array:
        """dW = the sum over images and places of dz times what lay under the window, db = that of dz; dx = dz by W."""
        W = self.params["W"]
        self.grads["W"][...] = _under(dout, self.windows)
        self.grads["b"][...] = over_rows(dout.sum(axis=(2, 3)))
        return self._gathered(lambda i, j: np.einsum("nors,oc->ncrs", dout, W[:, :, i, j], optimize=True), dout.dtype)

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """R{z} = V * x + W * R{x} + v_b, with V the change of W."""
        self.r_windows = None if rx is None else self._windows(rx)
        rz = _correlate(self.windows, v["W"]) + v["b"]
        if self.r_windows is not None:
            rz += _correlate(self.r_windows, self.params["W"])
        return np.ascontiguousarray(rz.transpose(0, 3, 1, 2))

    def r_gradients(self, dout: Array, rdout: Array) -> dict[str, Array]:
        """R{dW} = R{dz} times what lay under the window, and dz times its change; R{db} = the sum of R{dz}."""
        rdW = _under(rdout, self.windows)
        if self.r_windows is not None:
            rdW += _under(dout, self.r_windows)
        return {"W": rdW, "b": over_rows(rdout.sum(axis=(2, 3)))}

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """R{dx} = R{dz} by W, and dz by V: both at once, as one convolution of twice the channels."""
        both, weights = np.concatenate([rdout, dout], axis=1), np.concatenate([self.params["W"], v["W"]])
        shares = np.tensordot(weights, both, axes=(0, 1))  # (C_in, K, K, N, H_out, W_out)
        return self._gathered(lambda i, j: shares[:, i, j].swapaxes(0, 1), rdout.dtype)


def _correlate(windows: Array, W: Array) -> Array:
    """What W (C_out, C_in, K, K) makes of windows (N, C_in, H_out, W_out, K, K): (N, H_out, W_out, C_out)."""
    return np.tensordot(windows, W, axes=((1, 4, 5), (1, 2, 3)))


def _under(dout: Array, windows: Array) -> Array:
    """The sum over images and places of dz (N, C_out, H_out, W_out) times its window: (C_out, C_in, K, K)."""
    return np.tensordot(dout, windows, axes=((0, 2, 3), (0, 2, 3)))


class MaxPool2D(Windowed):
    """The largest value under each window; of equal ones the first, row by row (Ranzato et al. 2007).

    (N, C, H, W) to (N, C, H_out, W_out); the stride is the kernel's size unless given, so that windows do not overlap.
    """

    def __init__(self, kernel: int | Pair = 2, stride: int | Pair | None = None, name: str = "pooling") -> None:
        super().__init__(name, kernel, kernel if stride is None else stride)

    def forward(self, x: Array, training: bool = False) -> Array:
        """y[r, s] = max over i, j of x[r stride + i, s stride + j]; raises ConfigError as `output_size` does."""
        windows = self._windows(x)
        cells = windows.reshape(*windows.shape[:4], -1)
        self.largest = cells.argmax(axis=4)
        return np.take_along_axis(cells, self.largest[..., None], axis=4)[..., 0]

    def backward(self, dout: Array) -> Array:
        """The gradient goes to the value that was the largest, none to the others."""
        width = self.kernel[1]
        return self._gathered(lambda i, j: dout * (self.largest == i * width + j), dout.dtype)

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """The change of the value that is the largest."""
        assert rx is not None  # a layer without parameters changes with its input alone
        windows = self._windows(rx)
        return np.take_along_axis(windows.reshape(*windows.shape[:4], -1), self.largest[..., None], axis=4)[..., 0]

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """It goes to the same value."""
        return self.backward(rdout)


class AvgPool2D(Windowed):
    """The mean of the values under each window (LeCun, Bottou, Bengio & Haffner 1998, there with a trained factor).

    Shapes and stride as in MaxPool2D.
    """

    def __init__(self, kernel: int | Pair = 2, stride: int | Pair | None = None, name: str = "pooling") -> None:
        super().__init__(name, kernel, kernel if stride is None else stride)

    def forward(self, x: Array, training: bool = False) -> Array:
        """y[r, s] = mean over i, j of x[r stride + i, s stride + j]; raises ConfigError as `output_size` does."""
        return self._windows(x).mean(axis=(4, 5))

    def backward(self, dout: Array) -> Array:
        """Every value under a window has an equal share in its gradient."""
        share = dout / dout.dtype.type(self.kernel[0] * self.kernel[1])
        return self._gathered(lambda i, j: share, dout.dtype)

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """It is linear: the same on the change."""
        assert rx is not None  # a layer without parameters changes with its input alone
        return self.forward(rx)

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """The same on the change of the gradient."""
        return self.backward(rdout)


def _pair(value: int | Pair) -> Pair:
    rows, columns = (value, value) if isinstance(value, int | np.integer) else value
    return int(rows), int(columns)


def _by(sizes: tuple[int, ...]) -> str:
    """Like "5x5"."""
    return "x".join(str(n) for n in sizes)
