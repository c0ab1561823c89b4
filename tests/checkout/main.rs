//! The checkout as a citizen walks through it: the real routes, desk, jobs and twin in one process.

mod browser;
mod guard;
mod html;
mod journeys;
mod languages;
mod more_time;
mod outcomes;
#[expect(dead_code, reason = "the stage is shared, and these tests use a part of it")]
#[path = "../acceptance/stage.rs"]
mod stage;
mod switching;
