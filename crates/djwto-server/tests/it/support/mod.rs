//! A project's files, the real program, and HTTP by hand.

mod http;
mod program;
mod project;

pub(crate) use http::{Client, Reply, asked, send};
pub(crate) use program::{Program, command, until};
pub(crate) use project::{Project, SID};
