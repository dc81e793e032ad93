//! Generated pages are what the code says.

use std::fs;

use sensor_tests::documentation::generated;

/// Set by `cargo xtask docs`: write the pages instead of comparing them.
const UPDATE: &str = "SENSOR_UPDATE_DOCS";

#[test]
fn generated_pages_are_up_to_date() {
    let update = std::env::var_os(UPDATE).is_some();
    for (path, expected) in generated() {
        if update {
            fs::write(&path, &expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "{} differs from the code; run `cargo xtask docs` and look at the change",
            path.display()
        );
    }
}
