"""Fitted scikit-learn estimators as bytes and back, by skops; only listed types come back."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.errors import ArtifactError, InputError

Bytes = NDArray[np.uint8]

# Types that fitted estimators of scikit-learn consist of, besides those that skops itself trusts.
TRUSTED = frozenset(
    {
        "functools.partial",  # skops lists the function inside it separately
        "numpy.dtype",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils.validation.check_array",
        *(
            f"sklearn.gaussian_process.kernels.{name}"
            for name in (
                "CompoundKernel",
                "ConstantKernel",
                "DotProduct",
                "ExpSineSquared",
                "Exponentiation",
                "Hyperparameter",
                "Matern",
                "Product",
                "RBF",
                "RationalQuadratic",
                "Sum",
                "WhiteKernel",
            )
        ),
    }
)


def to_bytes(estimators: Iterable[Any], trusted: Collection[str] = ()) -> list[Bytes]:
    """Turn fitted estimators into bytes.

    Args:
        estimators: of scikit-learn, or made of objects of its types.
        trusted: full names of further types that the estimators may consist of.

    Returns:
        One array of bytes for each estimator.

    Raises:
        InputError: skops is not installed, or an estimator consists of other types, or it cannot be
            turned into bytes at all.
    """
    io = _skops(InputError)
    trusted = _names(trusted)
    contents = []
    for estimator in estimators:
        try:
            content = io.dumps(estimator)
            foreign = _foreign(io, content, trusted)
        except Exception as error:  # skops has no exception class of its own
            raise InputError(
                f"Expected a `base` that skops can save. {type(estimator).__name__} it cannot: "
                f"{error}. Nothing was written."
            ) from error
        if foreign:
            raise InputError(
                f"Expected a `base` made of types of scikit-learn. {type(estimator).__name__} "
                f"holds others: {', '.join(foreign)}. Nothing was written. Name those you trust, "
                f"here and again in `load`: trusted={foreign}."
            )
        contents.append(np.frombuffer(content, dtype=np.uint8))
    return contents


def from_bytes(contents: Iterable[Bytes], trusted: Collection[str] = ()) -> list[Any]:
    """Turn bytes back into estimators.

    Args:
        contents: what `to_bytes` returned.
        trusted: full names of further types that the estimators may consist of.

    Returns:
        The estimators.

    Raises:
        ArtifactError: skops is not installed, or the bytes hold other types or are damaged.
    """
    io = _skops(ArtifactError)
    trusted = _names(trusted)
    estimators = []
    for content in contents:
        data = content.astype(np.uint8).tobytes()
        try:
            foreign = _foreign(io, data, trusted)
            if foreign:
                raise ArtifactError(
                    "Expected a base made of types of scikit-learn. The file holds others: "
                    f"{', '.join(foreign)}. If you trust where it comes from, name them: "
                    f"load(path, trusted={foreign}), or --trusted NAME on the command line."
                )
            estimators.append(io.loads(data, trusted=io.get_untrusted_types(data=data)))
        except ArtifactError:
            raise
        except Exception as error:  # zipfile, json, skops and constructors
            raise ArtifactError(
                f"The base in the file cannot be read: {type(error).__name__}: {error}. It may "
                "come from another version of scikit-learn; save the model again."
            ) from error
    return estimators


def _foreign(io: Any, content: bytes, trusted: Collection[str]) -> list[str]:
    return sorted(set(io.get_untrusted_types(data=content)) - TRUSTED - set(trusted))


def _names(trusted: Collection[str]) -> Collection[str]:
    if isinstance(trusted, str):
        raise InputError(f"`trusted` takes a list of names: trusted=[{trusted!r}].")
    return trusted


def _skops(kind: type[InputError] | type[ArtifactError]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from skops import io
    except ImportError:
        raise kind(
            "A model with a `base` is saved with skops, which is not installed. Install it: "
            "pip install 'covey[skops]'."
        ) from None
    return io
