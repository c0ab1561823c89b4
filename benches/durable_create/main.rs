//! How fast payments are kept durably, what they weigh, and how that grows; each against the least that could do it.
//!
//! The bare limit stores the bytes of the request in three inserts, and one thread commits what is queued at once, with
//! the same settings of SQLite. Everything runs in one process on one machine, the clients included, so the ratios mean
//! more than the figures. `cargo bench --bench durable_create` prints Markdown tables;
//! `growth`, `desk`, `post` and `get` behind `--` choose parts.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod bare;
mod load;
mod machine;
mod service;
mod wire;

use std::sync::Arc;

use load::Measured;
use tempfile::TempDir;

/// How many creations are measured a run.
const CREATIONS: u64 = 20_000;
/// How many reads are measured a run.
const READS: u64 = 40_000;
/// How often each run is made; the one in the middle counts.
const RUNS: usize = 3;
/// How many clients wait for an answer at a time.
const CLIENTS: [u64; 2] = [64, 256];
/// The size of the database before and after it has grown, in payments.
const GROWTH: [u64; 2] = [10_000, 100_000];

fn main() {
    if cfg!(debug_assertions) {
        println!("Only a release build says anything: cargo bench --bench durable_create");
        return;
    }
    // The folder is below the target folder, because temporary folders may be in memory.
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // Words on the command line choose parts; without any, everything is measured.
    let parts: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|word| word == part);
    runtime.block_on(async {
        // First, because memory is that of the whole process.
        if wanted("growth") {
            growth(&folder).await;
            println!();
        }
        println!("| what | clients | ours /s | bare /s | ratio | ours p50/p99 ms | bare p50/p99 ms |");
        println!("|---|---|---|---|---|---|---|");
        for clients in CLIENTS.into_iter().filter(|_| wanted("desk")) {
            create_without_wire(&folder, clients).await;
        }
        for clients in CLIENTS.into_iter().filter(|_| wanted("post")) {
            wire::create(&folder, clients).await;
        }
        for clients in CLIENTS.into_iter().filter(|_| wanted("get")) {
            wire::read(&folder, clients).await;
        }
    });
}

async fn create_without_wire(folder: &TempDir, clients: u64) {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let service = Arc::new(service::Service::new(folder));
        ours.push(load::run(clients, CREATIONS, |number| service::create(Arc::clone(&service), number)).await);
        let kept = Arc::new(bare::Kept::new(folder));
        bare.push(
            load::run(clients, CREATIONS, |number| {
                bare::keep(Arc::clone(&kept), number, service::request_bytes(number))
            })
            .await,
        );
    }
    row("create, no HTTP", clients, ours, bare);
}

fn row(what: &str, clients: u64, ours: Vec<Measured>, bare: Vec<Measured>) {
    let (ours, bare) = (load::median(ours), load::median(bare));
    let percent = ours.per_second() * 100 / bare.per_second().max(1);
    println!(
        "| {what} | {clients} | {} | {} | 0.{percent:02} | {} / {} | {} / {} |",
        ours.per_second(),
        bare.per_second(),
        load::millis(ours.quantile(500)),
        load::millis(ours.quantile(990)),
        load::millis(bare.quantile(500)),
        load::millis(bare.quantile(990)),
    );
}

/// What one payment weighs on disk and in memory, and whether creating slows down as the database grows.
async fn growth(folder: &TempDir) {
    println!("| payments | create /s | p50/p99 ms | bytes on disk a payment | resident memory MiB |");
    println!("|---|---|---|---|---|");
    let service = Arc::new(service::Service::new(folder));
    let mut made = 0;
    let mut resident_before = None;
    for size in GROWTH {
        let first = made;
        let next = |number| service::create(Arc::clone(&service), first + number);
        load::run(CLIENTS[0], size - made - CREATIONS / 4, next).await;
        made = size - CREATIONS / 4;
        let first = made;
        let next = |number| service::create(Arc::clone(&service), first + number);
        let measured = load::run(CLIENTS[0], CREATIONS / 4, next).await;
        made = size;
        let resident = machine::resident_bytes();
        println!(
            "| {size} | {} | {} / {} | {} | {} |",
            measured.per_second(),
            load::millis(measured.quantile(500)),
            load::millis(measured.quantile(990)),
            service.disk_bytes() / size,
            resident >> 20,
        );
        if let Some((before, payments)) = resident_before {
            let grown = resident.saturating_sub(before) / (size - payments);
            println!();
            println!("Resident memory grew by {grown} bytes a payment between the two.");
        }
        resident_before = Some((resident, size));
    }
}
