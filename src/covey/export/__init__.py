"""Fitted models as ONNX graphs, for systems in which there is no Covey."""
