//! Pages of `docs/` that are made from the code, so that they cannot differ.

mod coverage;
mod features;
mod metrics;
mod records;
mod verifier;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

pub use coverage::coverage_page;
pub use features::features_page;
pub use metrics::metrics_page;
pub use records::{records_page, records_schema};
pub use verifier::verifier_page;

/// Every generated file below `docs/`, with what it must hold.
#[must_use]
pub fn generated() -> Vec<(PathBuf, String)> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    vec![
        (docs.join("records.md"), records_page()),
        (docs.join("records.schema.json"), records_schema()),
        (docs.join("coverage.md"), coverage_page()),
        (docs.join("features.md"), features_page()),
        (docs.join("metrics.md"), metrics_page()),
        (docs.join("verifier.md"), verifier_page()),
    ]
}

/// The line that keeps people from editing a generated page.
const NOTICE: &str = "<!-- Made from the code by `cargo xtask docs`; do not edit. -->\n\n";

/// Text inside a table cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Appends formatted text.
fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text)
        .expect("writing to a string cannot fail");
}
