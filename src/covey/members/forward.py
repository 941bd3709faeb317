"""What fitted networks say of rows, in NumPy: no backend is needed, and none is waited for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.algebra.threads import one_thread
from covey.families.internals import log_density, rescaled
from covey.members.activations import Activation, activation
from covey.members.architecture import Architecture

Numbers = NDArray[np.float32]

BLOCK = 32  # rows of every product of matrices, so that no row's result depends on its neighbours
LEAST = 1024  # rows whose densities are worth a thread
MATRICES = 2**22  # numbers in the matrices of rows with gaps that are worked on together
CACHED = 2**18  # numbers in an array of hidden units, so that it stays in the cache of a core


@dataclass(frozen=True, eq=False)
class Networks:
    """K fitted networks side by side.

    Attributes:
        architecture: of the networks.
        weights: as `architecture.weight_shapes` lists them.
    """

    architecture: Architecture
    weights: Sequence[Numbers]

    def __getstate__(self) -> dict[str, Any]:
        return {"architecture": self.architecture, "weights": self.weights}

    def packed(self, inputs: Numbers) -> Numbers:
        """Packed parameters.

        Args:
            inputs: array of shape (N, K, F), or of shape (N, F) for all members alike.

        Returns:
            Array of shape (N, K, P).
        """
        return _by_parts(self._part, inputs, shape=self._shape, size=self._piece(inputs))

    def log_density(
        self,
        inputs: Numbers,
        y: Numbers,
        *,
        scaling: tuple[Numbers, ...] = (),
        missing: bool = False,
    ) -> Numbers:
        """Log-density of an observation for each row and member.

        Args:
            inputs: array of shape (N, K, F).
            y: array of shape (N, K, D).
            scaling: what `families.internals.scaling` says of B, where y = B z, and the networks
                say the distribution of z.
            missing: whether y may hold NaN, where it is not observed.

        Returns:
            Array of shape (N, K), in nats.
        """
        family = self.architecture.family

        def density(packed: Numbers, y: Numbers) -> Numbers:
            if scaling:
                packed = rescaled(family, packed, scaling)
            return log_density(family, packed, y, missing=missing)

        # many rows at a time: where each operation is short, threads wait for each other
        size = max(-(-len(y) // (os.cpu_count() or 1)), LEAST)
        if missing:  # matrices of D x D for each member and row
            members, targets = y.shape[1:]
            components = self.architecture.components or 1
            size = min(size, max(MATRICES // (members * components * targets**2), 1))
        # weights that diverged are told by what comes out
        with np.errstate(all="ignore"):
            packed = self.packed(inputs)
            return _by_parts(density, packed, y, shape=y.shape[1:2], size=size)

    @property
    def _shape(self) -> tuple[int, int]:
        return self.architecture.members, self.architecture.family.packed_size

    def _piece(self, inputs: Numbers) -> int:
        """Rows of inputs that are worked on together."""
        members, kernels = self.architecture.members, self.weights
        widest = members * max(max(kernel.shape[1:]) for kernel in kernels if kernel.ndim == 3)
        if self._bends is not None:
            bins = int(np.prod(kernels[0].shape[1:3]))
            widest = max(widest, bins if inputs.ndim == 2 else members * bins)
        return BLOCK * max(CACHED // (BLOCK * widest), 1)

    def _part(self, inputs: Numbers) -> Numbers:
        """The same as `packed` for a few rows."""
        n = len(inputs)
        blocks = -(-n // BLOCK)
        x = np.zeros((blocks * BLOCK, *inputs.shape[1:]), dtype=np.float32)
        x[:n] = inputs
        x = x[:, None] if x.ndim == 2 else x
        # members, or one for all of them, then blocks, then rows
        x = np.ascontiguousarray(np.moveaxis(x.reshape(blocks, BLOCK, *x.shape[1:]), 2, 0))
        hidden = self._embedded(x)
        *layers, (kernel, bias) = self._layers
        for each in layers:
            hidden = self._activation(_dense(hidden, *each))
        raw = _dense(hidden, kernel, bias)
        packed = self.architecture.family.constrain(raw)
        found = np.moveaxis(packed, 0, 2).reshape(blocks * BLOCK, *self._shape)
        return found[:n]

    @cached_property
    def _layers(self) -> list[tuple[Numbers, Numbers]]:
        """Kernels and biases of the dense layers, with an axis for the blocks."""
        dense = self.weights[0 if self._bends is None else 1 :]
        return [
            (k[:, None], b[:, None, None]) for k, b in zip(dense[::2], dense[1::2], strict=True)
        ]

    @cached_property
    def _bends(self) -> tuple[list[int], Numbers, Numbers] | None:
        """Columns of piecewise linear functions, lower ends of their bins and widths, or None."""
        columns, knots = self.architecture.bends
        if not columns:
            return None
        lower, width = knots[:, :-1], np.diff(knots, axis=1)
        # nothing ever reaches an empty bin
        far, one = np.float32(1e9), np.float32(1)
        return columns, np.where(width > 0, lower, far), np.where(width > 0, width, one)

    def _embedded(self, x: Numbers) -> Numbers:
        """The inputs of all members, (K, blocks, rows, F), and functions of single ones."""
        members = self.architecture.members
        if self._bends is None:
            return np.broadcast_to(x, (members, *x.shape[1:]))
        columns, lower, width = self._bends
        kernel = self.weights[0]
        f, (_, c, _, units) = x.shape[-1], kernel.shape
        chosen = np.moveaxis(x[..., columns], 3, 1)[..., None]  # K or 1, C, blocks, rows, 1
        progress = chosen - lower[:, None, None]
        progress /= width[:, None, None]
        np.clip(progress, 0, 1, out=progress)
        progress -= np.float32(0.5)
        functions = progress @ kernel[:, :, None]  # K, C, blocks, rows, units
        found = np.empty((members, *x.shape[1:3], f + c * units), dtype=np.float32)
        found[..., :f] = x
        found[..., f:] = np.moveaxis(functions, 1, 3).reshape(*found.shape[:3], c * units)
        return found

    @cached_property
    def _activation(self) -> Activation:
        return activation(self.architecture.activation)


def _dense(inputs: Numbers, kernel: Numbers, bias: Numbers) -> Numbers:
    outputs: Numbers = inputs @ kernel
    outputs += bias
    return outputs


def _by_parts(
    what: Callable[..., Numbers], *arrays: Numbers, shape: tuple[int, ...], size: int
) -> Numbers:
    """Apply a function of N rows to `size` of them at a time, in threads: to (N, *shape)."""
    n = len(arrays[0])
    found = np.empty((n, *shape), dtype=np.float32)
    parts = [slice(at, at + size) for at in range(0, n, size)]
    errors = np.geterr()  # which threads do not inherit

    def compute(part: slice) -> None:
        with np.errstate(**errors):
            found[part] = what(*(array[part] for array in arrays))

    with one_thread():
        if len(parts) < 2:  # often one row that is waited for: no thread has to be started
            for part in parts:
                compute(part)
        else:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(compute, parts))
    return found
