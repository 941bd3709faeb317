"""The loss that trains a network towards a distribution."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import covey.families  # noqa: F401  registers what a saved model names
from covey.backend.select import keras
from covey.errors import InputError, shown
from covey.types import Tensor

ops = keras.ops


@keras.saving.register_keras_serializable(package="covey")
class NegativeLogLikelihood(keras.losses.Loss):  # type: ignore[misc]
    """Negative log-likelihood of the targets, in nats per row.

    With sample weights the mean is the weighted one: a row of weight 2 counts as the row twice.
    NaN in the targets means "not observed" and is marginalised exactly.

    A whitened target, z = K^-1 y, mixes all of y, so only a complete row has one. A model of z
    learns from rows with gaps all the same: the density that it implies for y = K z is as good a
    measure. Put complete rows first in each batch, as z, and the others behind them, as y.

    Args:
        family: the family of the model's `DistributionHead`.
        missing: False promises that no target is NaN: quicker to compile, and to train where there
            are many targets. `covey.fit` and the estimator look for themselves.
        complete: number of rows at the beginning of each batch that hold no NaN: they cost no
            factorisation.
        scale_tril: K, lower triangular, shape (D, D) or one for each member, shape (members, D, D),
            for batches whose first `complete` rows are z and whose other rows are y; by default
            all are the y that the outputs describe.
        reduction: how rows become one number, as for every Keras loss.
        name: name of the loss.
        dtype: dtype of the computation; float32 whatever the policy of the model.

    Raises:
        InputError: `complete` is no whole number, or `scale_tril` is given although no target is
            missing.

    Example:
        >>> import numpy as np
        >>> from covey.families import Normal
        >>> from covey.losses import NegativeLogLikelihood
        >>> loss = NegativeLogLikelihood(Normal(1))
        >>> float(loss(np.zeros((3, 1)), np.array([[0.0, 1.0]] * 3)))  # 1/2 log(2 pi)
        0.918938...
    """

    def __init__(
        self,
        family: Any,
        *,
        missing: bool = True,
        complete: int = 0,
        scale_tril: ArrayLike | None = None,
        reduction: str = "mean_with_sample_weight",
        name: str = "negative_log_likelihood",
        dtype: str = "float32",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.family = family
        self.missing = missing
        if isinstance(complete, bool) or not isinstance(complete, int) or complete < 0:
            raise InputError(f"`complete` must be a number of rows. Received: {shown(complete)}.")
        self.complete = complete
        self.scale_tril = None if scale_tril is None else np.asarray(scale_tril, np.float64)
        self.scaling = None if scale_tril is None else family.scaling(self.scale_tril)
        if not missing and scale_tril is not None:
            raise InputError(
                "`scale_tril` is for rows with missing targets. Received missing=False; leave one "
                "of the two out."
            )

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Negative log-density of each row.

        Args:
            y_true: targets, shape (..., D); (...,) is taken too when D is 1.
            y_pred: packed parameters, shape (..., P), as the head puts them out.

        Returns:
            Tensor of shape (...), in nats.

        Raises:
            InputError: the last axes do not fit the family.
        """
        return self.negative_log_density(y_true, y_pred, self.scaling)

    def negative_log_density(
        self, y_true: Tensor, y_pred: Tensor, scaling: tuple[Any, ...] | None
    ) -> Tensor:
        """What `call` gives, with another K.

        Args:
            y_true: as for `call`.
            y_pred: as for `call`.
            scaling: what `family.scaling` says of K, arrays or tensors; None for no K.

        Returns:
            Tensor of shape (...), in nats.
        """
        d, width = self.family.n_targets, self.family.packed_size
        if d == 1 and len(y_true.shape) == len(y_pred.shape) - 1:
            y_true = ops.expand_dims(y_true, -1)
        if y_true.shape[-1] != d or y_pred.shape[-1] != width:
            raise InputError(
                f"Expected targets of shape (..., {d}) and outputs of shape (..., {width}) for "
                f"{self.family}. Received {tuple(y_true.shape)} and {tuple(y_pred.shape)}. Does "
                "the model end in a DistributionHead of the same family?"
            )
        if not self.missing:
            return -self.family.log_prob(y_pred, y_true, missing=False)
        whole, with_gaps = y_pred[: self.complete], y_pred[self.complete :]
        if scaling is not None:
            with_gaps = self.family.rescaled(with_gaps, scaling)
        density = self.family.log_prob(with_gaps, y_true[self.complete :])
        if self.complete:
            first = self.family.log_prob(whole, y_true[: self.complete], missing=False)
            density = ops.concatenate([first, density])
        return -density

    def for_complete_rows(self) -> "NegativeLogLikelihood":
        """The same loss, for targets of which none is missing: quicker to compile and to compute.

        Returns:
            A loss with `missing` False; this one stays as it is.
        """
        complete = {"missing": False, "complete": 0, "scale_tril": None}
        return type(self).from_config({**self.get_config(), **complete})

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "family": keras.saving.serialize_keras_object(self.family),
            "missing": self.missing,
            "complete": self.complete,
            "scale_tril": None if self.scale_tril is None else self.scale_tril.tolist(),
            "reduction": self.reduction,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NegativeLogLikelihood":
        """The loss that `get_config` describes."""
        return cls(**{**config, "family": keras.saving.deserialize_keras_object(config["family"])})
