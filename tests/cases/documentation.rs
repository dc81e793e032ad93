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

#[test]
fn every_dependency_has_its_reason() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let page = fs::read_to_string(root.join("docs/dependencies.md")).unwrap();
    let reasons: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|names| names.split(", "))
        .collect();
    let names = manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .filter(|name| !name.starts_with("sensor-"));
    let mut count = 0;
    for name in names {
        count += 1;
        assert!(
            reasons.contains(&name),
            "{name} is not in docs/dependencies.md"
        );
    }
    assert!(count > 20, "only {count} dependencies were found");
}
