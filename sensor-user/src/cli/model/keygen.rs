use std::path::PathBuf;

use serde_json::json;

use super::{Failure, print_json};
use crate::model::bundle::PrivateKey;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to write: PATH.key, which signs and must stay secret, and PATH.pub, which
    /// goes where the sensors' trusted keys lie
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = |ending: &str| {
        let mut name = arguments.path.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    let (private, public) = (file(".key"), file(".pub"));
    let key = PrivateKey::generate().map_err(Failure::failed)?;
    key.write(&private).map_err(Failure::failed)?;
    key.public().write(&public).map_err(Failure::failed)?;
    let id = key.public().id().to_string();
    if arguments.json {
        return print_json(&json!({"key": id, "private": private, "public": public}));
    }
    println!(
        "key      {id} (Ed25519 and ML-DSA-65)\n\
         private  {}: keep it secret, best off the hosts that it signs for\n\
         public   {}: goes into `[model] trusted_keys` of the sensors",
        private.display(),
        public.display()
    );
    Ok(())
}
