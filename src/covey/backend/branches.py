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
        y: shape (..., D), of the same type.

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
        parts = min(-(-n * size // LARGE), n)
        if parts < 2:
            return both(packed, y)
        each = -(-n // parts)
        flat = [x.reshape(n, x.shape[-1]) for x in (packed, y)]
        more = [(0, each * parts - n), (0, 0)]  # the last row again
        split = [jax.numpy.pad(x, more, mode="edge").reshape(parts, each, -1) for x in flat]
        value, slopes = jax.lax.map(lambda pair: both(*pair), tuple(split))
        whole = [
            slope.reshape(each * parts, -1)[:n].reshape(x.shape)
            for slope, x in zip(slopes, (packed, y), strict=True)
        ]
        return value.reshape(-1)[:n].reshape(y.shape[:-1]), tuple(whole)

    def nothing(packed: Tensor, y: Tensor) -> tuple[Tensor, Any]:
        zero = jax.numpy.zeros(y.shape[:-1], packed.dtype)
        return zero, (jax.numpy.zeros_like(packed), jax.numpy.zeros_like(y))

    chosen = jax.custom_jvp(
        lambda wanted, packed, y: jax.lax.cond(
            wanted, function, lambda *pair: nothing(*pair)[0], packed, y
        )
    )

    def moved(primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
        wanted, packed, y = primals
        value, slopes = jax.lax.cond(wanted, in_parts, nothing, packed, y)
        pairs = zip(slopes, tangents[1:], strict=True)
        return value, sum((slope * tangent).sum(axis=-1) for slope, tangent in pairs)

    chosen.defjvp(moved)
    return cast(Callable[[Tensor, Tensor, Tensor], Tensor], chosen)
