"""An ONNX graph that grows node by node.

Opset 17 and ai.onnx.ml 3, in IR version 8, which are of 2022: so onnxruntime 1.20 of November 2024
reads files as later ones do. Only operators that onnxruntime has for doubles on a CPU are used on
doubles: it lacks Erf, Elu and Softplus, and 1.20 lacks Cos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.errors import InputError
from covey.export.library import onnx

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
ML = "ai.onnx.ml"
ROWS = "N"  # what graphs call the number of rows, which each call has its own of
LARGEST = 2**31 - 1  # bytes of a file, of which protobuf can make no more

Constant = NDArray[Any] | np.generic
Value = str | Constant  # the name of a value of the graph, or a constant


class Graph:
    """Nodes, constants, inputs and outputs; a value is known by its name.

    Names of values inside begin with "/", so that they are none of an input or output.
    """

    def __init__(self) -> None:
        self._onnx = onnx()
        self._nodes: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], tuple[str, Any]] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, kind: type, width: int) -> str:
        """A new input of the graph.

        Args:
            name: of it.
            kind: of its cells, `float` for doubles, or `str`.
            width: W; its shape is (N, W).

        Returns:
            The name.
        """
        types = self._onnx.TensorProto
        element = types.STRING if kind is str else types.DOUBLE
        shape: list[Any] = [ROWS, width]
        self._inputs.append(self._onnx.helper.make_tensor_value_info(name, element, shape))
        return name

    def output(self, name: str, value: str, *shape: int) -> None:
        """Make a value, of doubles of shape (N, ...), an output of the graph."""
        self._nodes.append(
            self._onnx.helper.make_node("Identity", [value], [name], name=f"/{name}")
        )
        info = self._onnx.helper.make_tensor_value_info
        self._outputs.append(info(name, self._onnx.TensorProto.DOUBLE, [ROWS, *shape]))

    def constant(self, array: Constant) -> str:
        """The name of a constant; equal ones are stored once."""
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._constants:
            name = f"/constant/{len(self._constants)}"
            self._constants[key] = name, self._onnx.numpy_helper.from_array(array, name)
        return self._constants[key][0]

    def op(self, kind: str, *inputs: Value, domain: str = "", **attributes: Any) -> str:
        """Add a node of one output.

        Args:
            kind: of operator, as ONNX calls it.
            inputs: of the node.
            domain: of the operator.
            attributes: of the node.

        Returns:
            The name of its output.
        """
        names = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        output = f"/{kind}/{len(self._nodes)}"
        make = self._onnx.helper.make_node
        # named, since onnxruntime 1.20 names what it fuses after its nodes, and no name twice
        named = {"name": output, "domain": domain or None}
        self._nodes.append(make(kind, names, [output], **named, **attributes))
        return output

    def tensor(self, array: NDArray[Any]) -> Any:
        """An array as the value of an attribute."""
        return self._onnx.numpy_helper.from_array(np.ascontiguousarray(array))

    def double(self, value: str) -> str:
        """A value in double precision."""
        return self.op("Cast", value, to=self._onnx.TensorProto.DOUBLE)

    def single(self, value: str) -> str:
        """A value in single precision, rounded to the nearest, as NumPy does."""
        return self.op("Cast", value, to=self._onnx.TensorProto.FLOAT)

    def last(self, value: str, start: int, stop: int) -> str:
        """A part of the last axis."""
        ends = (np.array([end], dtype=np.int64) for end in (start, stop, -1))
        return self.op("Slice", value, *ends)

    def reshaped(self, value: str, *shape: int) -> str:
        """A value in another shape, in which 0 stands for an axis that stays."""
        return self.op("Reshape", value, np.array(shape, dtype=np.int64))

    def unsqueezed(self, value: str, *axes: int) -> str:
        """A value with axes of length 1 put in."""
        return self.op("Unsqueeze", value, np.array(axes, dtype=np.int64))

    def total(self, value: str, *axes: int, keep: bool = False) -> str:
        """The sum over some axes."""
        return self.op("ReduceSum", value, np.array(axes, dtype=np.int64), keepdims=int(keep))

    def squared(self, value: str) -> str:
        """The square of a value."""
        return self.op("Mul", value, value)

    def clipped(self, value: str, low: Constant, high: Constant) -> str:
        """A value held between two bounds of its own type, of any shape that fits."""
        return self.op("Min", self.op("Max", value, low), high)

    def model(self, metadata: Mapping[str, str], version: str) -> Any:
        """The graph as ONNX has it.

        Args:
            metadata: texts by name, to be stored with it.
            version: of Covey.

        Returns:
            An `onnx.ModelProto`.

        Raises:
            InputError: it is larger than an ONNX file can be.
        """
        helper = self._onnx.helper
        constants = [tensor for _, tensor in self._constants.values()]
        size = sum(tensor.ByteSize() for tensor in constants)
        if size > LARGEST:
            raise InputError(
                f"Expected a model of at most 2 GB, which an ONNX file can hold. Received one of "
                f"{size / 1e9:.1f} GB. Fit one of fewer members, targets or hidden units."
            )
        graph = helper.make_graph(
            self._nodes, "covey", self._inputs, self._outputs, initializer=constants
        )
        opsets: Sequence[Any] = [
            helper.make_opsetid("", OPSET),
            helper.make_opsetid(ML, ML_OPSET),
        ]
        model = helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=IR_VERSION,
            producer_name="covey",
            producer_version=version,
        )
        helper.set_model_props(model, dict(metadata))
        return model
