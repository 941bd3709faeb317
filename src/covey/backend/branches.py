"""What a compiled graph computes in some calls only."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, cast

from covey.backend.operations import backend, ops
from covey.types import Tensor

LARGE = 2**17  # entries of matrices that are worked on together

RowFunction = Callable[[Tensor, Tensor], Tensor]


def where_wanted(wanted: Tensor, function: RowFunction, packed: Tensor, y: Tensor) -> Tensor:
    """function(packed, y) in calls where it is wanted, and zeros in others.

    Args:
        wanted: whether it is, a boolean scalar.
        function: from tensors of shapes (..., P) and (..., D) to one of shape (...), row by row.
        packed: shape (..., P).
        y: shape (..., D).

    Returns:
        Tensor of shape (...).
    """
    if backend() == "jax":
        return _on_jax(function)(wanted, packed, y)
    return ops.cond(wanted, lambda: function(packed, y), lambda: ops.zeros_like(packed[..., 0]))


def _on_jax(function: RowFunction) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """One branch, in which the gradient is computed too.

    By itself jax makes two of it, for the value and for the gradient, and what the first leaves for
    the second it fills with zeros where another branch is taken: with many targets, most of the
    time of a step. Memory for all branches is taken at every step, besides. Where that is much, the
    system hands out fresh pages every time, which takes longer than the step; so the rows come in
    parts.
    """
    import jax

    def both(packed: Tensor, y: Tensor) -> tuple[Tensor, Any]:
        value, back = jax.vjp(function, packed, y)
        return value, back(jax.numpy.ones_like(value))

    def in_parts(packed: Tensor, y: Tensor) -> tuple[Tensor, Any]:
        n, size = prod(y.shape[:-1]), y.shape[-1] ** 2
        even = (count for count in range(1, n + 1) if n % count == 0)
        parts = next((count for count in even if n // count * size <= LARGE), 1)
        if parts == 1:
            return both(packed, y)
        split = [x.reshape(parts, n // parts, x.shape[-1]) for x in (packed, y)]
        value, slopes = jax.lax.map(lambda pair: both(*pair), tuple(split))
        whole = [slope.reshape(x.shape) for slope, x in zip(slopes, (packed, y), strict=True)]
        return value.reshape(y.shape[:-1]), tuple(whole)

    def nothing(packed: Tensor, y: Tensor) -> tuple[Tensor, Any]:
        zero = jax.numpy.zeros(y.shape[:-1], packed.dtype)
        return zero, (jax.numpy.zeros_like(packed), jax.numpy.zeros_like(y))

    def forward(wanted: Tensor, packed: Tensor, y: Tensor) -> tuple[Tensor, Any]:
        found: tuple[Tensor, Any] = jax.lax.cond(wanted, in_parts, nothing, packed, y)
        return found

    def backward(slopes: Any, upstream: Tensor) -> tuple[Any, ...]:
        return (None, *(slope * upstream[..., None] for slope in slopes))

    chosen = jax.custom_vjp(
        lambda wanted, packed, y: jax.lax.cond(
            wanted, function, lambda *pair: nothing(*pair)[0], packed, y
        )
    )
    chosen.defvjp(forward, backward)
    return cast(Callable[[Tensor, Tensor, Tensor], Tensor], chosen)
