//! The scenarios of `docs/acceptance.md` that need desk, jobs and twin together, in one process.

mod crash;
mod double;
mod first_payment;
mod hostile;
mod quarantine;
mod simulation;
mod stage;
mod transitions;
mod unknown;
