//! The scenarios of `docs/acceptance.md` that need desk, jobs and twin together, in one process.

mod first_payment;
mod stage;
