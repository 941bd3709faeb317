"""The loss of members, who learn from complete rows whitened and from the others as they are."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from covey.backend.select import keras
from covey.errors import InputError, shown
from covey.families import internals
from covey.families.family import Family
from covey.losses import NegativeLogLikelihood
from covey.types import Tensor


@keras.saving.register_keras_serializable(package="covey")
class WhitenedLikelihood(NegativeLogLikelihood):
    """Negative log-likelihood of batches whose complete rows come first, whitened.

    A whitened target, z = B^-1 y, mixes all of y, so only a complete row has one. A model of z
    learns from rows with gaps all the same: the density that it implies for y = B z is as good a
    measure.

    Args:
        family: as for `NegativeLogLikelihood`.
        complete: number of rows at the beginning of each batch that hold no NaN: they cost no
            factorisation.
        scale_tril: B, lower triangular, shape (D, D) or one for each member, shape (members, D, D),
            for batches whose first `complete` rows are z and whose other rows are y; None where all
            are z.
        options: the others of `NegativeLogLikelihood`.

    Raises:
        InputError: `complete` is no whole number, or `scale_tril` is given although no target is
            missing.
    """

    _OF_OLDER = ()

    def __init__(
        self,
        family: Family,
        *,
        complete: int = 0,
        scale_tril: ArrayLike | None = None,
        **options: Any,
    ) -> None:
        super().__init__(family, **options)
        if isinstance(complete, bool) or not isinstance(complete, int) or complete < 0:
            raise InputError(f"`complete` must be a number of rows. Received: {shown(complete)}.")
        self.complete = complete
        self.scale_tril = None if scale_tril is None else np.asarray(scale_tril, np.float64)
        self.scaling = (
            None if self.scale_tril is None else internals.scaling(family, self.scale_tril)
        )
        if not self.missing and scale_tril is not None:
            raise InputError(
                "`scale_tril` is for rows with missing targets. Received missing=False; leave one "
                "of the two out."
            )

    def _log_density(self, y: Tensor, packed: Tensor) -> Tensor:
        return self.log_density(y, packed, self.scaling)

    def log_density(self, y: Tensor, packed: Tensor, scaling: tuple[Tensor, ...] | None) -> Tensor:
        """The log-density of each row, under another B.

        Args:
            y: targets, shape (..., D).
            packed: packed parameters, shape (..., P).
            scaling: what `families.internals.scaling` says of B, arrays or tensors; None for no B.

        Returns:
            Tensor of shape (...), in nats.
        """
        if not self.missing:
            return self.family.log_prob(packed, y, missing=False)
        whole, with_gaps = packed[: self.complete], packed[self.complete :]
        if scaling is not None:
            with_gaps = internals.rescaled(self.family, with_gaps, scaling)
        density = self.family.log_prob(with_gaps, y[self.complete :])
        if self.complete:
            first = self.family.log_prob(whole, y[: self.complete], missing=False)
            density = keras.ops.concatenate([first, density])
        return density

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "complete": self.complete,
            "scale_tril": None if self.scale_tril is None else self.scale_tril.tolist(),
        }
