//! What came of a build.

use bytes::Bytes;
use compiler::diagnostic::{Color, Diagnostics, Format};
use tokio::io::AsyncRead;

use super::frame;
use crate::domain::report::Report;

/// How many diagnostics a build reports: nobody repairs more at a time. All of them are counted.
pub const DIAGNOSTICS_MAX: usize = 1000;

/// The bytes of a report in its two forms together; it has fewer diagnostics where they would be more.
pub const REPORT_BYTES_MAX: usize = 8 << 20;

/// What came of a build. It travels as three frames: the report as JSON, as text, and the artifact or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The artifact, which nobody signed; `None` exactly if there are errors.
    pub artifact: Option<Bytes>,
    /// What is wrong with the documents.
    pub report: Report,
    /// The same for people, as `validate` shows it.
    pub text: String,
}

impl Outcome {
    /// The stream that [`Self::receive`] reads.
    pub(super) fn write(mut diagnostics: Diagnostics, artifact: &[u8]) -> Result<Vec<u8>, frame::Error> {
        let mut most = DIAGNOSTICS_MAX;
        let (json, text) = loop {
            diagnostics.keep(most);
            let [json, text] = [Format::Json, Format::Text].map(|format| diagnostics.render(format, Color::Plain));
            if json.len() + text.len() <= REPORT_BYTES_MAX || most == 0 {
                break (json, text);
            }
            most /= 2;
        };
        let mut stream = Vec::with_capacity(json.len() + text.len() + artifact.len() + 12);
        for content in [json.as_bytes(), text.as_bytes(), artifact] {
            frame::push(content, &mut stream)?;
        }
        Ok(stream)
    }

    /// What a process says; its frames come to so many bytes at most.
    pub(super) async fn receive(mut stream: impl AsyncRead + Unpin, most: usize) -> Result<Self, frame::Error> {
        let json = frame::receive(&mut stream, most).await?;
        let most = most - json.len();
        let report = serde_json::from_slice(&json)?;
        let text = frame::receive(&mut stream, most).await?;
        let most = most - text.len();
        let text = String::from_utf8(text).unwrap_or_else(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
        let artifact = frame::receive(&mut stream, most).await?;
        let artifact = Some(artifact).filter(|bytes| !bytes.is_empty()).map(Bytes::from);
        Ok(Self { artifact, report, text })
    }
}
