"""The loss that trains a network towards a distribution."""

from typing import Any, ClassVar, Self

import covey.families  # noqa: F401  registers what a saved model names
from covey.backend.select import keras
from covey.errors import InputError
from covey.families.family import Family
from covey.types import Tensor

__all__ = ["NegativeLogLikelihood"]


def __dir__() -> list[str]:
    return __all__


@keras.saving.register_keras_serializable(package="covey")
class NegativeLogLikelihood(keras.losses.Loss):  # type: ignore[misc]
    """Negative log-likelihood of the targets, in nats per row.

    With sample weights the mean is the weighted one: a row of weight 2 counts as the row twice.
    NaN in the targets means "not observed" and is marginalised exactly.

    Args:
        family: the family of the model's `DistributionHead`.
        missing: False promises that no target is NaN: quicker to compile, and to train where there
            are many targets. `covey.fit` and the estimator look for themselves.
        reduction: how rows become one number, as for every Keras loss.
        name: name of the loss.
        dtype: dtype of the computation; float32 whatever the policy of the model.

    Example:
        >>> import numpy as np
        >>> from covey.families import Normal
        >>> from covey.losses import NegativeLogLikelihood
        >>> loss = NegativeLogLikelihood(Normal(1))
        >>> float(loss(np.zeros((3, 1)), np.array([[0.0, 1.0]] * 3)))  # 1/2 log(2 pi)
        0.918938...
    """

    _OF_OLDER: ClassVar[tuple[str, ...]] = ("complete", "scale_tril")  # arguments of older versions

    def __init__(
        self,
        family: Family,
        *,
        missing: bool = True,
        reduction: str = "mean_with_sample_weight",
        name: str = "negative_log_likelihood",
        dtype: str = "float32",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.family = family
        self.missing = missing

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
        d, width = self.family.n_targets, self.family.packed_size
        if d == 1 and len(y_true.shape) == len(y_pred.shape) - 1:
            y_true = keras.ops.expand_dims(y_true, -1)
        if y_true.shape[-1] != d or y_pred.shape[-1] != width:
            raise InputError(
                f"Expected targets of shape (..., {d}) and outputs of shape (..., {width}) for "
                f"{self.family}. Received {tuple(y_true.shape)} and {tuple(y_pred.shape)}. Does "
                "the model end in a DistributionHead of the same family?"
            )
        return -self._log_density(y_true, y_pred)

    def _log_density(self, y: Tensor, packed: Tensor) -> Tensor:
        return self.family.log_prob(packed, y, missing=self.missing)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "family": keras.saving.serialize_keras_object(self.family),
            "missing": self.missing,
            "reduction": self.reduction,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The loss that `get_config` describes.

        Raises:
            InputError: it is one of an older Covey, for targets that are partly whitened.
        """
        config = {**config, "family": keras.saving.deserialize_keras_object(config["family"])}
        older = (config.pop(name, None) for name in cls._OF_OLDER)
        if any(value not in (None, 0) for value in list(older)):
            raise InputError(
                "Expected a NegativeLogLikelihood of observed targets. Received one of targets "
                "that are partly whitened, of an older Covey: load the model with compile=False "
                "and compile it anew."
            )
        return cls(**config)
