//! The engine client against a real engine: the one at `DOCKER_HOST`, or the default one. Everything
//! is set up and looked at by the `docker` program, `tar` and Python; the client is what is tested.

#![allow(clippy::unwrap_used)]

mod changes;
mod facts;
mod helper;
mod lab;
mod place;
mod remote;
mod ssh;
