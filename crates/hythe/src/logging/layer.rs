//! The subscriber that turns events into lines.

use std::fmt::Debug;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::util::TryInitError;

use super::format::{Formatter, Line};
use super::level::SharedLevel;
use super::lines::LineWriter;

/// What the application log shows, and how.
#[derive(Debug, Clone)]
pub(crate) struct LogSettings {
    /// The lowest level shown.
    pub(crate) level: SharedLevel,
    /// Text or JSON.
    pub(crate) formatter: Formatter,
    /// Fields that every line carries.
    pub(crate) fields: Map<String, Value>,
    /// Whether lines name the place in the code that wrote them.
    pub(crate) report_caller: bool,
    /// What the field with the module of that place is called.
    pub(crate) function_key: &'static str,
}

impl LogSettings {
    /// The line that stands for lines that were lost.
    pub(crate) fn lost(&self, count: u64) -> String {
        let mut fields = self.fields.clone();
        fields.insert("count".to_owned(), Value::from(count));
        self.formatter.format(&Line {
            time: now(),
            level: level_name(Level::WARN),
            message: "log lines lost",
            fields: &fields,
        })
    }
}

/// Makes the application log the program's subscriber.
pub(crate) fn start(settings: LogSettings, writer: LineWriter) -> Result<(), TryInitError> {
    tracing_subscriber::registry()
        .with(LogLayer { settings, writer })
        .try_init()
}

struct LogLayer {
    settings: LogSettings,
    writer: LineWriter,
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _context: Context<'_, S>) -> bool {
        // Libraries below have much to say at debug level about their own affairs.
        let ours = metadata.target().starts_with("hythe");
        let lowest = if ours {
            self.settings.level.get()
        } else {
            self.settings.level.get().min(Level::WARN)
        };
        *metadata.level() <= lowest
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(fields.others));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields {
            message: String::new(),
            others: self.settings.fields.clone(),
        };
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(SpanFields(of_span)) = span.extensions().get() {
                let of_span = of_span.iter().map(|(name, value)| (name.clone(), value.clone()));
                fields.others.extend(of_span);
            }
        }
        event.record(&mut fields);
        if self.settings.report_caller
            && let (Some(file), Some(line)) = (event.metadata().file(), event.metadata().line())
        {
            fields
                .others
                .insert("file".to_owned(), Value::String(format!("{file}:{line}")));
            fields.others.insert(
                self.settings.function_key.to_owned(),
                Value::String(event.metadata().target().to_owned()),
            );
        }
        let level = level_name(*event.metadata().level());
        let line = Line {
            time: now(),
            level,
            message: &fields.message,
            fields: &fields.others,
        };
        self.writer.write(self.settings.formatter.format(&line));
    }
}

fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        _ => "debug",
    }
}

/// The fields of a span, which every event within it carries.
struct SpanFields(Map<String, Value>);

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => {
                self.message = match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
            }
            name => {
                self.others.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, Value::String(value.to_owned()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Value::from(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.set(field, Value::String(text));
    }
}
