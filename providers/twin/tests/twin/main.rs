//! The twin from outside: as a service, a payer and a developer see it.

mod control;
mod faults;
mod pay_by_link;
mod play;
mod specification;
mod wire;
