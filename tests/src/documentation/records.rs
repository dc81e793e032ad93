use sensor_user::outputs::schema;
use serde_json::{Map, Value};

use super::{NOTICE, cell, put};

/// `docs/records.schema.json`: the JSON schema of an output line.
#[must_use]
pub fn records_schema() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).expect("a schema is JSON");
    text.push('\n');
    text
}

/// `docs/records.md`: the same for people.
#[must_use]
pub fn records_page() -> String {
    let schema = serde_json::to_value(schema()).expect("a schema is JSON");
    let parts = schema["$defs"].as_object().cloned().unwrap_or_default();
    let mut page = String::from(NOTICE);
    page.push_str(
        "# Records\n\n\
         `sensor run --output FILE` writes one JSON object a line. With `--events verdicts` (the \
         default) these are verdicts, the hashes of programs that a verdict is about, losses and \
         the summary; with `--events all` every event. The machine-readable form of this page is \
         [records.schema.json](records.schema.json).\n\n\
         Absent keys are not known or do not apply. New keys and kinds may be added; a reader \
         should skip what it does not know.\n\n",
    );
    page.push_str("## Record\n\n");
    page.push_str(description(&schema));
    page.push_str("\n\n");
    page.push_str(&properties(&schema));
    for (name, part) in &parts {
        put(
            &mut page,
            format_args!("## {name}\n\n{}\n\n", description(part)),
        );
        page.push_str(&if part["properties"].is_object() {
            properties(part)
        } else {
            values(part)
        });
    }
    page
}

fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

fn properties(schema: &Value) -> String {
    let empty = Map::new();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut table = String::from("| key | type | always | meaning |\n| --- | --- | --- | --- |\n");
    for (name, property) in schema["properties"].as_object().unwrap_or(&empty) {
        put(
            &mut table,
            format_args!(
                "| `{name}` | {} | {} | {} |\n",
                type_name(property),
                if required.contains(&name.as_str()) {
                    "yes"
                } else {
                    ""
                },
                cell(description(property)),
            ),
        );
    }
    table.push('\n');
    table
}

fn values(schema: &Value) -> String {
    let mut table = String::from("| value | meaning |\n| --- | --- |\n");
    for variant in schema["oneOf"].as_array().into_iter().flatten() {
        let value = variant["const"].as_str().unwrap_or_default();
        put(
            &mut table,
            format_args!("| `{value}` | {} |\n", cell(description(variant))),
        );
    }
    table.push('\n');
    table
}

fn type_name(property: &Value) -> String {
    if let Some(name) = property["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(choices) = property["anyOf"].as_array() {
        let named = choices.iter().find(|choice| choice["$ref"].is_string());
        return named.map_or_else(|| String::from("any"), type_name);
    }
    let simple = match &property["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or("any")
            .to_owned(),
        _ => String::from("any"),
    };
    if simple == "array" {
        return format!("list of {}", type_name(&property["items"]));
    }
    simple
}
