//! What an agent begins with.

use std::collections::BTreeMap;

use artifact_format::container::Digest;
use artifact_format::root::Root;
use artifact_format::trust::Trust;
use uuid::Uuid;

use super::event::Failure;
use super::record::Record;
use crate::message::{Alarm, Formats};

/// Who a data plane is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The same for as long as its state folder is.
    pub node_id: Uuid,
    /// Of this process.
    pub instance_id: Uuid,
    /// What people call it.
    pub name: String,
    /// For selectors.
    pub labels: BTreeMap<String, String>,
    /// Where clients find it.
    pub gateway_host: Option<String>,
    /// The artifact formats that it reads.
    pub formats: Formats,
    /// Of the program.
    pub version: String,
}

/// What an agent starts with.
#[derive(Debug)]
pub struct Start {
    /// Who it is.
    pub identity: Identity,
    /// What was remembered, after [`Record::boot`].
    pub record: Record,
    /// Why that is not on the disk, where it is not.
    pub unwritten: Option<Failure>,
    /// What was set aside by it.
    pub set_aside: Option<Digest>,
    /// What is served already.
    pub running: Option<Digest>,
    /// The keys to believe, where no root says otherwise.
    pub pinned: Trust,
    /// The root that was remembered.
    pub root: Option<Root>,
    /// Whether there is a place to start from.
    pub bootstrap: Bootstrap,
    /// What somebody should look at, for as long as the process runs until an artifact is put to work.
    pub alarms: Vec<Alarm>,
    /// What was damaged when the process began.
    pub damaged: Damaged,
}

/// Whether there is a place to start from while there is no control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrap {
    /// There is.
    Available,
    /// There is none.
    Absent,
}

/// What is damaged in the state folder, until it is written anew.
#[derive(Debug, Default)]
pub struct Damaged {
    /// The record.
    pub record: Option<Alarm>,
    /// The trust root.
    pub root: Option<Alarm>,
}
