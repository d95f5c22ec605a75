//! An artifact whose bytes come from the disk when a test says so: what happens meanwhile is no matter of luck.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use artifact_format::container::digest;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use tests::wait;

use crate::Stage;

/// In an artifact's place there is a pipe: whoever reads the artifact waits until it is fed.
pub(crate) struct Slow {
    path: PathBuf,
    name: String,
    bytes: Vec<u8>,
}

impl Stage {
    /// Has this version in the state folder already, on a slow disk. It must not have been there before.
    pub(crate) fn has_slowly(&self, number: usize) -> Slow {
        let (path, bytes) = (self.artifact(number), self.version(number));
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Slow { path, name: digest(&bytes).to_string(), bytes }
    }

    /// Waits until it is found, compared with its name, and written down as what is tried; its load goes on for as long
    /// as it is not fed once more.
    pub(crate) async fn is_loading(&self, slow: &Slow) {
        let before = self.loads_of(slow);
        slow.is_fed().await;
        wait::until("it is loaded", async || self.loads_of(slow) > before).await;
    }

    /// How often the gateway said that it loads it.
    fn loads_of(&self, slow: &Slow) -> usize {
        self.gateway.messages("loading").iter().filter(|entry| entry["sha256"] == slow.name).count()
    }
}

impl Slow {
    /// Waits for somebody who reads it, and gives it to them.
    pub(crate) async fn is_fed(&self) {
        let mut pipe = self.is_read().await;
        let mut left = &self.bytes[..];
        wait::until("it is read to its end", async || {
            match pipe.write(left) {
                Ok(written) => left = &left[written..],
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
            left.is_empty()
        })
        .await;
    }

    async fn is_read(&self) -> File {
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
        let mut pipe = None;
        wait::until("somebody reads it", async || {
            // Nobody can open it for as long as nobody reads it.
            pipe = OpenOptions::new().write(true).custom_flags(nonblocking).open(&self.path).ok();
            pipe.is_some()
        })
        .await;
        pipe.unwrap()
    }

    /// The disk is a fast one again.
    pub(crate) fn heals(self) {
        fs::remove_file(&self.path).unwrap();
        fs::write(self.path, self.bytes).unwrap();
    }
}
