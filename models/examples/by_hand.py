"""Edits a model by hand, with Python's onnx package alone: a threshold, a weight, the whole graph.

    python3 by_hand.py process.onnx FOLDER

writes three models into FOLDER that the sensor takes: `threshold.onnx`, `weight.onnx` and
`graph.onnx`. On Debian the package is python3-onnx.
"""

import json
import math
import struct
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper


def metadata(model):
    """Return the metadata as a dictionary of strings."""
    return {entry.key: entry.value for entry in model.metadata_props}


def write(model, changes, path):
    """Write the model with other metadata."""
    helper.set_model_props(model, {**metadata(model), **changes})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def sigmoid(logit):
    """Return the score of a logit."""
    return 1 / (1 + math.exp(-logit))


def golden(model, score):
    """Return the golden vectors with what `score` gives for their rows.

    The sensor refuses a model that does not compute what its golden vectors say: whoever changes
    what it computes says so by changing them, too.
    """
    vectors = json.loads(metadata(model)["sensor.golden"])
    changed = [{**vector, "score": score(vector)} for vector in vectors]
    return {"sensor.golden": json.dumps(changed)}


def other_threshold(source, path):
    """Alert from a score of 0.8 on. Nothing else changes."""
    model = onnx.load(source)
    write(model, {"sensor.threshold.alert": "0.8", "sensor.model.version": "by-hand"}, path)


def other_weight(source, path):
    """Find every process a little more suspicious: the logit's offset grows by a half."""
    model = onnx.load(source)
    (offset,) = [constant for constant in model.graph.initializer if constant.name == "offset"]
    (old,) = struct.unpack("<f", offset.raw_data)
    offset.raw_data = struct.pack("<f", old + 0.5)

    def score(vector):
        before = min(max(vector["score"], 1e-7), 1 - 1e-7)
        return sigmoid(math.log(before / (1 - before)) + 0.5)

    write(model, {**golden(model, score), "sensor.model.version": "by-hand"}, path)


# What the graph of one's own looks at: the weight of each feature, and what is added.
WEIGHTS = {"exe.memfd": 3.0, "exe.deleted": 1.0, "own.secret_reads": 1.5, "stdin.socket": 2.0}
OFFSET = -4.0


def other_graph(source, path):
    """Put a logistic regression in the place of the trees."""
    model = onnx.load(source)
    names = json.loads(metadata(model)["sensor.schema.features"])
    weights = [WEIGHTS.get(name, 0.0) for name in names]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "weights"], ["sum"], name="sum"),
            helper.make_node("Add", ["sum", "offset"], ["logit"], name="logit"),
            helper.make_node("Sigmoid", ["logit"], ["score"], name="score"),
        ],
        "by hand",
        list(model.graph.input),
        list(model.graph.output),
        [
            helper.make_tensor("weights", TensorProto.FLOAT, [len(names), 1], weights),
            helper.make_tensor("offset", TensorProto.FLOAT, [1], [OFFSET]),
        ],
    )

    def score(vector):
        return sigmoid(sum(map(float.__mul__, weights, map(float, vector["row"]))) + OFFSET)

    changes = golden(model, score)
    model.graph.CopyFrom(graph)
    changes |= {
        "sensor.model.name": "by-hand",
        "sensor.model.version": "1",
        "sensor.threshold.alert": "0.5",
        "sensor.threshold.kill": "0.95",
        "sensor.note.gaps": json.dumps(["Four features, weighed by hand."]),
    }
    write(model, changes, path)


def main():
    """Write the three models."""
    source, folder = sys.argv[1], Path(sys.argv[2])
    other_threshold(source, folder / "threshold.onnx")
    other_weight(source, folder / "weight.onnx")
    other_graph(source, folder / "graph.onnx")


if __name__ == "__main__":
    main()
