//! How each error ends the process. `docs/reference/exit-codes.md` tells users the same.

use std::process::ExitCode;

use artifact_format::container;

use crate::command::{Error, Outcome};
use crate::store::objects::{LocationError, OwnerError};
use crate::store::sql;
use crate::{app, artifact, backup, build, client, compilation, dev, documents, file, init, key, output};

/// The exit codes of every `portcullis-control` command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Done.
    Ok = 0,
    /// Anything without a code of its own, such as a disk that is full.
    Generic = 1,
    /// The command line, or the environment, says something that cannot be meant. Also: `diff
    /// --detailed-exitcode` found a difference.
    Usage = 2,
    /// An artifact that no trusted key signed. Also: a server that does not believe the token, or does not let it.
    Untrusted = 3,
    /// Something that is not there, or that is there and must not be replaced, or was changed by somebody else.
    NotFoundOrConflict = 4,
    /// A document that does not compile, a file that is not a sound artifact, or what a server says cannot be meant.
    Invalid = 5,
    /// A server that was asked too often.
    RateLimited = 6,
    /// A server that is not there, does not answer, or cannot go on.
    Server = 7,
    /// A deployment that failed, was taken back, or gave way to another.
    DeploymentFailed = 8,
    /// What was waited for takes longer; it goes on.
    TimedOut = 9,
    /// A signing key or a token that could not be had.
    Secret = 13,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Generic,
        Self::Usage,
        Self::Untrusted,
        Self::NotFoundOrConflict,
        Self::Invalid,
        Self::RateLimited,
        Self::Server,
        Self::DeploymentFailed,
        Self::TimedOut,
        Self::Secret,
    ];
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// How a command ends that did what it was asked.
pub fn of_outcome(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Done => Code::Ok.into(),
        Outcome::Different => Code::Usage.into(),
    }
}

/// How a command ends that could not do what it was asked.
pub fn of_error(error: &Error) -> ExitCode {
    code(error).into()
}

fn code(error: &Error) -> Code {
    match error {
        Error::Config(_)
        | Error::NoDataFolder
        | Error::Telemetry(_)
        | Error::Traces(_)
        | Error::Output(output::Error::Terminal) => Code::Usage,
        Error::File(error) => of_file(error),
        Error::Key(error) => of_key(error),
        Error::Artifact(error) => of_artifact(error),
        Error::Documents(error) => of_documents(error),
        Error::Compilation(error) => of_compilation(error),
        Error::DoesNotCompile { .. } | Error::Denied { .. } | Error::Diff(_) => Code::Invalid,
        Error::Build(error) => of_build(error),
        Error::Dev(error) => of_dev(error),
        Error::Init(error) => of_init(error),
        Error::Server(error) => of_server(error),
        Error::Backup(error) => of_backup(error),
        Error::Client(error) => of_client(error),
        Error::Contexts(error) => of_contexts(error),
        Error::Database(_) => Code::Secret,
        Error::Output(_) => Code::Generic,
    }
}

fn of_file(error: &file::Error) -> Code {
    match error {
        file::Error::NotFound { .. } | file::Error::Exists { .. } | file::Error::NotAFile { .. } => {
            Code::NotFoundOrConflict
        }
        file::Error::Input { .. } => Code::Usage,
        file::Error::TooLarge { .. } => Code::Invalid,
        file::Error::NoFolder { .. } | file::Error::Io { .. } => Code::Generic,
    }
}

fn of_key(error: &key::Error) -> Code {
    match error {
        key::Error::Unset { .. }
        | key::Error::Unreadable(_)
        | key::Error::NotASigningKey { .. }
        | key::Error::NotAMasterKey { .. } => Code::Secret,
        key::Error::Source(_)
        | key::Error::NotAPublicKey { .. }
        | key::Error::PublicKeyFile { .. }
        | key::Error::NoConfigurationFolder => Code::Usage,
        key::Error::File(error) => of_file(error),
        key::Error::Random(_) | key::Error::Encoding(_) => Code::Generic,
    }
}

fn of_artifact(error: &artifact::Error) -> Code {
    match error {
        artifact::Error::File(error) => of_file(error),
        artifact::Error::Refused { source, .. } => of_container(source),
    }
}

fn of_documents(error: &documents::Error) -> Code {
    match error {
        documents::Error::File(error) => of_file(error),
        documents::Error::Outside { .. } | documents::Error::Name { .. } | documents::Error::StdinRepeated { .. } => {
            Code::Usage
        }
        documents::Error::StdinTooLarge => Code::Invalid,
        documents::Error::Stdin(_) => Code::Generic,
    }
}

fn of_compilation(error: &compilation::Error) -> Code {
    match error {
        compilation::Error::Key(error) => of_key(error),
        compilation::Error::Unencodable(_) => Code::Invalid,
    }
}

fn of_build(error: &build::child::Error) -> Code {
    match error {
        build::child::Error::Unencodable(_) => Code::Invalid,
        build::child::Error::Limit(_) | build::child::Error::Thread(_) | build::child::Error::Job(_) => Code::Generic,
    }
}

fn of_dev(error: &dev::Error) -> Code {
    match error {
        dev::Error::Documents(error) => of_documents(error),
        dev::Error::Stdin => Code::Usage,
        dev::Error::Compilation(error) => of_compilation(error),
        dev::Error::File(error) => of_file(error),
        dev::Error::NoGateway | dev::Error::GatewayNotFound { .. } => Code::NotFoundOrConflict,
        dev::Error::Gateway { .. } | dev::Error::Watch(_) | dev::Error::System(_) => Code::Generic,
    }
}

fn of_server(error: &app::Error) -> Code {
    match error {
        app::Error::MasterKey(error) => of_key(error),
        app::Error::Database(sql::Error::Url { .. })
        | app::Error::ArtifactStore(LocationError::Url(_) | LocationError::EndpointOfFolder) => Code::Usage,
        app::Error::DataFolder { .. }
        | app::Error::ArtifactStore(LocationError::Folder { .. } | LocationError::SetUp(_)) => Code::Generic,
        app::Error::Database(sql::Error::NoDatabase { .. } | sql::Error::OtherSchema { .. })
        | app::Error::ArtifactStoreOwner(OwnerError::Other { .. } | OwnerError::Unreadable { .. }) => {
            Code::NotFoundOrConflict
        }
        app::Error::OtherMasterKey { .. } => Code::Secret,
        app::Error::Database(_)
        | app::Error::ArtifactStoreOwner(OwnerError::Unreachable { .. })
        | app::Error::Domain(_)
        | app::Error::Secret(_)
        | app::Error::Listener(_)
        | app::Error::System(_) => Code::Server,
    }
}

fn of_backup(error: &backup::Error) -> Code {
    use crate::domain::error::Error as Domain;
    use backup::Error;
    match error {
        Error::NotABackup(_)
        | Error::Format { .. }
        | Error::NewerSchema { .. }
        | Error::OlderSchema { .. }
        | Error::Truncated
        | Error::Damaged(_)
        | Error::Altered(_) => Code::Invalid,
        Error::WrongPassphrase
        | Error::PassphraseNeeded
        | Error::NoPassphrase
        | Error::Passphrase(_)
        | Error::Secret { .. } => Code::Secret,
        Error::Domain(Domain::Conflict(_)) => Code::NotFoundOrConflict,
        Error::Artifact { .. } | Error::Domain(_) => Code::Server,
        Error::Row { .. } | Error::Write(_) | Error::Read(_) => Code::Generic,
    }
}

fn of_client(error: &client::Error) -> Code {
    use client::Error;
    match error {
        Error::Refused(problem) => of_status(problem.status),
        Error::Unreachable { .. }
        | Error::Foreign { .. }
        | Error::Unexpected { .. }
        | Error::Unreadable(_)
        | Error::TooLarge { .. }
        | Error::BuildFailed { .. } => Code::Server,
        Error::Url { .. }
        | Error::Certificates { .. }
        | Error::Settings { .. }
        | Error::NoProject
        | Error::NoName
        | Error::Time
        | Error::NotConfirmed { .. } => Code::Usage,
        Error::Setup(_) | Error::Runtime(_) => Code::Generic,
        Error::NoToken { .. } => Code::Untrusted,
        Error::Token(error) => of_token(error),
        Error::Context(error) => of_contexts(error),
        Error::File(error) => of_file(error),
        Error::NoSuch { .. }
        | Error::Ambiguous { .. }
        | Error::BuildCancelled { .. }
        | Error::NoArtifact { .. }
        | Error::NothingBuilt => Code::NotFoundOrConflict,
        Error::Pack(error) => of_pack(error),
        Error::NotTheArtifact { .. } | Error::DoesNotCompile { .. } => Code::Invalid,
        Error::TimedOut { .. } | Error::StillDeploying { .. } => Code::TimedOut,
        Error::DeploymentFailed { .. } => Code::DeploymentFailed,
    }
}

/// What a server's refusal is, by the status of HTTP.
fn of_status(status: u16) -> Code {
    match status {
        401 | 403 => Code::Untrusted,
        404 | 405 | 409 | 410 | 412 | 428 => Code::NotFoundOrConflict,
        429 => Code::RateLimited,
        400..=499 => Code::Invalid,
        _ => Code::Server,
    }
}

fn of_token(error: &client::token::Error) -> Code {
    use client::token::Error;
    match error {
        Error::Place(_) | Error::Itself | Error::Twice => Code::Usage,
        Error::NotGiven => Code::Untrusted,
        Error::Unset(_) | Error::Unreadable(_) | Error::Stdin(_) | Error::NotAToken { .. } => Code::Secret,
    }
}

fn of_contexts(error: &client::context::Error) -> Code {
    use client::context::Error;
    match error {
        Error::NoFolder | Error::NoneInUse => Code::Usage,
        Error::Unreadable { .. } => Code::Invalid,
        Error::File(error) => of_file(error),
        Error::NoSuch { .. } => Code::NotFoundOrConflict,
    }
}

fn of_pack(error: &client::pack::Error) -> Code {
    use client::pack::Error;
    match error {
        Error::Documents(error) => of_documents(error),
        Error::File(error) => of_file(error),
        Error::FolderAmongFiles { .. } | Error::EntryOfFiles | Error::Name { .. } => Code::Usage,
        Error::Unreadable { .. } | Error::Upload(_) => Code::Invalid,
        Error::Archive(_) => Code::Generic,
    }
}

fn of_init(error: &init::Error) -> Code {
    match error {
        init::Error::Name { .. } => Code::Usage,
        init::Error::NotEmpty { .. } => Code::NotFoundOrConflict,
        init::Error::Folder { .. } => Code::Generic,
        init::Error::File(error) => of_file(error),
    }
}

fn of_container(error: &container::Error) -> Code {
    match error {
        container::Error::Trust(_) => Code::Untrusted,
        container::Error::NotAnArtifact
        | container::Error::Truncated { .. }
        | container::Error::TrailingBytes { .. }
        | container::Error::FormatTooNew { .. }
        | container::Error::FormatTooOld { .. }
        | container::Error::TooLarge { .. }
        | container::Error::Damaged { .. }
        | container::Error::SectionMismatch { .. }
        | container::Error::UnknownSection { .. }
        | container::Error::MissingSection { .. }
        | container::Error::Undecodable { .. }
        | container::Error::Inconsistent(_) => Code::Invalid,
    }
}
