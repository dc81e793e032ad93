"""Makes the small tree models that the sensor's operator is compared with onnxruntime on.

    python3 -m venv /tmp/vectors && /tmp/vectors/bin/pip install -r models/tests/requirements.txt
    /tmp/vectors/bin/python models/tests/tree_vectors.py

Writes to models/data/trees, for each model, NAME.onnx.z and NAME.answers.z, both in zlib's format.
The second is what onnxruntime gave for ROWS rows, as float32: output after output, row after row;
all first bytes of the little-endian numbers, then all second ones and so on, which packs better.
The rows themselves are made by a counter that the Rust test has too: see `rows`.

onnxruntime runs with one thread, so that it adds the trees up in the order of the file; with more
it adds up in parts, whose number depends on the machine.
"""

import itertools
import pathlib
import zlib

import lightgbm
import numpy
import onnx
import onnxmltools
import onnxruntime
import skl2onnx
import xgboost
from onnx import TensorProto, helper
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
)

WIDTH = 24
ROWS = 10_000
# There are many outputs in the file of forms.
FORM_ROWS = 48
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "trees"
SEED = 0x5EED
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def mixed(counter):
    """Steele, Lea and Flood's SplitMix64 at a place of its sequence."""
    with numpy.errstate(over="ignore"):
        z = (counter + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        return z ^ (z >> numpy.uint64(31))


def rows(count, seed=SEED):
    """Rows of sixteenths from -2 to 6, so that many values lie exactly on thresholds; with zeros of
    both signs, NaN, infinities, and the small number that LightGBM splits zero from the rest at."""
    index = numpy.arange(count * WIDTH, dtype=numpy.uint64)
    bits = mixed(index + numpy.uint64(seed << 32))
    kind = (bits & numpy.uint64(31)).astype(int)
    step = ((bits >> numpy.uint64(8)) % numpy.uint64(129)).astype(numpy.float32)
    value = step / numpy.float32(16) - numpy.float32(2)
    value[kind < 8] = 0.0
    value[kind == 8] = -0.0
    value[kind == 9] = numpy.nan
    value[kind == 10] = numpy.inf
    value[kind == 11] = -numpy.inf
    value[kind == 12] = numpy.float32(1.0000000180025095e-35)
    return value.reshape(count, WIDTH)


class Dice:
    """Numbers for hand-made models, the same in every run."""

    def __init__(self, seed):
        self.state = numpy.uint64(seed << 20)

    def below(self, limit):
        self.state += numpy.uint64(1)
        return int(mixed(self.state) % numpy.uint64(limit))


def ensemble(dice, prefix, targets, modes, *, trees=3, depth=3, missing=None, weight_of, used):
    """Attributes of a random ensemble. `weight_of` draws a weight; `used` are the targets."""
    node = {key: [] for key in ["treeids", "nodeids", "featureids", "modes", "values", "truenodeids",
                                "falsenodeids", "missing_value_tracks_true", "hitrates"]}
    leaf = {key: [] for key in ["treeids", "nodeids", "ids", "weights"]}

    def add(tree, level):
        number = sum(1 for each in node["treeids"] if each == tree)
        # A leaf now and then before the last level: trees are not all full.
        ends = level == depth or (level > 0 and dice.below(6) == 0)
        mode = "LEAF" if ends else modes[dice.below(len(modes))]
        place = len(node["treeids"])
        for key, value in [
            ("treeids", tree), ("nodeids", number), ("modes", mode),
            ("featureids", 0 if ends else dice.below(WIDTH)),
            ("values", 0.0 if ends else dice.below(33) / 8 - 1),
            ("truenodeids", 0), ("falsenodeids", 0),
            ("missing_value_tracks_true", 0 if ends or missing is None else dice.below(2)),
            ("hitrates", float(1 + dice.below(9))),
        ]:
            node[key].append(value)
        if ends:
            # A leaf has a weight for each target, or for one.
            chosen = used if dice.below(3) else [used[dice.below(len(used))]]
            for target in chosen:
                leaf["treeids"].append(tree)
                leaf["nodeids"].append(number)
                leaf["ids"].append(target)
                leaf["weights"].append(weight_of(dice))
        else:
            node["truenodeids"][place] = add(tree, level + 1)
            node["falsenodeids"][place] = add(tree, level + 1)
        return number

    for tree in range(trees):
        add(tree, 0)
    if missing is None:
        del node["missing_value_tracks_true"]
    attributes = {f"nodes_{key}": value for key, value in node.items()}
    attributes.update({f"{prefix}_{key}": value for key, value in leaf.items()})
    return attributes


def mixed_sign(dice):
    return (dice.below(2001) - 1000) / 700


def positive(dice):
    return dice.below(1000) / 3000


def forms():
    """One graph with an operator for each form that a file can have."""
    nodes, outputs = [], []
    dice = Dice(7)

    def add(kind, attributes, targets, name):
        labels = kind == "TreeEnsembleClassifier"
        names = ([f"{name}.label"] if labels else []) + [name]
        nodes.append(helper.make_node(kind, ["X"], names, name=name, domain="ai.onnx.ml",
                                      **attributes))
        if labels:
            kind = TensorProto.STRING if "classlabels_strings" in attributes else TensorProto.INT64
            outputs.append(helper.make_tensor_value_info(names[0], kind, [None]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, targets]))

    for modes in [[mode] for mode in MODES] + [MODES]:
        for missing in [None, True]:
            attributes = ensemble(dice, "target", 1, modes, missing=missing, weight_of=mixed_sign,
                                  used=[0], trees=11, depth=4)
            label = modes[0] if len(modes) == 1 else "all"
            add("TreeEnsembleRegressor", {**attributes, "n_targets": 1}, 1,
                f"mode.{label}.{'missing' if missing else 'plain'}")
    for aggregate, transform, targets, based in itertools.product(
        ["SUM", "AVERAGE", "MIN", "MAX"],
        ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"],
        [1, 3],
        [False, True],
    ):
        draw = positive if transform == "PROBIT" else mixed_sign
        attributes = ensemble(dice, "target", targets, MODES, missing=True, weight_of=draw,
                              used=list(range(targets)))
        if based:
            attributes["base_values"] = [0.125 * (1 + each) for each in range(targets)]
        attributes.update(n_targets=targets, aggregate_function=aggregate, post_transform=transform)
        add("TreeEnsembleRegressor", attributes, targets,
            f"{aggregate}.{transform}.{targets}.{'base' if based else 'plain'}")
    for used, base, draw, transform in itertools.product(
        [[0], [1], [0, 1]],
        [0, 1, 2],
        [positive, mixed_sign],
        ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"],
    ):
        attributes = ensemble(dice, "class", 2, MODES, missing=True, weight_of=draw, used=used)
        if base:
            attributes["base_values"] = [0.0625 * (1 + each) for each in range(base)]
        attributes["post_transform"] = transform
        # With weights for both classes onnxruntime gives 0 or 1, whatever the labels are; the sensor's
        # operator gives the labels.
        attributes["classlabels_int64s"] = [0, 1] if len(used) == 2 else [3, 7]
        add("TreeEnsembleClassifier", attributes, 2,
            f"binary.{''.join(map(str, used))}.{base}.{draw.__name__}.{transform}")
    for base, transform in itertools.product(
        [0, 3], ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]
    ):
        draw = positive if transform == "PROBIT" else mixed_sign
        attributes = ensemble(dice, "class", 3, MODES, missing=True, weight_of=draw, used=[0, 1, 2])
        if base:
            attributes["base_values"] = [0.0625 * (1 + each) for each in range(base)]
        attributes["post_transform"] = transform
        attributes["classlabels_strings"] = ["low", "middle", "high"]
        add("TreeEnsembleClassifier", attributes, 3, f"classes.{base}.{transform}")
    return nodes, outputs


def version_five():
    """The newer operator, which has leaves apart and several targets in one list."""
    dice = Dice(11)
    nodes, outputs = [], []
    for modes, targets, aggregate, transform in itertools.product(
        # Not the transforms 1 and 2: what ONNX calls the one is the other in onnxruntime.
        [[0], [3], list(range(6))], [1, 3], [0, 1, 2, 3], [0, 3]
    ):
        node = {key: [] for key in ["featureids", "splits", "modes", "truenodeids", "falsenodeids",
                                    "trueleafs", "falseleafs", "missing_value_tracks_true"]}
        leaves = {"targetids": [], "weights": []}
        roots = []

        def add(level):
            place = len(node["modes"])
            for key, value in [
                ("featureids", dice.below(WIDTH)), ("splits", dice.below(33) / 8 - 1),
                ("modes", modes[dice.below(len(modes))]),
                ("missing_value_tracks_true", dice.below(2)), ("truenodeids", 0),
                ("falsenodeids", 0), ("trueleafs", 0), ("falseleafs", 0),
            ]:
                node[key].append(value)
            for side in ["true", "false"]:
                if level == 2 or dice.below(4) == 0:
                    node[f"{side}leafs"][place] = 1
                    node[f"{side}nodeids"][place] = len(leaves["weights"])
                    leaves["targetids"].append(dice.below(targets))
                    leaves["weights"].append(mixed_sign(dice))
                else:
                    node[f"{side}nodeids"][place] = add(level + 1)
            return place

        for _ in range(9):
            roots.append(add(0))
        name = f"five.{len(modes)}{modes[0]}.{targets}.{aggregate}.{transform}"
        tensor = lambda key, kind, values: helper.make_tensor(key, kind, [len(values)], values)
        nodes.append(helper.make_node(
            "TreeEnsemble", ["X"], [name], name=name, domain="ai.onnx.ml",
            aggregate_function=aggregate, post_transform=transform, n_targets=targets,
            tree_roots=roots,
            nodes_featureids=node["featureids"],
            nodes_splits=tensor("nodes_splits", TensorProto.FLOAT, node["splits"]),
            nodes_modes=tensor("nodes_modes", TensorProto.UINT8, node["modes"]),
            nodes_truenodeids=node["truenodeids"], nodes_falsenodeids=node["falsenodeids"],
            nodes_trueleafs=node["trueleafs"], nodes_falseleafs=node["falseleafs"],
            nodes_missing_value_tracks_true=node["missing_value_tracks_true"],
            leaf_targetids=leaves["targetids"],
            leaf_weights=tensor("leaf_weights", TensorProto.FLOAT, leaves["weights"]),
        ))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, targets]))
    return nodes, outputs


def graph(name, nodes, outputs, ml=3):
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, WIDTH])]
    made = helper.make_graph(nodes, name, inputs, outputs)
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", ml)]
    return helper.make_model(made, opset_imports=imports, ir_version=9)


def training_data():
    """Something to learn on a coarser grid, so that thresholds lie on the finer one of `rows`."""
    values = rows(3_000, SEED + 1)
    values = numpy.nan_to_num(values, nan=0.0, posinf=6.0, neginf=-2.0)
    values = numpy.round(values * 8) / 8
    risk = values[:, 0] * values[:, 1] + numpy.abs(values[:, 2]) - values[:, 3] - 1
    noise = mixed(numpy.arange(len(values), dtype=numpy.uint64)) % numpy.uint64(100)
    label = (risk + noise.astype(float) / 50 > 1).astype(int)
    classes = numpy.digitize(risk, [-1, 2])
    return values.astype(numpy.float32), risk, label, classes


def trained():
    values, risk, label, classes = training_data()
    shape = [("X", FloatTensorType([None, WIDTH]))]
    options = {"zipmap": False}
    light = dict(num_leaves=24, n_estimators=40, verbose=-1, n_jobs=1, deterministic=True, seed=5)
    convert = lambda model: onnxmltools.convert_lightgbm(model, initial_types=shape, zipmap=False,
                                                         target_opset=15)
    holes = values.copy()
    holes[mixed(numpy.arange(holes.size, dtype=numpy.uint64)).reshape(holes.shape)
          % numpy.uint64(7) == 0] = numpy.nan
    yield "lightgbm_regression", convert(lightgbm.LGBMRegressor(**light).fit(values, risk))
    yield "lightgbm_binary", convert(lightgbm.LGBMClassifier(**light).fit(values, label))
    yield "lightgbm_missing", convert(lightgbm.LGBMRegressor(**light).fit(holes, risk))
    boost = dict(n_estimators=40, max_depth=5, n_jobs=1, random_state=5)
    extreme = lambda model: onnxmltools.convert_xgboost(model, initial_types=shape,
                                                        target_opset=15)
    yield "xgboost_binary", extreme(xgboost.XGBClassifier(**boost).fit(holes, label))
    yield "xgboost_regression", extreme(xgboost.XGBRegressor(**boost).fit(values, risk))
    learn = lambda model: skl2onnx.to_onnx(
        model, initial_types=[("X", skl2onnx.common.data_types.FloatTensorType([None, WIDTH]))],
        options=options if hasattr(model, "classes_") else None, target_opset={"": 18, "ai.onnx.ml": 3})
    yield "forest_binary", learn(RandomForestClassifier(30, max_depth=5, random_state=5)
                                 .fit(values, label))
    yield "boosting_binary", learn(GradientBoostingClassifier(n_estimators=30, max_depth=4,
                                                              random_state=5).fit(values, label))
    yield "boosting_regression", learn(GradientBoostingRegressor(n_estimators=30, max_depth=4,
                                                                 random_state=5).fit(values, risk))
    yield "boosting_classes", learn(GradientBoostingClassifier(n_estimators=12, max_depth=3,
                                                               random_state=5).fit(values, classes))


def finite(model):
    """LightGBM splits missing values from all others at the largest double, which is infinite as a
    float32. The sensor's operator wants finite thresholds: the largest float32 splits the same."""
    largest = float(numpy.finfo(numpy.float32).max)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "nodes_values":
                attribute.floats[:] = [min(each, largest) for each in attribute.floats]
    return model


def without_names(model, name):
    """The same bytes every time: some exporters draw the names of graphs and nodes."""
    model.doc_string = ""
    model.producer_version = ""
    model.graph.name = name
    for index, node in enumerate(model.graph.node):
        node.name = node.name if name in ["forms", "version_five"] else f"{node.op_type}.{index}"
    return model


def answers(model, inputs):
    """What onnxruntime gives: float32 as it is, labels as their place in the list of labels."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings,
                                           providers=["CPUExecutionProvider"])
    places = {"low": 0, "middle": 1, "high": 2}
    blocks = []
    for output in session.run(None, {"X": inputs}):
        if output.dtype == object:
            output = numpy.array([places[each] for each in output])
        blocks.append(output.astype("<f4").reshape(len(inputs), -1))
    return blocks


def kept(blocks):
    """Of two classes' scores in the large files the second: the first is its complement, which the
    file of forms compares."""
    return [block[:, 1:] if len(block) == ROWS and block.shape[1] == 2 else block
            for block in blocks]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = [("forms", graph("forms", *forms()), FORM_ROWS),
            ("version_five", graph("version_five", *version_five(), ml=5), FORM_ROWS)]
    made += [(name, model, ROWS) for name, model in trained()]
    for name, model, count in made:
        whole = without_names(finite(model), name)
        model = zlib.compress(whole.SerializeToString(), 9)
        (FOLDER / f"{name}.onnx.z").write_bytes(model)
        blocks = kept(answers(whole, rows(count)))
        numbers = numpy.concatenate([block.reshape(-1) for block in blocks])
        planes = numpy.ascontiguousarray(numbers.view(numpy.uint8).reshape(-1, 4).T)
        packed = zlib.compress(planes.tobytes(), 9)
        (FOLDER / f"{name}.answers.z").write_bytes(packed)
        print(f"{name}: {len(model)} bytes, {len(packed)} bytes of answers, "
              f"{len(blocks)} outputs of {count} rows")


if __name__ == "__main__":
    main()
