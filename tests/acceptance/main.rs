//! The scenarios of `docs/acceptance.md` that need desk, jobs and twin together, in one process.

mod claims;
mod crash;
mod dated;
mod deliveries;
mod disputes;
mod double;
mod event_schemas;
mod evidence;
mod feed;
mod first_payment;
mod hostile;
mod incoming;
mod more_time;
mod numbers;
mod quarantine;
mod reviewed_desk;
mod reviewed_money;
mod simulation;
mod stage;
mod transitions;
mod unknown;
mod webhooks;
