use std::{env, fs, path::Path};

/// Names the folder that a target puts its seeds into before it starts.
const FOLDER: &str = "SENSOR_FUZZ_SEEDS";

/// Puts the seeds into the folder that the environment names, if it does.
///
/// They are made by code, from the types of the wire: they cannot fall behind
/// it, as files would.
pub fn plant(seeds: fn() -> Vec<Vec<u8>>) {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    for (number, seed) in seeds().iter().enumerate() {
        let path = Path::new(&folder).join(format!("seed-{number:03}"));
        if let Err(error) = fs::write(&path, seed) {
            panic!("write {}: {error}", path.display());
        }
    }
}
