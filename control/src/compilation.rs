//! From documents on disk to a signed artifact in memory: what `compile`, `validate`, `diff` and `dev` share.

use std::path::PathBuf;

use artifact_format::container::{self, Digest, Draft};
use artifact_format::model::{Artifact, Provenance};
use artifact_format::signature::KeyId;
use clap::{Args, ValueEnum};
use compiler::diagnostic::Diagnostics;
use compiler::{Fence, Input, Options, SecurityMode, Settings};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::Config;
use crate::documents::{self, Folder, Reads};
use crate::domain::name::Name;
use crate::key::{self, Age, KeySource};

/// Which documents to compile.
#[derive(Debug, Clone, Args)]
pub struct DocumentArgs {
    /// An OpenAPI document, YAML or JSON; `-` reads it from stdin. Several go into one artifact.
    #[arg(long = "spec", value_name = "FILE", required = true, num_args = 1..)]
    pub specs: Vec<PathBuf>,
    /// An OpenAPI Overlay that is applied to every document. Repeatable, in this order.
    #[arg(long = "overlay", value_name = "FILE")]
    pub overlays: Vec<PathBuf>,
    /// The only folder that is read, from which diagnostics and the artifact name documents.
    /// Without it, the folder that holds every document.
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
}

/// How to compile them.
#[derive(Debug, Clone, Args)]
pub struct LoweringArgs {
    /// Where every request goes, whatever the documents say.
    #[arg(long, env = "PORTCULLIS_CONTROL_UPSTREAM", value_name = "URL")]
    pub upstream: Option<String>,
    /// What becomes of security requirements.
    #[arg(long, env = "PORTCULLIS_CONTROL_SECURITY", value_enum, value_name = "MODE", default_value = "enforce")]
    pub security: Security,
    /// The project that the artifact is for: letters, digits, `-`, `_` and `.`, at most 64.
    #[arg(long, env = "PORTCULLIS_CONTROL_PROJECT", value_name = "NAME", default_value = "default")]
    pub project: Name,
}

/// Who is said to have built the artifact, from what.
#[derive(Debug, Clone, Default, Args)]
pub struct ProvenanceArgs {
    /// The commit of the documents, to be kept in the artifact.
    #[arg(long = "provenance-commit", env = "PORTCULLIS_CONTROL_PROVENANCE_COMMIT", value_name = "SHA")]
    commit: Option<String>,
    /// Where the documents come from, to be kept in the artifact: a repository, a pipeline.
    #[arg(long = "provenance-source", env = "PORTCULLIS_CONTROL_PROVENANCE_SOURCE", value_name = "TEXT")]
    source: Option<String>,
}

/// Who signs.
#[derive(Debug, Clone, Default, Args)]
pub struct SigningArgs {
    /// The key to sign with: a PEM file, `file:///path`, or `env://NAME`.
    /// Without it, a development key that this machine trusts, made the first time.
    // Parsed later: clap would repeat a key that was given by mistake.
    #[arg(
        long,
        env = "PORTCULLIS_CONTROL_SIGNING_KEY",
        hide_env_values = true,
        value_name = "FILE|env://NAME",
        allow_hyphen_values = true,
        conflicts_with = "unsigned"
    )]
    signing_key: Option<String>,
    /// Do not sign; refused where a signing key is named. Only a gateway that was told `--allow-unsigned` serves the artifact.
    #[arg(long)]
    unsigned: bool,
}

/// What becomes of security requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Every scheme in use must say how credentials are verified.
    Enforce,
    /// Credentials must be there; the upstream verifies them.
    Presence,
    /// Nothing is asked for.
    Off,
}

/// Everything a compilation is told.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which documents.
    pub documents: DocumentArgs,
    /// How.
    pub lowering: LoweringArgs,
    /// What the artifact says of its origin.
    pub provenance: Provenance,
}

/// What came of a compilation.
#[derive(Debug)]
pub struct Compilation {
    /// The model; `None` where there is an error among the diagnostics.
    pub artifact: Option<Artifact>,
    /// What is wrong.
    pub diagnostics: Diagnostics,
    /// What was read.
    pub reads: Reads,
}

/// A signed artifact that is not on disk yet.
#[derive(Debug)]
pub struct Built {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its name.
    pub digest: Digest,
    /// Who signed it.
    pub signer: Signer,
}

/// Who signed an artifact.
#[derive(Debug)]
pub enum Signer {
    /// Nobody: asked for by name.
    Nobody,
    /// The key that was named.
    Key(KeyId),
    /// The user's development key.
    Development {
        /// The key.
        key: KeyId,
        /// Where it is kept.
        path: PathBuf,
        /// Whether it was made just now.
        age: Age,
    },
}

/// A model that cannot become a file.
#[derive(Debug, Error)]
#[error("the artifact cannot be written: {0}")]
pub struct Unencodable(#[from] container::Error);

/// Why there is no signed artifact.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no key to sign with.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// The model has no form that a gateway would read.
    #[error(transparent)]
    Unencodable(#[from] Unencodable),
}

impl ProvenanceArgs {
    /// What the artifact says of its origin.
    pub fn provenance(&self, config: &Config) -> Result<Provenance, crate::config::Error> {
        let built_at = config.source_date_epoch()?;
        Ok(Provenance { commit: self.commit.clone(), source: self.source.clone(), built_at })
    }
}

impl Request {
    /// Reads and compiles.
    ///
    /// # Errors
    /// A document that the user named is not there, or not in the folder. What is wrong *in* documents is among the
    /// diagnostics.
    pub fn compile(&self) -> Result<Compilation, documents::Error> {
        self.compile_with(None)
    }

    /// Compiles where stdin was read already, and held this.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn compile_with(&self, stdin: Option<&[u8]>) -> Result<Compilation, documents::Error> {
        let options = Options {
            project: self.lowering.project.to_string(),
            upstream: self.lowering.upstream.clone(),
            security: self.lowering.security.into(),
            provenance: self.provenance.clone(),
            settings: Settings::CommandLine,
        };
        let (compiled, reads) = self.documents.read((options, stdin), compiler::compile)?;
        Ok(Compilation { artifact: compiled.artifact, diagnostics: compiled.diagnostics, reads })
    }
}

impl DocumentArgs {
    /// Compares the documents' examples with their schemas. Where requests would go, and who may make them, has no say
    /// in that.
    ///
    /// # Errors
    /// As [`Request::compile`].
    pub fn check(&self) -> Result<Diagnostics, documents::Error> {
        let upstream = Some("http://upstream.invalid".to_owned());
        let options = Options { upstream, security: SecurityMode::Off, ..Options::default() };
        Ok(self.read((options, None), compiler::check)?.0)
    }

    /// Gives the documents, with what stdin held if it was read already, to `look`.
    fn read<T>(
        &self,
        (options, stdin): (Options, Option<&[u8]>),
        look: impl FnOnce(&Input<'_>) -> T,
    ) -> Result<(T, Reads), documents::Error> {
        let Self { specs, overlays, root } = self;
        let folder = Folder::of(specs, root.as_deref())?.with_stdin(specs.iter().chain(overlays), stdin)?;
        let name = |paths: &[PathBuf]| paths.iter().map(|path| folder.name(path)).collect::<Result<Vec<_>, _>>();
        // A folder that is named is the fence itself.
        let fence = if root.is_some() { Fence::Files } else { Fence::Documents };
        let input = Input { specs: name(specs)?, overlays: name(overlays)?, fence, files: &folder, options };
        let seen = look(&input);
        Ok((seen, folder.reads()))
    }
}

impl SigningArgs {
    /// Where the key is that was named.
    pub fn source(&self) -> Result<Option<KeySource>, key::Error> {
        Ok(self.signing_key.as_deref().map(str::parse).transpose()?)
    }

    /// Does everything that [`Self::build`] does but make a development key: whatever would keep a model from becoming
    /// a file is found.
    pub fn rehearse(&self, artifact: &Artifact, config: &Config) -> Result<(), Error> {
        let draft = Draft::encode(artifact).map_err(Unencodable)?;
        let draft = match self.source()? {
            Some(source) => draft.sign(&source.resolve(config)?),
            None => draft,
        };
        draft.finish().map_err(Unencodable)?;
        Ok(())
    }

    /// Encodes a model and signs it.
    pub fn build(&self, artifact: &Artifact, config: &Config) -> Result<Built, Error> {
        let draft = Draft::encode(artifact).map_err(Unencodable)?;
        let (draft, signer) = match self.source()? {
            Some(source) => {
                let key = source.resolve(config)?;
                (draft.sign(&key), Signer::Key(key.public().id()))
            }
            None if self.unsigned => (draft, Signer::Nobody),
            None => {
                let development = key::development_key(config)?;
                let signer = Signer::Development {
                    key: development.key.public().id(),
                    path: development.path,
                    age: development.age,
                };
                (draft.sign(&development.key), signer)
            }
        };
        let bytes = draft.finish().map_err(Unencodable)?;
        Ok(Built { digest: container::digest(&bytes), bytes, signer })
    }
}

impl From<Security> for SecurityMode {
    fn from(security: Security) -> Self {
        match security {
            Security::Enforce => Self::Enforce,
            Security::Presence => Self::Presence,
            Security::Off => Self::Off,
        }
    }
}

#[cfg(test)]
mod tests {
    use artifact_format::model::{Policies, Routes, Schemas, Specs, Upstreams};

    use super::*;

    #[test]
    fn what_no_gateway_would_read_is_found_without_writing_it() {
        let rehearsed = |project: &str| {
            let artifact = Artifact {
                project: project.to_owned(),
                compiler: "test/0".to_owned(),
                provenance: Provenance::default(),
                routes: Routes::default(),
                schemas: Schemas::default(),
                policies: Policies::default(),
                upstreams: Upstreams::default(),
                specs: Specs::default(),
            };
            SigningArgs::default().rehearse(&artifact, &Config::from_environment())
        };
        rehearsed("shop").unwrap();
        // More than the 1 MiB of a manifest.
        assert!(matches!(rehearsed(&"p".repeat(2 << 20)), Err(Error::Unencodable(_))));
    }
}
