"""What a model file holds, in words; Keras is not imported."""

import os
from collections.abc import Mapping
from typing import Any

from covey.archive import container
from covey.assess.summary import (
    FEW_BLOCKS,
    REGIONS,
    TREES,
    caution_sentence,
    family_sentence,
    trees_sentence,
)
from covey.errors import ArtifactError, counted
from covey.table import FeatureSchema


def describe(path: str | os.PathLike[str]) -> dict[str, str]:
    """Describe a file that `JointRegressor.save` wrote.

    Args:
        path: the file.

    Returns:
        Mapping of a name to its value, in the order to show them.

    Raises:
        ArtifactError: the file is no Covey model, is damaged, or comes from a newer Covey.
        FileNotFoundError: there is no such file.
    """
    manifest, arrays = container.read(path)
    try:
        features = FeatureSchema.from_manifest(manifest["features"])
        network = manifest["ensemble"]["network"]
        units = "-".join(str(width) for width in network["hidden_units"])
        return {
            "kind": manifest["kind"],
            "family": family_sentence(
                manifest["parameters"]["family"],
                manifest["family"],
                manifest["family_scores"],
                len(manifest["ensemble"]["targets"]),
            ).removeprefix("family "),
            **_trees(manifest["out_of_fold_evaluation"]),
            **_few_blocks(manifest["out_of_fold_evaluation"], manifest["family"]),
            "targets": ", ".join(manifest["ensemble"]["targets"]),
            "features": f"{counted(len(features.names), 'column')}, read as",
            **{f"  {name}": how for name, how in features.described.items()},
            "inputs": f"{counted(features.width, 'number')} per row",
            "members": f"{counted(network['members'], 'network')} of {units} units",
            **({"base": manifest["base"]["described"]} if "base" in manifest else {}),
            "out-of-fold rows": (
                str(len(arrays["out_of_fold_rows"]))
                if manifest.get("out_of_fold_kept", True)
                else f"a sample of {manifest['out_of_fold_evaluation']['of_rows']}"
            ),
            "out-of-fold score": f"{manifest['out_of_fold_score']:.4f} nats per row",
            "calibrated on": REGIONS[manifest["calibration"]],
            "written by": f"Covey {manifest['written_by']}",
        }
    except (KeyError, TypeError) as error:
        raise ArtifactError(
            f"Expected the description of a fitted model. {os.fspath(path)} lacks {error}; save "
            "the model again."
        ) from error


def _trees(figures: Mapping[str, Any]) -> dict[str, str]:
    """In which means boosted trees share."""
    lines = trees_sentence(figures.get("trees", {}))
    return {"trees": lines[0].removeprefix(TREES)} if lines else {}


def _few_blocks(figures: Mapping[str, Any], family: str) -> dict[str, str]:
    """How predictions are held back, where blocks of rows were held out."""
    lines = caution_sentence(figures.get("caution"), family)
    return {"few blocks": lines[0].removeprefix(FEW_BLOCKS)} if lines else {}
