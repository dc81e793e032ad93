//! What a model file has to pass before the agent uses it: signatures, version, and
//! a trial in a child without rights.

mod child;
mod inside;
mod sandbox;

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};

pub(super) use inside::{Arguments, run};
pub(super) use sandbox::enter as enter_sandbox;

use crate::{
    model::{
        Model, Source,
        bundle::{Bundle, History, Manifest, SchemaIdentity, Sealed, TrustedKeys},
    },
    outputs::ModelPart,
    policy::{Config, ModelTrust},
};

/// Decides which models are used.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    keys: Option<PathBuf>,
    requires_signature: bool,
    history: History,
}

/// What is in a file, its signatures looked at.
pub(super) struct Checked<'a> {
    /// The ONNX file.
    pub(super) onnx: &'a [u8],
    /// `None` where the file is an ONNX file without a signature.
    pub(super) bundle: Option<Bundle<'a>>,
}

/// A model that may score.
pub(super) struct Admitted {
    pub(super) model: Model,
    /// What was signed; `None` for the shipped model and for files without a
    /// signature.
    pub(super) manifest: Option<Manifest>,
}

impl Admitted {
    /// What it is called in outputs: a signed name and version count for more than
    /// those in the file.
    pub(super) fn identity(&self) -> ModelPart {
        let card = &self.model.card;
        let (name, version) = match &self.manifest {
            Some(manifest) => (&manifest.name, manifest.version.to_string()),
            None => (&card.name, card.version.clone()),
        };
        ModelPart {
            name: name.clone(),
            version,
            sha256: self.model.sha256.clone(),
        }
    }
}

impl Gate {
    pub(super) fn new(config: &Config) -> Self {
        let ModelTrust {
            trusted_keys,
            state,
            ..
        } = &config.trust;
        Self {
            keys: trusted_keys.clone(),
            requires_signature: config.trust.requires_signature(config.mode),
            history: History::new(state.clone()),
        }
    }

    /// The versions that were accepted.
    pub(super) const fn history(&self) -> &History {
        &self.history
    }

    /// The keys that are trusted now.
    pub(super) fn keys(&self) -> Result<TrustedKeys> {
        if let Some(path) = &self.keys {
            return Ok(TrustedKeys::read(path)?);
        }
        let usual = ModelTrust::usual_keys();
        if usual.exists() {
            Ok(TrustedKeys::read(&usual)?)
        } else {
            Ok(TrustedKeys::default())
        }
    }

    /// Looks at the signatures of a file's bytes, not at its version. What begins
    /// as a bundle must be one that is trusted; anything else is taken for an ONNX
    /// file, where none needs a signature.
    pub(super) fn check<'a>(&self, source: &Source, bytes: &'a [u8]) -> Result<Checked<'a>> {
        let refused = || format!("the model {source} was refused");
        if Sealed::begins(bytes) {
            let keys = self.keys().with_context(refused)?;
            let bundle = Sealed::read(bytes)
                .and_then(|sealed| sealed.open(&keys))
                .with_context(refused)?;
            return Ok(Checked {
                onnx: bundle.model(),
                bundle: Some(bundle),
            });
        }
        if self.requires_signature {
            bail!(
                "the model {source} was refused: it has no signature, and one is required \
                 (in mode `enforce`, or by `[model] require_signature`); \
                 `sensor model sign` makes a signed bundle, and `--allow-unsigned-model` allows it"
            );
        }
        Ok(Checked {
            onnx: bytes,
            bundle: None,
        })
    }

    /// Lets a model in, or says why not. Nothing but the signatures is read of it
    /// before a child without rights has tried it. The version is not remembered
    /// yet: see [`Gate::accept`].
    pub(super) fn admit(&self, source: &Source) -> Result<Admitted> {
        let bytes = source.read()?;
        match source {
            // It came with the program that runs, and is trusted like it.
            Source::Shipped => Ok(Admitted {
                model: Model::from_bytes(source, &bytes)?,
                manifest: None,
            }),
            Source::File(_) => self.admit_bytes(source, &bytes),
        }
    }

    fn admit_bytes(&self, source: &Source, bytes: &[u8]) -> Result<Admitted> {
        let Checked { onnx, bundle } = self.check(source, bytes)?;
        if let Some(bundle) = &bundle {
            self.history
                .check(&bundle.manifest)
                .with_context(|| format!("the model {source} was refused"))?;
        }
        let model = load(source, onnx, bundle.as_ref())?;
        Ok(Admitted {
            model,
            manifest: bundle.map(|bundle| bundle.manifest),
        })
    }

    /// Remembers that a model's version is used: no older one is admitted after it.
    pub(super) fn accept(&self, manifest: Option<&Manifest>) -> Result<()> {
        manifest.map_or(Ok(()), |manifest| Ok(self.history.accept(manifest)?))
    }
}

/// Has a child try an ONNX file, then loads it here.
pub(super) fn load(source: &Source, onnx: &[u8], bundle: Option<&Bundle<'_>>) -> Result<Model> {
    child::validate(source, onnx)?;
    let model = Model::from_bytes(source, onnx)?;
    if let Some(bundle) = bundle {
        let found = SchemaIdentity::from(&model.card.schema);
        let signed = &bundle.manifest.schema;
        if *signed != found {
            return Err(anyhow!(
                "the model {source} was refused: its manifest says schema {} version {} sha256 {}, \
                 its ONNX file {} version {} sha256 {}",
                signed.id,
                signed.version,
                signed.sha256,
                found.id,
                found.version,
                found.sha256
            ));
        }
    }
    Ok(model)
}
