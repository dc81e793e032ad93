"""Writing the network as an ONNX file that tract runs."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from .network import Network


def build(network: Network, metadata: dict[str, str]) -> ModelProto:
    """Return the graph, from raw features to the score, with its card."""
    count = len(network.mean)
    constants: list[TensorProto] = []
    nodes = []

    def constant(name: str, value: np.ndarray | float) -> str:
        array = np.asarray(value, dtype=np.float32)
        constants.append(numpy_helper.from_array(np.atleast_1d(array), name))
        return name

    def node(operator: str, inputs: list[str], output: str) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], name=output))
        return output

    # min(x, limit) as x - relu(x - limit): one operator less that tract must know.
    above = node("Sub", ["features", constant("limit", network.limit)], "above")
    excess = node("Relu", [above], "excess")
    limited = node("Sub", ["features", excess], "limited")
    centred = node("Sub", [limited, constant("mean", network.mean)], "centred")
    value = node("Mul", [centred, constant("scale", network.scale)], "standardised")
    last = len(network.layers) - 1
    for number, (weights, bias) in enumerate(network.layers):
        names = [constant(f"weights{number}", weights), constant(f"bias{number}", bias)]
        value = node("Gemm", [value, *names], f"layer{number}")
        if number < last:
            value = node("Relu", [value], f"active{number}")
    value = node("Mul", [value, constant("slope", network.slope)], "scaled")
    value = node("Add", [value, constant("offset", network.offset)], "logit")
    node("Sigmoid", [value], "score")
    graph = helper.make_graph(
        nodes,
        "sensor",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, count])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, 1])],
        constants,
    )
    model = helper.make_model(
        graph, producer_name="sensor", opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    helper.set_model_props(model, dict(sorted(metadata.items())))
    checker.check_model(model)
    return model
