//! The adapter from outside: on the wire against a script, against Adyen's own specification, and in the suite that
//! every provider passes.

mod conformance;
mod notifications;
mod settlement;
mod specification;
mod support;
mod wire;
