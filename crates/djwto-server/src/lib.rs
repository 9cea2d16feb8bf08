//! The guard of services beside a Django project: it answers a proxy's question whether a request may
//! pass, by the login of that project. It only reads.

pub mod feed;
pub mod rules;
pub mod store;
