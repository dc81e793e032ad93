use sensor_user::features::{FEATURES, Schema};

use super::{NOTICE, cell, put};

/// `docs/features.md`, from the feature table.
#[must_use]
pub fn features_page() -> String {
    let schema = Schema::own();
    let mut page = String::from(NOTICE);
    put(
        &mut page,
        format_args!(
            "# Features\n\n\
         The model's input: schema `{}` version {}, SHA-256 `{}`. Each value lies between 0 and \
         its clip. A model that was trained with another list is refused.\n\n\
         Rates (`recent`) count things with a half-life of ten seconds. `own` is what the process \
         did itself, `tree` what its children and grandchildren did.\n\n\
         | # | name | unit | transform | clip | meaning |\n| --- | --- | --- | --- | --- | --- |\n",
            schema.id, schema.version, schema.sha256
        ),
    );
    for (index, feature) in FEATURES.iter().enumerate() {
        put(
            &mut page,
            format_args!(
                "| {index} | `{}` | {} | {} | {} | {} |\n",
                feature.name,
                feature.unit.name(),
                feature.transform.name(),
                feature.clip,
                cell(feature.meaning),
            ),
        );
    }
    page
}
