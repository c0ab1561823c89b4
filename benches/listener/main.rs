//! What TLS costs: reading and creating payments through it against plain HTTP, and handshakes against bare rustls.
//!
//! Everything runs in one process on one machine, the clients included, so the ratios mean more than the figures.
//! `cargo bench --bench listener` prints a Markdown table; `get`, `post` and `handshake` behind `--` choose parts.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

#[path = "../durable_create/load.rs"]
mod load;
#[expect(dead_code, reason = "it is shared, and this program uses a part of it")]
#[path = "../durable_create/service.rs"]
mod service;
mod tls;
mod wire;

use load::Measured;
use tempfile::TempDir;

/// How many requests are measured a run.
const REQUESTS: u64 = 20_000;
/// How many handshakes are measured a run.
const HANDSHAKES: u64 = 4_000;
/// How often each run is made; the one in the middle counts.
const RUNS: usize = 3;
/// How many clients wait for an answer at a time.
const CLIENTS: u64 = 64;

fn main() {
    if cfg!(debug_assertions) {
        println!("Only a release build says anything: cargo bench --bench listener");
        return;
    }
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let parts: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|word| word == part);
    runtime.block_on(async {
        println!("| what | clients | ours /s | against /s | ratio | ours p50/p99 ms | against p50/p99 ms |");
        println!("|---|---|---|---|---|---|---|");
        if wanted("get") {
            wire::read(&folder).await;
        }
        if wanted("post") {
            wire::create(&folder).await;
        }
        if wanted("handshake") {
            tls::handshakes(&folder).await;
        }
    });
}

fn row(what: &str, ours: Vec<Measured>, against: Vec<Measured>) {
    let (ours, against) = (load::median(ours), load::median(against));
    let percent = ours.per_second() * 100 / against.per_second().max(1);
    println!(
        "| {what} | {CLIENTS} | {} | {} | {}.{:02} | {} / {} | {} / {} |",
        ours.per_second(),
        against.per_second(),
        percent / 100,
        percent % 100,
        load::millis(ours.quantile(500)),
        load::millis(ours.quantile(990)),
        load::millis(against.quantile(500)),
        load::millis(against.quantile(990)),
    );
}
