"""Writing the trees as an ONNX file that the sensor runs."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from .trees import Forest


def build(forest: Forest, features: int, metadata: dict[str, str]) -> ModelProto:
    """Return the graph, from raw features to the score, with its card."""
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor",
            ["features"],
            ["sum"],
            name="trees",
            domain="ai.onnx.ml",
            **attributes(forest),
        ),
        helper.make_node("Mul", ["sum", "slope"], ["scaled"], name="scaled"),
        helper.make_node("Add", ["scaled", "offset"], ["logit"], name="logit"),
        helper.make_node("Sigmoid", ["logit"], ["score"], name="score"),
    ]
    constants = [
        numpy_helper.from_array(np.array([value], dtype=np.float32), name)
        for name, value in (("slope", forest.slope), ("offset", forest.offset))
    ]
    graph = helper.make_graph(
        nodes,
        "sensor",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, features])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, 1])],
        constants,
    )
    model = helper.make_model(
        graph,
        producer_name="sensor",
        opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 1)],
        ir_version=8,
    )
    helper.set_model_props(model, dict(sorted(metadata.items())))
    checker.check_model(model)
    return model


def attributes(forest: Forest) -> dict[str, object]:
    """Return the operator's attributes; covers, which explanations need, are its hit rates."""
    nodes = [
        (tree, number, node)
        for tree, members in enumerate(forest.trees)
        for number, node in enumerate(members)
    ]
    leaves = [(tree, number, node) for tree, number, node in nodes if node.feature < 0]
    return {
        "n_targets": 1,
        "post_transform": "NONE",
        "aggregate_function": "SUM",
        "nodes_treeids": [tree for tree, _, _ in nodes],
        "nodes_nodeids": [number for _, number, _ in nodes],
        "nodes_modes": ["LEAF" if node.feature < 0 else "BRANCH_LEQ" for _, _, node in nodes],
        "nodes_featureids": [max(node.feature, 0) for _, _, node in nodes],
        "nodes_values": [float(node.threshold) for _, _, node in nodes],
        "nodes_truenodeids": [node.low for _, _, node in nodes],
        "nodes_falsenodeids": [node.high for _, _, node in nodes],
        "nodes_hitrates": [float(node.cover) for _, _, node in nodes],
        "target_treeids": [tree for tree, _, _ in leaves],
        "target_nodeids": [number for _, number, _ in leaves],
        "target_ids": [0 for _ in leaves],
        "target_weights": [float(node.value) for _, _, node in leaves],
    }
