use crate::{
    cli::Failure,
    features::{FEATURES, Schema},
};

pub(super) fn run() -> Result<(), Failure> {
    let features: Vec<_> = FEATURES
        .iter()
        .map(|feature| {
            serde_json::json!({
                "name": feature.name,
                "unit": feature.unit.name(),
                "transform": feature.transform.name(),
                "clip": feature.clip,
                "meaning": feature.meaning,
            })
        })
        .collect();
    let own = Schema::own();
    super::print_json(&serde_json::json!({
        "id": own.id,
        "version": own.version,
        "sha256": own.sha256,
        "features": features,
    }))
}
