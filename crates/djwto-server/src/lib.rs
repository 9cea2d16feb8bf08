//! The guard of services beside a Django project: it answers a proxy's question whether a request may
//! pass, by the login of that project. It only reads.

pub mod assertions;
pub mod claims;
pub mod config;
pub mod decision;
pub mod export;
pub mod feed;
pub mod files;
pub mod forwarded;
pub mod guard;
pub mod keys;
pub mod logging;
pub mod metrics;
pub mod problem;
pub mod redirect;
pub mod respond;
pub mod rules;
pub mod store;
pub mod tls;
