//! The guard of services beside a Django project: it answers a proxy's question whether a request may
//! pass, by the login of that project. It only reads.

pub mod config;
pub mod export;
pub mod feed;
pub mod files;
pub mod problem;
pub mod rules;
pub mod store;
