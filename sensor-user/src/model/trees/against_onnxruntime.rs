//! The operators give what onnxruntime gives, on the files and rows of
//! `models/tests/tree_vectors.py`.

use super::testing::{MODELS, WIDTH, answers, file, plan, rows, run};

/// Units in the last place by which exponentials and logarithms may differ: theirs
/// come from another library than onnxruntime's. Sums must agree bit for bit.
const UNITS: u32 = 4;

/// Files with more rows are large.
const MANY: usize = 100;

/// What each output is called, in the order of the file.
fn names(bytes: &[u8]) -> Vec<String> {
    use tract_onnx::prelude::Framework;
    let proto = tract_onnx::onnx()
        .proto_model_for_read(&mut &*bytes)
        .unwrap();
    let outputs = proto.graph.unwrap().output;
    outputs.into_iter().map(|output| output.name).collect()
}

fn agree(found: f32, expected: f32) -> bool {
    found.to_bits() == expected.to_bits()
        || (found.is_nan() && expected.is_nan())
        || (found - expected).abs() <= UNITS as f32 * f32::EPSILON * expected.abs().max(0.5)
}

/// Outputs with their answers, one after the other.
fn compare(model: &str, count: usize, at_once: usize) {
    let bytes = file(model);
    let rows = rows(count);
    let mut state = plan(&bytes, at_once).unwrap();
    let mut found: Vec<Vec<f32>> = Vec::new();
    for rows in rows.chunks_exact(at_once * WIDTH) {
        let outputs = run(&mut state, rows).unwrap();
        found.resize(outputs.len(), Vec::new());
        for (all, output) in found.iter_mut().zip(outputs) {
            // Of the scores of two classes the large files keep the second.
            let halved = count > MANY && output.len() == 2 * at_once;
            let step = if halved { 2 } else { 1 };
            all.extend(output.into_iter().skip(step - 1).step_by(step));
        }
    }
    let expected = answers(model);
    let mut expected = expected.as_slice();
    let mut differ = Vec::new();
    for (name, found) in names(&bytes).iter().zip(&found) {
        let (own, rest) = expected.split_at(found.len());
        expected = rest;
        let wrong = found
            .iter()
            .zip(own)
            .position(|(one, other)| !agree(*one, *other));
        let bits = found
            .iter()
            .zip(own)
            .filter(|(one, other)| one.to_bits() != other.to_bits() && !one.is_nan())
            .count();
        if bits > 0 {
            println!("{model} {name}: {bits} of {} differ in bits", own.len());
        }
        if let Some(index) = wrong {
            differ.push(format!(
                "{model}, output {name}, number {index}: {}, not {}",
                found[index], own[index]
            ));
        }
    }
    assert!(
        expected.is_empty(),
        "{model}: {} answers are left",
        expected.len()
    );
    assert!(
        differ.is_empty(),
        "{} outputs:\n{}",
        differ.len(),
        differ.join("\n")
    );
}

#[test]
fn row_by_row() {
    for (model, count) in MODELS {
        compare(model, count, 1);
    }
}

#[test]
fn eight_rows_at_once() {
    for (model, count) in MODELS {
        compare(model, count, 8);
    }
}
