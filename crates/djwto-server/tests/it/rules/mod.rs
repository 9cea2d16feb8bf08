//! Rules: readings of paths, patterns, tables, settings.

mod attacks;
mod hosts;
mod oracle;
mod property;
mod readings;
mod settings;
mod speed;
mod support;
mod table;
mod urls;
