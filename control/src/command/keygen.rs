//! `keygen`: a signing key.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Context, Error, Outcome};
use crate::file::{self, Access};
use crate::key;
use crate::output::{Format, Show, Table};

/// The arguments of `keygen`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to write the private key: PKCS#8 PEM, readable by the owner alone.
    #[arg(long, short, value_name = "FILE", default_value = "signing-key.pem")]
    output: PathBuf,
    /// Where to write the public key as well, as PEM.
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// Replace files that exist. A replaced private key is gone.
    #[arg(long)]
    force: bool,
    /// How to print the public key.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, Serialize)]
struct NewKey<'a> {
    key_id: String,
    public_key: String,
    private_key_file: &'a Path,
}

impl Show for NewKey<'_> {
    fn to_text(&self) -> String {
        let mut table = Table::of_properties();
        table.row(["key id", &self.key_id]);
        table.row(["public key", &self.public_key]);
        table.row(["private key", &self.private_key_file.display().to_string()]);
        table.to_string()
    }
}

/// Makes a key and prints its public half.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    if let Some(path) = args.public.as_deref().filter(|path| !args.force && path.exists()) {
        return Err(file::Error::Exists { path: path.to_owned() }.into());
    }
    let write = if args.force { file::replace } else { file::create };
    let key = key::generate()?;
    let public = key.public();
    write(&args.output, key.to_pem().map_err(key::Error::from)?.as_bytes(), Access::Private)?;
    if let Some(path) = &args.public {
        write(path, public.to_pem().map_err(key::Error::from)?.as_bytes(), Access::Shared)?;
    }
    let made =
        NewKey { key_id: public.id().to_string(), public_key: public.to_base64(), private_key_file: &args.output };
    context.console.show(&made, args.format)?;
    Ok(Outcome::Done)
}
