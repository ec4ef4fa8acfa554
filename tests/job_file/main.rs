//! `compose-dump.yml` through the program: what is refused, where, and with which advice.

#![allow(clippy::unwrap_used)]

mod configs;
mod diagnostics;
mod documents;
mod examples;
mod hostile;
mod init;
mod support;
