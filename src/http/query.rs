//! Queries, read as strictly as bodies.

use std::fmt::Display;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::{Code, ProblemDetails};

/// The parameters of a query, each to be asked for once; what was not asked for is unknown.
pub(super) struct Query {
    parameters: Vec<(String, String)>,
    problems: Vec<(String, String)>,
    asked: Vec<&'static str>,
}

impl Query {
    /// Takes a query apart. A parameter may be given once.
    pub(super) fn of(query: Option<&str>) -> Self {
        let mut parsed = Self { parameters: Vec::new(), problems: Vec::new(), asked: Vec::new() };
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let (name, value) = (name.into_owned(), value.into_owned());
            if value.contains(char::REPLACEMENT_CHARACTER) {
                parsed.problem(&name, "is not UTF-8");
            } else if parsed.parameters.iter().any(|(known, _)| *known == name) {
                parsed.problem(&name, "is given more than once");
            }
            parsed.parameters.push((name, value));
        }
        parsed
    }

    /// A parameter that a rule admits.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.asked.push(name);
        let (_, value) = self.parameters.iter().find(|(known, _)| known == name)?;
        match rule(value) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.problem(name, detail);
                None
            }
        }
    }

    /// A parameter that must be there.
    pub(super) fn required<T, E: Display>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.parameters.iter().any(|(known, _)| known == name) {
            self.problem(name, "is required");
        }
        self.optional(name, rule)
    }

    /// Whether nothing is wrong with the query.
    pub(super) fn finish(mut self) -> Result<(), ProblemDetails> {
        let known = |name: &String| self.asked.iter().any(|asked| asked == name);
        let unknown: Vec<String> =
            self.parameters.iter().map(|(name, _)| name).filter(|name| !known(name)).cloned().collect();
        self.problems.extend(unknown.into_iter().map(|name| (name, "is no parameter of this operation".to_owned())));
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(ProblemDetails::new(Code::QueryInvalid).at_parameters(self.problems))
    }

    fn problem(&mut self, name: &str, detail: impl Display) {
        self.problems.push((name.to_owned(), detail.to_string()));
    }
}

/// A whole number in a range.
pub(super) fn count(range: std::ops::RangeInclusive<u32>) -> impl FnOnce(&str) -> Result<u32, String> {
    move |text| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|number| digits && range.contains(number))
            .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
    }
}

/// Where a list goes on: nothing that a client should read.
pub(super) fn cursor_of(last: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(last.as_bytes())
}

/// What a cursor stands for.
pub(super) fn cursor(text: &str) -> Result<Uuid, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes.and_then(|bytes| Uuid::from_slice(&bytes).ok()).ok_or("is no cursor of ours")
}
