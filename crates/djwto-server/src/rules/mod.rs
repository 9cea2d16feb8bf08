//! Rules by host, method and path: what a request needs before it may pass.
//!
//! [`Hosts::compile`] takes `[hosts.*]` of `djwto.toml` and checks it. For each request,
//! [`Hosts::find`] finds the [`Host`], and [`Host::decide`] says which [`Access`] it needs:
//!
//! ```
//! use djwto_server::rules::{Access, Hosts, HostsSettings, Method, Scheme};
//!
//! let settings: HostsSettings = toml::from_str(
//!     r#"
//!     ["models.example.org"]
//!     rules = [
//!       { path = "/static/*", allow = "public" },
//!       { path = "/*", permissions = ["portal.use_models"] },
//!     ]
//!     "#,
//! )?;
//! let hosts = Hosts::compile(settings, false).map_err(|errors| errors[0].to_string())?;
//!
//! let host = hosts.find(Scheme::Https, b"models.example.org")?;
//! let get = Method::parse(b"GET")?;
//! assert_eq!(host.decide(get, b"/static/app.js?v=2")?, &Access::Public);
//! let needed = Access::Permissions(vec!["portal.use_models".to_owned()]);
//! assert_eq!(host.decide(get, b"/runs/7")?, &needed);
//! assert_eq!(host.decide(get, b"/static%2f..%2fruns").unwrap_err().slug(), "path_ambiguous");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # One answer for all readings
//!
//! Programs disagree about paths: `/static%2f..%2fruns` is one file to one of them, and `/runs` to
//! another. So a path is read in every way that programs are known to read it ([`Readings`]). The
//! first rule that matches decides for each reading. A request passes only where all readings need
//! the same access.
//!
//! # Patterns
//!
//! A pattern is a path as a person reads it: Unicode, without escapes. `/büro/*` matches
//! `/b%C3%BCro`, `/b%C3%BCro/` and all below. [`Pattern`] has the table.
//!
//! # What is not covered
//!
//! Rules see the method that the client sent. A program that takes another one from a header, such as
//! `X-HTTP-Method-Override`, or from a form needs the same access for all methods.

mod access;
mod check;
mod decode;
mod explain;
mod host_name;
mod index;
mod method;
mod path;
mod pattern;
mod settings;
mod steps;
mod table;
mod text;

pub use access::{Access, PathError, Refusal};
pub use explain::{ExplainedReading, ExplainedRule, Explanation};
pub use host_name::{Origin, Scheme};
pub use method::Method;
pub use path::{Reading, Readings};
pub use pattern::Pattern;
pub use settings::{Allow, CsrfMode, HostSettings, HostsSettings, RuleSettings, SettingsError};
pub use table::{Host, Hosts};
