"""Fitted estimators in files: what is kept, and how it is put together again."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, TypeVar

import numpy as np
import sklearn
from sklearn.base import clone

from covey import __version__
from covey.archive import container, scikit_learn
from covey.assess.seen import Seen
from covey.distributions import LowRankMultivariateNormal, MultivariateNormal, MultivariateT
from covey.distributions.conformal import CalibrationSet
from covey.errors import ArtifactError, InputError
from covey.start.baseline import Baseline, regressor_name
from covey.start.mean_model import MeanModel
from covey.table import FeatureSchema

KIND = "JointRegressor"
LAYOUT = 2  # of what a file holds; another number is another meaning of the same names
DISTRIBUTIONS = {
    "normal": MultivariateNormal,
    "student_t": MultivariateT,
    "low_rank": LowRankMultivariateNormal,
}
OUT_OF_FOLD = "out_of_fold_"
REFERENCE = "reference_"
BASE = "base_"
BASELINE = "baseline_"
SEEN, SEEN_IN_CALIBRATION = "seen_", "seen_in_calibration_"

Model = TypeVar("Model")


def write(path: str | os.PathLike[str], model: Any, trusted: Collection[str] = ()) -> None:
    """Write a fitted estimator to one file, as a whole or not at all.

    Args:
        path: where to write; the folder must exist.
        model: the estimator.
        trusted: full names of types outside scikit-learn that its `base` may consist of.

    Raises:
        InputError: the file cannot be written there, or the `base` holds other types.
    """
    described, arrays = model.ensemble_.to_artifact()
    manifest = {
        "kind": KIND,
        "layout": LAYOUT,
        "family": model.family_,
        "family_scores": model.family_scores_,
        "written_by": __version__,
        "parameters": _plain_parameters(model),
        "features": model._schema.to_manifest(),
        "one_dimensional": model._flat,
        "out_of_fold_score": model.out_of_fold_score_,
        "out_of_fold_evaluation": model.out_of_fold_evaluation_,
        "ensemble": described,
    }
    manifest["out_of_fold_kept"] = hasattr(model, OUT_OF_FOLD)  # not if it was fitted to files
    if manifest["out_of_fold_kept"]:
        for name, array in model.out_of_fold_.to_arrays().items():
            arrays[OUT_OF_FOLD + name] = array
        arrays[OUT_OF_FOLD + "rows"] = model.out_of_fold_rows_
    manifest["calibration"] = model._reference.method
    for name, array in model._reference.to_arrays().items():
        arrays[REFERENCE + name] = array
    for name, array in model._baseline.to_arrays().items():
        arrays[BASELINE + name] = array
    for prefix, seen in ((SEEN, model._seen), (SEEN_IN_CALIBRATION, model._seen_in_calibration)):
        if seen is not None:
            arrays[prefix + "codes"], arrays[prefix + "scale"] = seen.codes, seen.scale
            manifest[prefix] = {"share": seen.share, "repeated": seen.repeated}
    if model.base_ is not None:
        manifest["base"] = {
            "described": " ".join(repr(model.base_[0]).split()),
            "scikit_learn": sklearn.__version__,
        }
        for member, content in enumerate(scikit_learn.to_bytes(model.base_, trusted)):
            arrays[f"{BASE}{member}"] = content
    container.write(path, manifest, arrays)


def read(
    path: str | os.PathLike[str], estimator: type[Model], trusted: Collection[str] = ()
) -> Model:
    """Read a fitted estimator back.

    Args:
        path: the file.
        estimator: its class.
        trusted: as in `write`.

    Returns:
        The fitted estimator.

    Raises:
        ArtifactError: the file is no Covey model, is damaged, or comes from a newer Covey.
        FileNotFoundError: there is no such file.
    """
    from covey.members.ensemble import Ensemble  # Keras: 3 to 10 s to import

    manifest, arrays = container.read(path)
    if manifest.get("kind") != KIND:
        raise ArtifactError(
            f"Expected a file that holds a {KIND}. {os.fspath(path)} holds: "
            f"{manifest.get('kind')!r}."
        )
    if (layout := manifest.get("layout", 1)) != LAYOUT:
        raise ArtifactError(
            f"Expected a model in layout {LAYOUT}. {os.fspath(path)} has layout {layout!r}, "
            f"written by Covey {manifest.get('written_by', 'unknown')}: load it with that version, "
            "or fit the model again."
        )
    try:
        parameters = manifest["parameters"]
        parameters["hidden_units"] = tuple(parameters["hidden_units"])
        model: Any = estimator(**parameters)
        model._schema = FeatureSchema.from_manifest(manifest["features"])
        model._flat = bool(manifest["one_dimensional"])
        model.ensemble_ = Ensemble.from_artifact(manifest["ensemble"], arrays)
        model.targets_ = model.ensemble_.targets
        model.n_features_in_ = len(model._schema.names)
        if model._schema.named:
            model.feature_names_in_ = np.array(model._schema.names, dtype=object)
        model.family_ = model.ensemble_.network.family_name
        scores = manifest["family_scores"]
        model.family_scores_ = {str(name): float(score) for name, score in scores.items()}
        model.out_of_fold_score_ = float(manifest["out_of_fold_score"])
        model.out_of_fold_evaluation_ = manifest["out_of_fold_evaluation"]
        kind = DISTRIBUTIONS[model.family_]
        if manifest.get("out_of_fold_kept", True):
            kept = _starting_with(OUT_OF_FOLD, arrays)
            model.out_of_fold_rows_ = kept.pop("rows")
            model.out_of_fold_ = kind(**kept, targets=model.targets_)
        kept = _starting_with(REFERENCE, arrays)
        values, weight = kept.pop("values"), kept.pop("weight", None)
        joint = kind(**kept, targets=model.targets_)
        model._reference = CalibrationSet(joint, values, str(manifest["calibration"]), weight)
        model._means = model.base_ = None
        if "base" in manifest:
            members = range(model.ensemble_.network.members)
            bases = scikit_learn.from_bytes([arrays[f"{BASE}{k}"] for k in members], trusted)
            model._means = MeanModel(tuple(bases), len(model.targets_))
            model.base_ = model._means.estimators
            model.base = clone(model.base_[0])  # as good for another fit as the one that was given
        model._seen = _seen(SEEN, manifest, arrays)
        known = SEEN_IN_CALIBRATION in manifest
        model._seen_in_calibration = _seen(SEEN_IN_CALIBRATION, manifest, arrays) if known else None
        model._baseline = Baseline.from_arrays(
            model.ensemble_.linear,
            _starting_with(BASELINE, arrays),
            None if model.base_ is None else regressor_name(model.base_[0]),
        )
        if model._schema.width not in (model.ensemble_.network.n_features, 0):
            raise InputError("the number of inputs")
    except ArtifactError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"Expected a complete {KIND}. {os.fspath(path)} lacks or garbles {error}; save the "
            "model again."
        ) from error
    return model


def _seen(prefix: str, manifest: dict[str, Any], arrays: dict[str, Any]) -> Seen:
    kept = manifest[prefix]
    shares = float(kept["share"]), float(kept["repeated"])
    return Seen(arrays[prefix + "codes"], arrays[prefix + "scale"], *shares)


def _starting_with(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _plain_parameters(model: Any) -> dict[str, Any]:
    """The parameters that a file can hold; the others go back to their defaults."""
    plain: dict[str, Any] = {}
    for name, value in model.get_params(deep=False).items():
        if name == "hidden_units":
            plain[name] = np.atleast_1d(value).tolist()
        elif isinstance(value, np.generic):
            plain[name] = value.item()
        elif value is None or isinstance(value, (bool, int, float, str)):
            plain[name] = value
    return plain
