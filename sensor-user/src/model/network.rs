use std::sync::Arc;

#[cfg(target_arch = "x86_64")]
use tract_onnx::prelude::tract_linalg::knobs::TRACT_CPU_ISA;
use tract_onnx::{
    Onnx,
    pb::ModelProto,
    prelude::{
        DatumExt, Framework, InferenceModel, InferenceModelExt, IntoArcTensor, IntoRunnable,
        IntoTValue, Tensor, TractResult, TypedModel, TypedRunnableModel, TypedSimpleState, tvec,
    },
    tract_hir::internal::{DimLike as _, bail},
};

use super::{Score, graph, limits, trees};
use crate::features::{COUNT, Row};

/// A model as tract runs it, for a fixed number of rows at once.
///
/// tract chooses its kernels by the shapes, so that each number has a plan of
/// its own.
pub(super) struct Network {
    rows: usize,
    state: TypedSimpleState,
    /// Kept from one run to the next.
    input: Arc<Tensor>,
}

impl Network {
    /// Plans a model for `rows` rows, at least one.
    pub(super) fn new(model: &InferenceModel, rows: usize) -> TractResult<Self> {
        let plan = optimized(model, rows)?.into_runnable()?;
        Ok(Self {
            rows,
            state: plan.spawn()?,
            input: Tensor::zero::<f32>(&[rows, COUNT])?.into_arc_tensor(),
        })
    }

    /// Rows that a run takes.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// What tract made of the model.
    pub(super) fn plan(&self) -> &TypedRunnableModel {
        self.state.plan()
    }

    /// Hands on the scores of `rows`, as many as [`Network::rows`] or fewer, in
    /// their order; `None` for what is no probability.
    pub(super) fn run(&mut self, rows: &[Row], mut each: impl FnMut(Option<Score>)) {
        let rows = &rows[..rows.len().min(self.rows)];
        let mut scored = 0;
        // Without outputs none of the rows has a score.
        let _ = self.outputs(rows, |value| {
            each(Score::new(value));
            scored += 1;
        });
        (scored..rows.len()).for_each(|_| each(None));
    }

    /// The first output of each row.
    fn outputs(&mut self, rows: &[Row], each: impl FnMut(f32)) -> TractResult<()> {
        // Copied when a model gives its input back and the caller kept that.
        let input = Arc::make_mut(&mut self.input);
        let mut view = input.try_as_plain_ram_mut()?;
        // A row that is missing leaves an earlier one in its place: rows do not
        // know of each other.
        for (to, from) in view
            .as_slice_mut::<f32>()?
            .chunks_exact_mut(COUNT)
            .zip(rows)
        {
            to.copy_from_slice(from);
        }
        let outputs = self
            .state
            .run(tvec!(Arc::clone(&self.input).into_tvalue()))?;
        let Some(output) = outputs.first() else {
            return Ok(());
        };
        let values = output.try_as_plain_ram()?;
        let values = values.as_slice::<f32>()?;
        // An output that is not one line for each row gives no score.
        if output.shape().first() == Some(&self.rows) || self.rows == 1 {
            let width = (values.len() / self.rows).max(1);
            values
                .iter()
                .step_by(width)
                .take(rows.len())
                .copied()
                .for_each(each);
        }
        Ok(())
    }
}

/// Reads an ONNX file, and refuses one that is more than a graph of known
/// operators.
pub(super) fn read(bytes: &[u8]) -> TractResult<InferenceModel> {
    same_kernels_everywhere();
    let proto = decode(bytes)?;
    graph::check(&proto)?;
    reader().model_for_proto_model(&proto)
}

/// Reads an ONNX file's messages.
pub(super) fn decode(mut bytes: &[u8]) -> TractResult<ModelProto> {
    reader().proto_model_for_read(&mut bytes)
}

/// Keeps tract from the kernels for AVX-512. One of them adds up in another order
/// than those for several rows, so that a row's last bits would depend on how
/// many were scored with it. Without them a score is the same on every x86-64
/// machine since 2013, and for rows of a hundred values costs no more.
#[cfg(target_arch = "x86_64")]
fn same_kernels_everywhere() {
    // Once, for all threads: tract looks at the processor at its first use.
    static SET: std::sync::Once = std::sync::Once::new();
    SET.call_once(|| TRACT_CPU_ISA.set(Some(String::from("-avx512f"))));
}

#[cfg(not(target_arch = "x86_64"))]
const fn same_kernels_everywhere() {}

fn reader() -> Onnx {
    let mut reader = tract_onnx::onnx()
        .with_ignore_value_info(true)
        .with_ignore_output_shapes(true);
    trees::register(&mut reader);
    // What is not allowed cannot come back by another way.
    let allowed =
        |name: &str| graph::OPERATORS.contains(&name) || graph::TREE_OPERATORS.contains(&name);
    reader.op_register.0.retain(|name, _| allowed(name));
    reader
}

fn optimized(model: &InferenceModel, rows: usize) -> TractResult<TypedModel> {
    let model = model
        .clone()
        .with_input_fact(0, f32::fact([rows, COUNT]).into())?
        .into_typed()?;
    for node in model.nodes() {
        for output in &node.outputs {
            let count = output.fact.shape.volume().to_usize()?;
            if count > limits::VALUES {
                bail!(
                    "node {:?} gives {count} numbers, expected at most {}",
                    node.name,
                    limits::VALUES
                );
            }
        }
    }
    model.into_optimized()
}
