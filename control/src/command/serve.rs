//! `serve`: the control plane's server.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use super::database::{self, DatabaseArgs};
use super::{Context, Error, Outcome};
use crate::access::upkeep::{Keep, Retention};
use crate::api::PublicUrl;
use crate::app::{self, AdminToken, App, BuildSettings, FleetSettings, KeySettings, Settings};
use crate::build::worker::Worker;
use crate::custody::{Allowed, References};
use crate::fleet::{Bounds, Times};
use crate::hidden::Hidden;
use crate::key::KeySource;
use crate::server::{self, Signals};
use crate::store::objects::{Location, LocationError};
use crate::telemetry::{self, Telemetry, log};

/// The arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    listener: server::Options,
    #[command(flatten)]
    database: DatabaseArgs,
    /// A PostgreSQL server that follows the database, for reads that are heavy.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATABASE_READ_URL", hide_env_values = true, value_name = "URL")]
    database_read_url: Option<Hidden<String>>,
    /// A file that holds the URL of that server.
    #[arg(
        long,
        env = "PORTCULLIS_CONTROL_DATABASE_READ_URL_FILE",
        value_name = "FILE",
        conflicts_with = "database_read_url"
    )]
    database_read_url_file: Option<PathBuf>,
    /// Where the key is that private keys are sealed under: `env://NAME` or `file:///path`, 32 bytes in base64. Without it,
    /// `master.key` in the data folder, which is made the first time. Control planes with one database have one master
    /// key.
    #[arg(long, env = "PORTCULLIS_CONTROL_MASTER_KEY", value_name = "REFERENCE")]
    master_key: Option<KeySource>,
    /// Lets tokens of the whole installation refer to signing keys of this server: in variables whose names begin so
    /// (`env://PREFIX`), or in the files of a folder (`file:///FOLDER`). Repeatable, or several with commas between them.
    #[arg(long, env = "PORTCULLIS_CONTROL_ALLOW_KEY_REFERENCES", value_delimiter = ',', value_name = "PREFIX")]
    allow_key_references: Vec<Allowed>,
    /// Make another token of the whole installation and print it: for whoever has lost them all.
    #[arg(long)]
    new_admin_token: bool,
    /// How many requests a second each credential may make, ten seconds' worth of them at once. 0: as many as it likes.
    #[arg(long, env = "PORTCULLIS_CONTROL_RATE_LIMIT", value_name = "REQUESTS", default_value_t = 500)]
    rate_limit: u32,
    /// How long audit events are kept: a time of at least a day such as `400d`, or `forever`.
    #[arg(long, env = "PORTCULLIS_CONTROL_AUDIT_RETENTION", value_name = "TIME", default_value = "400d")]
    audit_retention: Retention,
    /// Where data planes find this control plane: `https://HOST`, with a path if it is behind one. It stands in the commands
    /// that are shown with new API keys.
    #[arg(long, env = "PORTCULLIS_CONTROL_PUBLIC_URL", value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// How data planes are let in and heard of.
    #[command(flatten)]
    data_planes: Fleet,
    /// Where the bytes of artifacts are kept: `file:///FOLDER`, or `s3://BUCKET/PREFIX` with the usual `AWS_*` variables.
    /// Without it, a folder in the data folder. Control planes with one database have one store of artifacts.
    #[arg(long, env = "PORTCULLIS_CONTROL_ARTIFACT_STORE", value_name = "URL", group = "stores")]
    artifact_store: Option<String>,
    /// Where the S3 server is, if it is not Amazon's: `https://HOST:PORT`.
    #[arg(long, env = "PORTCULLIS_CONTROL_ARTIFACT_STORE_ENDPOINT", value_name = "URL", requires = "stores")]
    artifact_store_endpoint: Option<String>,
    /// Where data planes find what they start from while no control plane is there (`portcullis serve --bootstrap`):
    /// `file:///FOLDER` or `s3://BUCKET/PREFIX`, which is kept up to date. Serve it over HTTP, if it is not a folder of theirs.
    #[arg(long, env = "PORTCULLIS_CONTROL_BOOTSTRAP_STORE", value_name = "URL", group = "stores")]
    bootstrap_store: Option<String>,
    /// How many builds are worked on at a time. Without it, as many as there are cores, and two at most.
    #[arg(long, env = "PORTCULLIS_CONTROL_BUILD_JOBS", value_name = "COUNT")]
    build_jobs: Option<NonZeroUsize>,
    /// How long builds that ended are kept, with their logs and diagnostics: a time of at least a day such as `90d`, or
    /// `forever`. A build that an artifact came of stays as long as the artifact.
    #[arg(long, env = "PORTCULLIS_CONTROL_BUILD_RETENTION", value_name = "TIME", default_value = "90d")]
    build_retention: Retention,
    /// How to log: text on a terminal, JSON elsewhere.
    #[arg(long, env = "PORTCULLIS_CONTROL_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    log_format: Option<log::Format>,
    /// What to log: a level, or `target=level,...`.
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
}

/// Runs `serve`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let data_folder =
        args.database.data_dir.clone().or_else(|| context.config.data_folder.clone()).ok_or(Error::NoDataFolder)?;
    let settings = Settings {
        listener: args.listener.clone(),
        data_folder,
        database_url: args.database.url()?,
        database_read_url: database::given(args.database_read_url.as_ref(), args.database_read_url_file.as_deref())?,
        keys: KeySettings {
            master_key: args.master_key.clone(),
            references: References { allowed: args.allow_key_references.clone(), config: context.config.clone() },
        },
        admin_token: if args.new_admin_token { AdminToken::Another } else { AdminToken::First },
        rate_limit: args.rate_limit,
        keep: Keep { events: args.audit_retention, builds: args.build_retention },
        bootstrap: args.bootstrap_location().map_err(crate::app::Error::from)?,
        fleet: args.data_planes.settings(args.public_url.clone()),
        builds: BuildSettings {
            artifacts: args.artifact_location().map_err(crate::app::Error::from)?,
            at_once: args.build_jobs.unwrap_or_else(Worker::usual_at_once),
        },
    };
    let telemetry = telemetry::Settings {
        format: args.log_format.unwrap_or_else(log::Format::of_stderr),
        filter: args.log.clone(),
        traces: context.config.traces()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(app::Error::System)?;
    runtime.block_on(serve(&settings, &telemetry, context))?;
    Ok(Outcome::Done)
}

/// How data planes are let in and heard of.
#[derive(Debug, clap::Args)]
pub struct Fleet {
    /// How long a data plane waits between two heartbeats, while no deployment is under way: at least a second.
    #[arg(long, env = "PORTCULLIS_CONTROL_HEARTBEAT_INTERVAL", value_name = "DURATION", value_parser = interval, default_value = "30s")]
    heartbeat_interval: Duration,
    /// How long data planes have to come back after a control plane or the database was away, before they count as offline:
    /// longer than they wait before they connect again, which is a minute at most.
    #[arg(long, env = "PORTCULLIS_CONTROL_RETURN_TIME", value_name = "DURATION", value_parser = interval, default_value = "90s")]
    return_time: Duration,
    /// How long a data plane that registered itself is remembered after it was last seen: a time of at least a day, or
    /// `forever`.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATA_PLANE_RETENTION", value_name = "TIME", default_value = "30d")]
    data_plane_retention: Retention,
    /// How many data planes may be connected at a time.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATA_PLANES_MAX", value_name = "N", default_value_t = Bounds::default().connected_max)]
    data_planes_max: u64,
    /// How many data planes of one project may be connected at a time. Without it, as many as of all together.
    #[arg(long, env = "PORTCULLIS_CONTROL_PROJECT_DATA_PLANES_MAX", value_name = "N")]
    project_data_planes_max: Option<u64>,
    /// How many data planes a project may have, connected or not, before one with a new name is turned away.
    #[arg(long, env = "PORTCULLIS_CONTROL_PROJECT_DATA_PLANES_REMEMBERED_MAX", value_name = "N", default_value_t = Bounds::default().project_remembered_max)]
    project_data_planes_remembered_max: u64,
    /// How many data planes are let in each second.
    #[arg(long, env = "PORTCULLIS_CONTROL_ADMISSION_RATE", value_name = "N", default_value_t = Bounds::default().admitted_each_second)]
    admission_rate: NonZeroU32,
}

/// A time that is no interval.
#[derive(Debug, thiserror::Error)]
#[error("give a time of at least a second, such as `30s`")]
struct IntervalError;

fn interval(text: &str) -> Result<Duration, IntervalError> {
    let time = humantime::parse_duration(text).map_err(|_| IntervalError)?;
    if (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&time) { Ok(time) } else { Err(IntervalError) }
}

impl Fleet {
    fn settings(&self, public_url: Option<PublicUrl>) -> FleetSettings {
        let remembered = match self.data_plane_retention {
            Retention::Forever => None,
            Retention::For(time) => Some(time),
        };
        let (heartbeat, return_time) = (self.heartbeat_interval, self.return_time);
        let bounds = Bounds {
            admitted_each_second: self.admission_rate,
            connected_max: self.data_planes_max,
            project_connected_max: self.project_data_planes_max.unwrap_or(self.data_planes_max),
            project_remembered_max: self.project_data_planes_remembered_max,
        };
        FleetSettings { public_url, times: Times { heartbeat, return_time, remembered }, bounds }
    }
}

impl Args {
    fn artifact_location(&self) -> Result<Option<Location>, LocationError> {
        let parse = |url: &String| Location::parse(url, self.artifact_store_endpoint.as_deref());
        self.artifact_store.as_ref().map(parse).transpose()
    }

    fn bootstrap_location(&self) -> Result<Option<Location>, LocationError> {
        // A folder beside a bucket has no endpoint.
        let endpoint = |url: &str| self.artifact_store_endpoint.as_deref().filter(|_| url.starts_with("s3://"));
        let parse = |url: &String| Location::parse(url, endpoint(url));
        self.bootstrap_store.as_ref().map(parse).transpose()
    }
}

async fn serve(settings: &Settings, telemetry: &telemetry::Settings, context: &Context) -> Result<(), Error> {
    let mut signals = Signals::new().map_err(app::Error::System)?;
    let telemetry = Telemetry::start(telemetry)?;
    let app = App::start(settings).await?;
    if let Some(secret) = &app.bootstrap_token {
        // Shown once: it is kept as a hash.
        context.console.data(format!("bootstrap token: {}\n", secret.reveal()).as_bytes())?;
    }
    for address in app.addresses() {
        tracing::info!("listening on {address}");
    }
    app.run(async move { signals.terminated().await }).await;
    telemetry.finish().await;
    Ok(())
}
