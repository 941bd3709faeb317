"""`covey[onnx]`: a graph of a model that others trained, which a checker takes."""

import sys
from importlib.util import find_spec

import onnx

import covey

assert find_spec("jax") is None
covey.load(sys.argv[1]).write_onnx("model.onnx")
onnx.checker.check_model("model.onnx")
