//! Models that are wrong on purpose, and bundles: made of the shipped model, whatever
//! that is, through what the sensor itself reads and writes models with.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use prost::Message;
use sensor_user::model::{OnnxFile, Score, Source};
use tract_onnx::pb::{ModelProto, NodeProto};

use crate::sensor_command;

/// The shipped model.
#[must_use]
pub fn shipped() -> Vec<u8> {
    Source::Shipped.read().unwrap().into_owned()
}

/// The shipped model with other metadata, which its graph does not know of.
#[must_use]
pub fn with_metadata(edit: impl FnOnce(&mut OnnxFile)) -> Vec<u8> {
    let mut file = OnnxFile::read(&shipped()).unwrap();
    edit(&mut file);
    file.bytes()
}

/// The shipped model with other thresholds, and of this version.
#[must_use]
pub fn with_thresholds(version: &str, alert: f32, kill: f32) -> Vec<u8> {
    with_metadata(|file| {
        let score = |value| Score::new(value).unwrap();
        file.set_thresholds(score(alert), score(kill));
        file.set("sensor.model.version", version.to_owned());
    })
}

/// The shipped model, each leaf of whose trees says the opposite.
#[must_use]
pub fn with_other_weights() -> Vec<u8> {
    with_graph(|model| {
        let mut attributes = model
            .graph
            .iter_mut()
            .flat_map(|graph| &mut graph.node)
            .flat_map(|node| &mut node.attribute);
        let leaves = attributes
            .find(|attribute| attribute.name == "target_weights")
            .unwrap();
        for weight in &mut leaves.floats {
            *weight = -*weight;
        }
    })
}

/// The shipped model with another graph.
#[must_use]
pub fn with_graph(edit: impl FnOnce(&mut ModelProto)) -> Vec<u8> {
    let mut model = ModelProto::decode(&shipped()[..]).unwrap();
    edit(&mut model);
    model.encode_to_vec()
}

/// One whose first operator is none that exists.
#[must_use]
pub fn with_unknown_operator() -> Vec<u8> {
    with_graph(|model| {
        let graph = model.graph.as_mut().unwrap();
        graph.node[0].op_type = String::from("NoSuchOperator");
    })
}

/// One all of whose weights are no number, wherever they lie.
#[must_use]
pub fn with_nan_weights() -> Vec<u8> {
    with_graph(|model| {
        let graph = model.graph.as_mut().unwrap();
        for tensor in &mut graph.initializer {
            tensor.float_data.fill(f32::NAN);
            // 1 is float32 in `TensorProto.DataType`.
            if tensor.data_type == 1 {
                for bytes in tensor.raw_data.chunks_exact_mut(4) {
                    bytes.copy_from_slice(&f32::NAN.to_le_bytes());
                }
            }
        }
        for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
            attribute.floats.fill(f32::NAN);
        }
    })
}

/// One that wants more memory than there is, to say nothing of what it may have.
#[must_use]
pub fn with_giant_constant() -> Vec<u8> {
    with_graph(|model| {
        let graph = model.graph.as_mut().unwrap();
        let mut shape = graph.initializer[0].clone();
        shape.name = String::from("giant.shape");
        // 7 is int64.
        shape.data_type = 7;
        shape.dims = vec![2];
        shape.float_data.clear();
        shape.int64_data.clear();
        shape.raw_data = [1_i64 << 20, 1 << 20].map(i64::to_le_bytes).concat();
        graph.initializer.push(shape);
        graph.node.push(NodeProto {
            input: vec![String::from("giant.shape")],
            output: vec![String::from("giant")],
            name: String::from("giant"),
            op_type: String::from("ConstantOfShape"),
            ..NodeProto::default()
        });
        graph.output[0].name = String::from("giant");
    })
}

/// One of another list of features.
#[must_use]
pub fn with_another_schema() -> Vec<u8> {
    with_metadata(|file| {
        let features = &file.metadata()["sensor.schema.features"];
        let first = sensor_user::features::FEATURES[0].name;
        let renamed = features.replace(&format!("\"{first}\""), "\"no.such_feature\"");
        assert_ne!(&renamed, features);
        file.set("sensor.schema.features", renamed);
    })
}

/// A folder with keys, policies, and what is signed with the keys.
pub struct Signing {
    directory: tempfile::TempDir,
}

impl Signing {
    /// With the keys `own`, which is trusted, and `other`, which is not.
    #[must_use]
    pub fn new() -> Self {
        let signing = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let keys = signing.path("keys");
        fs::create_dir(&keys).unwrap();
        for key in ["own", "other"] {
            let made = sensor_command()
                .args(["model", "keygen"])
                .arg(signing.path(key))
                .output()
                .unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        fs::copy(signing.path("own.pub"), keys.join("own.pub")).unwrap();
        signing
    }

    /// A path in its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Signs a model, and gives the bundle.
    #[must_use]
    pub fn sign(&self, onnx: &[u8], key: &str, version: u64, action: &str) -> Vec<u8> {
        let (model, bundle) = (self.path("to-sign.onnx"), self.path("signed.bundle"));
        fs::write(&model, onnx).unwrap();
        let signed = sensor_command()
            .args(["model", "sign", "--strongest-action", action])
            .arg("--key")
            .arg(self.path(&format!("{key}.key")))
            .args(["--model-version", &version.to_string(), "--output"])
            .arg(&bundle)
            .arg(&model)
            .output()
            .unwrap();
        assert!(signed.status.success(), "{signed:?}");
        fs::read(bundle).unwrap()
    }

    /// A policy that takes its model from this file, with more of it.
    #[must_use]
    pub fn policy(&self, model: &Path, more: &str) -> PathBuf {
        let policy = self.path("policy.toml");
        let text = format!(
            "[model]\npath = \"{}\"\ntrusted_keys = \"{}\"\nstate = \"{}\"\n{more}",
            model.display(),
            self.path("keys").display(),
            self.path("state.json").display(),
        );
        fs::write(&policy, text).unwrap();
        policy
    }
}

impl Default for Signing {
    fn default() -> Self {
        Self::new()
    }
}

/// Where both signatures lie in a bundle: Ed25519, then ML-DSA-65.
#[must_use]
pub fn signatures(bundle: &[u8]) -> [Range<usize>; 2] {
    // Magic and format, then the manifest's length, the manifest, and the key's number.
    let length: [u8; 4] = bundle[12..16].try_into().unwrap();
    let ed25519 = 16 + u32::from_le_bytes(length) as usize + 32;
    [ed25519..ed25519 + 64, ed25519 + 64..ed25519 + 64 + 3_309]
}
