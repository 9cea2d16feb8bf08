//! Why a request gets the answer it gets.

use std::fmt;

use super::index::Rule;
use super::{Access, Host, Method, Readings, Refusal};

/// The answer to a request, with the rule that each reading of its path meets. [`fmt::Display`]
/// gives some lines of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The host, as it is looked up.
    pub host: String,
    /// The method.
    pub method: &'static str,
    /// The URI as it was given; letters that are not UTF-8 are replaced.
    pub uri: String,
    /// The readings; empty where the path itself is refused.
    pub readings: Vec<ExplainedReading>,
    /// What the request needs, or why it is refused.
    pub answer: Result<Access, Refusal>,
}

/// One reading and its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedReading {
    /// The path that a program finds which reads it so.
    pub path: String,
    /// How it came to be, in words.
    pub how: String,
    /// The rule, if any matches.
    pub rule: Option<ExplainedRule>,
}

/// The rule that a reading meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRule {
    /// Its number in the host's list, from 1.
    pub number: usize,
    /// Its pattern, as written.
    pub pattern: String,
    /// What it asks for.
    pub access: Access,
}

impl Explanation {
    pub(super) fn of(host: &Host, method: Method, uri: &[u8]) -> Self {
        let mut readings = Vec::new();
        for reading in Readings::of(uri).iter().flat_map(Readings::iter) {
            readings.push(ExplainedReading {
                path: reading.text().to_owned(),
                how: reading.steps().to_string(),
                rule: host.explained(host.rules.first(method, reading.text())),
            });
            if !reading.is_folded() || host.rules.is_cased() {
                readings.push(ExplainedReading {
                    path: reading.folded().to_owned(),
                    how: format!("{}, without regard to case", reading.steps()),
                    rule: host.explained(host.rules.first_folded(method, reading.folded())),
                });
            }
        }
        Self {
            host: host.name().to_owned(),
            method: method.name(),
            uri: String::from_utf8_lossy(uri).into_owned(),
            readings,
            answer: host.decide(method, uri).cloned(),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} on {}: ", self.method, self.uri.escape_debug(), self.host)?;
        match &self.answer {
            Ok(access) => write!(out, "{access}")?,
            Err(refusal) => write!(out, "refused, {}: {refusal}", refusal.slug())?,
        }
        for reading in &self.readings {
            write!(out, "\n  {} ({}): ", reading.path.escape_debug(), reading.how)?;
            match &reading.rule {
                Some(rule) => {
                    write!(out, "rule {} {}, {}", rule.number, rule.pattern, rule.access)?;
                }
                None => out.write_str("no rule")?,
            }
        }
        Ok(())
    }
}

impl Host {
    fn explained(&self, found: Option<(usize, &Rule)>) -> Option<ExplainedRule> {
        let (at, rule) = found?;
        let access = self.accesses.get(rule.access)?.clone();
        Some(ExplainedRule { number: at + 1, pattern: rule.pattern.text().to_owned(), access })
    }
}
