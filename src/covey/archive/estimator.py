"""Fitted models to files and back: what a file holds, and how it is read."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.base import clone

from covey import __version__
from covey.archive import container, scikit_learn
from covey.assess.fingerprints import Fingerprints
from covey.distributions.conformal import CalibrationSet
from covey.distributions.internals import transformed
from covey.distributions.transform import Clip, Transform
from covey.distributions.transforms import Transforms, from_manifest
from covey.errors import ArtifactError
from covey.members.fitted_model import FittedModel
from covey.start.baseline import Baseline, regressor_name
from covey.start.mean_model import MeanModel
from covey.table import Declared, FeatureSchema, TargetText
from covey.types import Snapshot

KIND = "JointRegressor"
LAYOUT = 2  # another number means that the same names stand for something else
TRANSFORMED = 3  # here arrays are of latent variables; entries as in 2, and `transforms`
STACKED = 4  # here trees share in the means; entries as in 2, and `transforms` if there are any
CAUTIOUS = 5  # here blocks of rows count, in predictions or regions; entries as in 2 to 4
# prefixes of the names of arrays, and names of entries of the manifest
OUT_OF_FOLD = "out_of_fold_"
REFERENCE = "reference_"
BASE = "base_"
BASELINE = "baseline_"
AS_BEFORE = ("transform", None), ("trees", "auto")  # parameters that earlier Coveys lacked
MANIFEST = Clip().to_manifest().keys()  # of a transform
SEEN, SEEN_IN_CALIBRATION = "seen_", "seen_in_calibration_"


def write(
    path: str | os.PathLike[str],
    fitted: FittedModel,
    parameters: Mapping[str, Any],
    trusted: Collection[str] = (),
) -> None:
    """Write a fitted model to one file, as a whole or not at all.

    Args:
        path: where to write; the folder must exist.
        fitted: the model.
        parameters: those of the estimator that was fitted, by name; those that are neither numbers
            nor text are left out.
        trusted: full names of types outside scikit-learn that its `base` may consist of.

    Raises:
        InputError: the file cannot be written there, or the `base` holds other types.
    """
    described, arrays = fitted.ensemble.snapshot()
    manifest = {
        "kind": KIND,
        "layout": _layout(fitted),
        "family": fitted.family,
        "family_scores": fitted.family_scores,
        "written_by": __version__,
        "parameters": _plain(parameters),
        "features": fitted.schema.to_manifest(),
        "one_dimensional": fitted.one_dimensional,
        "out_of_fold_score": fitted.out_of_fold_score,
        "out_of_fold_evaluation": fitted.evaluation,
        "out_of_fold_kept": fitted.out_of_fold is not None,
        "calibration": fitted.calibration_set.method,
        "ensemble": described,
    }
    if fitted.target_texts:
        manifest["target_texts"] = [text.to_manifest() for text in fitted.target_texts]
    if fitted.transforms:
        manifest["transforms"] = fitted.transforms.to_manifest()
    if fitted.out_of_fold is not None:
        arrays |= _prefixed(OUT_OF_FOLD, fitted.out_of_fold.to_arrays())
        arrays[OUT_OF_FOLD + "rows"] = np.asarray(fitted.out_of_fold_rows)
    arrays |= _prefixed(REFERENCE, fitted.calibration_set.to_arrays())
    arrays |= _prefixed(BASELINE, fitted.baseline.to_arrays())
    both = {
        SEEN: fitted.training_fingerprints,
        SEEN_IN_CALIBRATION: fitted.calibration_fingerprints,
    }
    for prefix, fingerprints in both.items():
        if fingerprints is not None:
            arrays |= _prefixed(prefix, {"codes": fingerprints.codes, "scale": fingerprints.scale})
            manifest[prefix] = {"share": fingerprints.share, "repeated": fingerprints.repeated}
    if fitted.mean_model is not None:
        manifest["base"] = {
            "described": fitted.mean_model.description,
            "scikit_learn": sklearn.__version__,
        }
        contents = scikit_learn.to_bytes(fitted.mean_model.estimators, trusted)
        arrays |= {f"{BASE}{member}": content for member, content in enumerate(contents)}
    container.write(path, manifest, arrays)


def read(
    path: str | os.PathLike[str], trusted: Collection[str] = ()
) -> tuple[FittedModel, dict[str, Any]]:
    """Read a fitted model back.

    Args:
        path: the file.
        trusted: as in `write`.

    Returns:
        (fitted, parameters): the model, and the parameters of its estimator that the file holds.

    Raises:
        ArtifactError: the file is no Covey model, is damaged, or comes from a newer Covey.
        FileNotFoundError: there is no such file.
    """
    manifest, arrays = container.read(path)
    if manifest.get("kind") != KIND:
        raise ArtifactError(
            f"Expected a file that holds a {KIND}. {os.fspath(path)} holds: "
            f"{manifest.get('kind')!r}."
        )
    if (layout := manifest.get("layout", 1)) not in (LAYOUT, TRANSFORMED, STACKED, CAUTIOUS):
        raise ArtifactError(
            f"Expected a model in layout {LAYOUT} to {CAUTIOUS}. {os.fspath(path)} has layout "
            f"{layout!r}, written by Covey {manifest.get('written_by', 'unknown')}: load it with "
            "that version, or fit the model again."
        )
    try:
        fitted = _fitted(manifest, arrays, trusted)
        parameters = dict(manifest["parameters"])
        parameters["hidden_units"] = tuple(parameters["hidden_units"])
        if "transform" in parameters:
            parameters["transform"] = _asked_for(parameters["transform"])
    except ArtifactError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise incomplete(path, error) from error
    if fitted.mean_model is not None:  # unfitted, so that the estimator can be fitted again
        parameters["base"] = clone(fitted.mean_model.estimators[0])
    return fitted, parameters


def incomplete(path: str | os.PathLike[str], error: Exception) -> ArtifactError:
    """The error for a file whose entries are lacking or do not fit, from what reading it raised."""
    return ArtifactError(
        f"Expected a complete {KIND}. {os.fspath(path)} lacks or garbles {error}; save the model "
        "again."
    )


def _fitted(
    manifest: dict[str, Any], arrays: dict[str, NDArray[Any]], trusted: Collection[str]
) -> FittedModel:
    from covey.members.ensemble import Ensemble  # Keras: 3 to 10 s to import

    schema = FeatureSchema.from_manifest(manifest["features"])
    ensemble = Ensemble.restored(Snapshot(manifest["ensemble"], arrays))
    architecture, targets = ensemble.architecture, ensemble.targets
    if schema.width not in (architecture.n_features, 0):
        raise ValueError("the number of inputs")
    distribution: Any = architecture.classes.read
    scores = {str(name): float(score) for name, score in manifest["family_scores"].items()}
    if architecture.family_name not in scores:
        raise ValueError("the score of its family")
    transforms = out_of_fold = out_of_fold_rows = mean_model = None
    if manifest.get("layout") == TRANSFORMED or "transforms" in manifest:
        transforms = Transforms.from_manifest(manifest["transforms"])
        if len(transforms.each) != len(targets):
            raise ValueError("the number of transforms")
    if manifest.get("out_of_fold_kept", True):
        kept = _starting_with(OUT_OF_FOLD, arrays)
        out_of_fold_rows = kept.pop("rows")
        out_of_fold = transformed(distribution(targets=targets, **kept), transforms)
    kept = _starting_with(REFERENCE, arrays)
    values, weight, blocks = kept.pop("values"), kept.pop("weight", None), kept.pop("blocks", None)
    if values.dtype != np.float64 or np.isinf(values).any():
        raise ValueError("the values of its calibration rows")
    if blocks is not None and (
        blocks.shape != values.shape[:1]
        or blocks.dtype != np.int64
        or not np.isin(blocks, np.arange(architecture.members)).all()
    ):
        raise ValueError("the blocks of its calibration rows")
    joint = distribution(targets=targets, **kept)
    if "base" in manifest:
        contents = [arrays[f"{BASE}{member}"] for member in range(architecture.members)]
        bases = scikit_learn.from_bytes(contents, trusted)
        mean_model = MeanModel(tuple(bases), len(targets))
    texts = tuple(map(TargetText.from_manifest, manifest.get("target_texts", ())))
    if texts and len(texts) != len(targets):
        raise ValueError("how targets are written")
    return FittedModel(
        schema=schema,
        one_dimensional=bool(manifest["one_dimensional"]),
        ensemble=ensemble,
        mean_model=mean_model,
        family_scores=scores,
        evaluation=manifest["out_of_fold_evaluation"],
        baseline=replace(
            Baseline.from_arrays(
                ensemble.linear,
                _starting_with(BASELINE, arrays),
                None if mean_model is None else regressor_name(mean_model.estimators[0]),
            ),
            transforms=transforms,
        ),
        calibration_set=CalibrationSet(joint, values, str(manifest["calibration"]), weight, blocks),
        training_fingerprints=_fingerprints(SEEN, manifest, arrays),
        calibration_fingerprints=(
            _fingerprints(SEEN_IN_CALIBRATION, manifest, arrays)
            if SEEN_IN_CALIBRATION in manifest
            else None
        ),
        out_of_fold=out_of_fold,
        out_of_fold_rows=out_of_fold_rows,
        transforms=transforms,
        target_texts=texts,
    )


def _layout(fitted: FittedModel) -> int:
    """The layout of its file: an earlier Covey must not read past what it does not know."""
    if fitted.ensemble.caution is not None or fitted.calibration_set.blocks is not None:
        return CAUTIOUS
    if fitted.ensemble.stack is not None:
        return STACKED
    return TRANSFORMED if fitted.transforms else LAYOUT


def _fingerprints(prefix: str, manifest: dict[str, Any], arrays: dict[str, Any]) -> Fingerprints:
    kept = manifest[prefix]
    shares = float(kept["share"]), float(kept["repeated"])
    return Fingerprints(arrays[prefix + "codes"], arrays[prefix + "scale"], *shares)


def _prefixed(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: array for name, array in arrays.items()}


def _starting_with(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _transform(given: Any) -> Any:
    """A transform that a user asked for: its name, or all that an object of his holds."""
    return given.to_manifest() if isinstance(given, Transform) else given


def _asked_for(plain: Any) -> Any:
    """The parameter `transform` of what a file holds of it."""
    if not isinstance(plain, Mapping):
        return plain
    if plain.keys() == MANIFEST and isinstance(plain["unit"], float):  # of targets it holds text
        return from_manifest(plain)
    return {target: _asked_for(one) for target, one in plain.items()}


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a file can hold; the others go back to their defaults."""
    said = Declared.of(parameters.get("categorical"), parameters.get("dates"))
    plain: dict[str, Any] = said.plain
    for name, value in parameters.items():
        if name in ("categorical", "dates"):
            continue
        if name == "hidden_units":
            plain[name] = np.atleast_1d(value).tolist()
        elif name == "transform" and isinstance(value, Mapping):
            plain[name] = {str(target): _transform(one) for target, one in value.items()}
        elif name == "transform" and value is not None:
            plain[name] = _transform(value)
        elif (name, value) in AS_BEFORE:
            continue
        elif isinstance(value, np.generic):
            plain[name] = value.item()
        elif value is None or isinstance(value, (bool, int, float, str)):
            plain[name] = value
    return plain
