"""The parameters of the estimator, as scikit-learn reads and sets them."""

from __future__ import annotations

import inspect
from typing import Any, Never


class TransformParameter:
    """The parameter `transform` of an estimator that does not transform.

    scikit-learn takes whatever has an attribute of this name for a transformer, and a pipeline then
    expects more of it. So the parameter can be set and is among `get_params()`, and there is no
    attribute to be found.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Never:
        raise AttributeError(
            "`transform` is a parameter, and no method. model.get_params()['transform'] reads it."
        )

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)["transform"] = value


class ParametersMixin:
    """`get_params` for an estimator with a `TransformParameter`."""

    transform = TransformParameter()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters of the constructor, as scikit-learn has them.

        Args:
            deep: also those of a `base`, as "base__...".

        Returns:
            Their values by name.
        """
        found = {}
        for name in sorted(inspect.signature(type(self)).parameters):
            value = found[name] = vars(self)[name]
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                found |= {f"{name}__{key}": each for key, each in value.get_params().items()}
        return found
