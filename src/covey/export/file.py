"""A fitted model as an ONNX file."""

from __future__ import annotations

import os
from typing import Any

from covey import __version__
from covey.arguments.destination import destination, write_whole
from covey.errors import InputError
from covey.export.combination import OUTPUTS, Combination
from covey.export.components import Components
from covey.export.encoding import matrices
from covey.export.graph import Graph
from covey.export.inputs import add_inputs
from covey.export.library import onnx
from covey.export.metadata import metadata
from covey.members.fitted_model import FittedModel
from covey.table.cells import listed


def write(path: str | os.PathLike[str], fitted: FittedModel) -> None:
    """Write a fitted model as an ONNX file, as a whole or not at all.

    Args:
        path: where to write; the folder must exist.
        fitted: the model.

    Raises:
        InputError: the file cannot be written there, the model has parts that ONNX cannot express,
            or the package onnx is not installed. Nothing is written then.
    """
    destination(path)
    content = model_of(fitted).SerializeToString()
    write_whole(path, lambda stream: stream.write(content), "an ONNX file")


def model_of(fitted: FittedModel) -> Any:
    """A fitted model as ONNX has it.

    Args:
        fitted: the model.

    Returns:
        An `onnx.ModelProto`.

    Raises:
        InputError: the model has parts that ONNX cannot express, or onnx is not installed.
    """
    _refuse(fitted)
    graph, ensemble = Graph(), fitted.ensemble
    features = add_inputs(graph, fitted.schema, OUTPUTS)
    matrix, followed = matrices(graph, features, fitted.schema.reach)
    parts = Components.of(graph, ensemble, matrix, followed)
    Combination.of(graph, ensemble, parts).add_outputs()
    return graph.model(metadata(fitted, features), __version__)


def described(path: str | os.PathLike[str]) -> str:
    """Inputs and outputs of an ONNX file, in a sentence for people."""
    graph = onnx().load(os.fspath(path)).graph
    inputs, outputs = ([value.name for value in part] for part in (graph.input, graph.output))
    return f"inputs {listed(inputs)}; outputs {listed(outputs)}"


def _refuse(fitted: FittedModel) -> None:
    """Refuse models whose predictions a graph of the networks would not give."""
    if fitted.mean_model is not None:
        raise InputError(
            "Expected a model without `base`, since a regressor of any kind has no ONNX form that "
            f"Covey knows. Received: base={fitted.mean_model.description}. Export it with its own "
            "tools, such as skl2onnx; or fit without `base`: trees of Covey's own are exported."
        )
    if fitted.transforms:
        names = [
            repr(target)
            for target, one in zip(fitted.targets, fitted.transforms.each, strict=True)
            if one is not None
        ]
        raise InputError(
            "Expected a model of targets as they are: mean and covariance of transformed ones are "
            f"integrals, which a graph cannot hold. Received: `transform` for {', '.join(names)}. "
            "Fit to targets that are transformed before, and without `transform`: the graph then "
            "gives mean and covariance of these, whose quantiles and samples can be turned back."
        )
