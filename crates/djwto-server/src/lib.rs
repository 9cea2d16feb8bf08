//! The guard of services beside a Django project: it answers a proxy's question whether a request may
//! pass, by the login of that project. It only reads.
//!
//! | part | modules |
//! |---|---|
//! | files of the operator | [`config`], [`export`], [`files`], [`tls`], [`trust`], [`keys`], [`problem`] |
//! | what a decision needs, as one value | [`guard`], [`rules`], [`claims`], [`assertions`] |
//! | the decision, a plain function | [`forwarded`], [`decision`], [`redirect`] |
//! | replies | [`answer`], [`endpoints`], [`respond`] |
//! | the database | [`store`], [`feed`] |
//! | keys by URL | [`remote_keys`] |
//! | the program | [`cli`], [`commands`], [`serve`], [`server`], [`listener`], [`logging`], [`metrics`], [`notify`] |
//!
//! A decision does no I/O ([`decision::decide`]). Every failure is a refusal. When a file changes,
//! the server makes a new [`guard::Guard`], and requests under way keep theirs ([`server::Reloader`]).

pub mod answer;
pub mod assertions;
pub mod claims;
pub mod cli;
pub mod commands;
pub mod config;
pub mod decision;
pub mod endpoints;
pub mod export;
pub mod feed;
pub mod files;
pub mod forwarded;
pub mod guard;
pub mod keys;
pub mod listener;
pub mod logging;
pub mod metrics;
pub mod notify;
pub mod problem;
pub mod redirect;
pub mod remote_keys;
pub mod respond;
pub mod rules;
pub mod serve;
pub mod server;
pub mod store;
pub mod tls;
pub mod trust;
