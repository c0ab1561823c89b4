//! `[log]`: what is logged.

use super::reader::{Keys, Section};

pub(super) const KEYS: Keys = Keys { schema: "log", names: &["level", "format"] };

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Log {
    /// From which level on.
    pub level: LogLevel,
    /// How a record is written.
    pub format: LogFormat,
}

/// How much is logged: everything of this level and of those above it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogLevel {
    /// What needs a person.
    Error,
    /// What may need one.
    Warn,
    /// What happens.
    Info,
    /// How it happens.
    Debug,
    /// Every step.
    Trace,
}

impl LogLevel {
    const NAMES: [(&str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// The name in settings and filters.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, level)| *level == self).map_or("info", |(name, _)| name)
    }
}

/// How a record is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Text,
}

impl Log {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            level: section.word_or("level", &LogLevel::NAMES, LogLevel::Info),
            format: section.word_or("format", &[("json", LogFormat::Json), ("text", LogFormat::Text)], LogFormat::Json),
        }
    }
}
