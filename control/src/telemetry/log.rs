//! Logs: one JSON object a line, with `timestamp, level, target, message`, then what the event says, then what the
//! spans around it say (`request_id`, `trace_id`). Text for people on a terminal.

use std::error::Error as StdError;
use std::fmt;
use std::io::{IsTerminal, Write, stderr};

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Map, Number, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl Format {
    /// Text where standard error is a terminal, JSON elsewhere.
    pub fn of_stderr() -> Self {
        if stderr().is_terminal() { Self::Text } else { Self::Json }
    }
}

pub(super) fn layer<S, W>(format: Format, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    match format {
        Format::Json => Json { writer }.boxed(),
        Format::Text => tracing_subscriber::fmt::layer().with_ansi(stderr().is_terminal()).with_writer(writer).boxed(),
    }
}

struct Json<W> {
    writer: W,
}

impl<S, W> Layer<S> for Json<W>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), format!("{:.6}", Timestamp::now()).into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), fields.target.take().unwrap_or_else(|| metadata.target().to_owned()).into());
        line.insert("message".to_owned(), fields.values.remove("message").unwrap_or_default());
        // What was said first, and nearest, stands.
        fields.values.into_iter().for_each(|(name, value)| _ = line.entry(name).or_insert(value));
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                let outer = outer.values.iter();
                outer.for_each(|(name, value)| _ = line.entry(name).or_insert_with(|| value.clone()));
            }
        }
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // Where even standard error is gone, nobody is left to tell.
        let _ = self.writer.make_writer_for(metadata).write_all(text.as_bytes());
    }
}

/// What a span or an event says.
#[derive(Debug, Default)]
struct Fields {
    values: Map<String, Value>,
    /// Whose words these are, where the crate `log` brought them.
    target: Option<String>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match field.name() {
            "log.target" => self.target = value.as_str().map(str::to_owned),
            // Names with a dot are attributes of spans, by the conventions of OpenTelemetry.
            name if name.contains('.') => {}
            name => _ = self.values.insert(name.to_owned(), value),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Number::from_f64(value).map_or(Value::Null, Value::Number));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn StdError + 'static)) {
        self.add(field, value.to_string().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }
}
