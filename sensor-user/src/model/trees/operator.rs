//! The operators as tract runs them.

use std::sync::Arc;

use tract_onnx::{
    Onnx,
    model::ParsingContext,
    pb::NodeProto,
    tract_hir::internal::{
        Datum as _, DatumExt as _, DatumType, DatumTypeExt as _, DimLike as _, EvalContext, EvalOp,
        Expansion, InferenceOp, InferenceResult, IntoTValue as _, Op, OutletId, Solver,
        SpecialOps as _, StaticName, TValue, TVec, Tensor, TensorProxy, ToDim as _, TractResult,
        TypedFact, TypedModel, TypedOp, args_1, as_op, bail, check_input_arity, check_output_arity,
        expand, op_as_typed_op, op_out_of_plan, tensor1, tvec,
    },
};

use super::{
    attributes::{self, Kind},
    ensemble::Ensemble,
    explain::Paths,
    raw::{Labels, Raw},
    version_five,
};

/// Puts the project's own operators in the place of tract's.
pub(in crate::model) fn register(reader: &mut Onnx) {
    let operators = &mut reader.op_register;
    operators.insert("TreeEnsembleRegressor", |_, node| {
        build(node, attributes::read(node, Kind::Regressor)?)
    });
    operators.insert("TreeEnsembleClassifier", |_, node| {
        build(node, attributes::read(node, Kind::Classifier)?)
    });
    operators.insert("TreeEnsemble", parse_five);
}

/// The paths of an operator's trees, where it has such: see [`Paths::of`].
pub(in crate::model) fn paths(
    node: &NodeProto,
    covers: Option<&[f32]>,
) -> TractResult<Option<Paths>> {
    let raw = match node.op_type.as_str() {
        "TreeEnsembleRegressor" => attributes::read(node, Kind::Regressor)?,
        "TreeEnsemble" => version_five::read(node)?,
        _ => return Ok(None),
    };
    Ok(Paths::of(Arc::new(Ensemble::of(raw)?), covers)?)
}

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

fn parse_five(_: &ParsingContext, node: &NodeProto) -> Built {
    build(node, version_five::read(node)?)
}

fn build(node: &NodeProto, raw: Raw) -> Built {
    let ensemble = Arc::new(Ensemble::of(raw)?);
    let named = |index: usize| node.output.get(index).is_some_and(|name| !name.is_empty());
    let outputs = match &ensemble.classes {
        Some(_) => Outputs {
            labels: named(0),
            scores: named(1),
        },
        None => Outputs {
            labels: false,
            scores: named(0),
        },
    };
    Ok((expand(Trees { ensemble, outputs }), Vec::new()))
}

/// Outputs that a graph asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outputs {
    labels: bool,
    scores: bool,
}

impl Outputs {
    fn count(self) -> usize {
        usize::from(self.labels) + usize::from(self.scores)
    }
}

/// An ensemble in a graph.
#[derive(Clone, Debug)]
struct Trees {
    ensemble: Arc<Ensemble>,
    outputs: Outputs,
}

impl PartialEq for Trees {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ensemble, &other.ensemble) && self.outputs == other.outputs
    }
}

impl Eq for Trees {}

impl Trees {
    const NAME: &str = "TreeEnsemble";

    fn label_type(&self) -> DatumType {
        match self
            .ensemble
            .classes
            .as_ref()
            .map(|classes| &classes.labels)
        {
            Some(Labels::Names(_)) => String::datum_type(),
            Some(Labels::Numbers(_)) | None => i64::datum_type(),
        }
    }

    /// Labels and scores of rows, which have at least as many values as the trees
    /// look at.
    fn outputs(&self, rows: &[f32], shape: [usize; 2]) -> TractResult<TVec<TValue>> {
        let [count, width] = shape;
        let targets = self.ensemble.targets;
        let mut scores = Tensor::zero::<f32>(&[count, targets])?;
        let mut classes = vec![0; if self.outputs.labels { count } else { 0 }];
        self.ensemble.evaluate(
            rows,
            width,
            scores.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?,
            &mut classes,
        );
        let mut outputs = tvec!();
        if self.outputs.labels {
            outputs.push(self.labels(&classes).into_tvalue());
        }
        if self.outputs.scores {
            outputs.push(scores.into_tvalue());
        }
        Ok(outputs)
    }

    fn labels(&self, classes: &[usize]) -> Tensor {
        match self
            .ensemble
            .classes
            .as_ref()
            .map(|classes| &classes.labels)
        {
            Some(Labels::Names(names)) => {
                let each = classes.iter().filter_map(|class| names.get(*class));
                tensor1(&each.cloned().collect::<Vec<_>>())
            }
            Some(Labels::Numbers(numbers)) => {
                let each = classes.iter().filter_map(|class| numbers.get(*class));
                tensor1(&each.copied().collect::<Vec<_>>())
            }
            None => tensor1::<i64>(&[]),
        }
    }

    /// Refuses rows that have fewer values than the trees look at.
    fn check_width(&self, found: usize) -> TractResult<()> {
        let (needed, place) = self.ensemble.layout.width;
        if found >= needed.max(1) {
            return Ok(());
        }
        let place = place.map_or_else(String::new, |place| {
            format!(" of tree {}, node {}", place.tree, place.node)
        });
        bail!(
            "nodes_featureids{place}: found {}, expected a feature below {found}, \
             as many as its input has",
            needed.saturating_sub(1)
        )
    }
}

impl Expansion for Trees {
    fn name(&self) -> StaticName {
        Self::NAME.into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.outputs.count())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, self.outputs.count())?;
        solver.equals(&inputs[0].datum_type, f32::datum_type())?;
        solver.equals(&inputs[0].rank, 2)?;
        let mut outputs = outputs.iter();
        if self.outputs.labels
            && let Some(labels) = outputs.next()
        {
            solver.equals(&labels.datum_type, self.label_type())?;
            solver.equals(&labels.rank, 1)?;
            solver.equals(&labels.shape[0], &inputs[0].shape[0])?;
        }
        if self.outputs.scores
            && let Some(scores) = outputs.next()
        {
            solver.equals(&scores.datum_type, f32::datum_type())?;
            solver.equals(&scores.rank, 2)?;
            solver.equals(&scores.shape[0], &inputs[0].shape[0])?;
            solver.equals(&scores.shape[1], self.ensemble.targets.to_dim())?;
        }
        Ok(())
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for Trees {
    fn name(&self) -> StaticName {
        Self::NAME.into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        let layout = &self.ensemble.layout;
        Ok(vec![format!(
            "{} trees, {} nodes",
            layout.roots.len(),
            layout.nodes.len()
        )])
    }

    op_as_typed_op!();
}

impl EvalOp for Trees {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let &[count, width] = input.shape() else {
            bail!("the trees' input has {} axes, expected 2", input.rank());
        };
        self.check_width(width)?;
        let rows = input.try_as_plain_ram()?;
        self.outputs(rows.as_slice::<f32>()?, [count, width])
    }
}

impl TypedOp for Trees {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input] = inputs else {
            bail!("the trees have {} inputs, expected 1", inputs.len());
        };
        let [count, width] = &*input.shape else {
            bail!("the trees' input has {} axes, expected 2", input.rank());
        };
        if input.datum_type != f32::datum_type() {
            bail!(
                "the trees' input is {:?}, expected float32",
                input.datum_type
            );
        }
        self.check_width(width.to_usize()?)?;
        let mut facts = tvec!();
        if self.outputs.labels {
            facts.push(self.label_type().fact([count.clone()]));
        }
        if self.outputs.scores {
            facts.push(f32::fact([count.clone(), self.ensemble.targets.to_dim()]));
        }
        Ok(facts)
    }

    as_op!();
}
