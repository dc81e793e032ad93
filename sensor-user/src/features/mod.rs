//! From process state to the model's input: one extractor for live scoring
//! and for data export, so that training and serving cannot differ.

mod context;
mod schema;
mod table;

pub use context::{Context, Moment};
pub use schema::{Feature, Schema, Transform, Unit};
pub use table::{COUNT, FEATURES, PARTS, WORDS};

/// One row of model input, `[COUNT]`, in the order of [`FEATURES`].
pub type Row = [f32; COUNT];

/// Extracts every feature of a process at a moment.
#[must_use]
pub fn extract(context: &Context<'_>) -> Row {
    let mut row = [0.0; COUNT];
    for (value, feature) in row.iter_mut().zip(FEATURES) {
        *value = feature.value(context);
    }
    row
}

#[cfg(test)]
mod tests;
