//! The scenarios of `docs/acceptance.md` that need desk, jobs and twin together, in one process.

mod deliveries;
mod disputes;
mod first_payment;
mod incoming;
mod numbers;
mod stage;
