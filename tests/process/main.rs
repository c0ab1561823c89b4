//! The binary as its users start it: real processes, real sockets, `kill -9`.

mod commands;
mod demo;
mod operators;
mod serve;
mod support;
#[cfg(feature = "otlp")]
mod traces;
mod webhook;
