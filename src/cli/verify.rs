//! `zahlstelle verify`: checks every invariant of a database and its hash chain.

use clap::Args;

use super::{ConfigArgument, Ended, Failure, failed, load, runtime, say, service};
use crate::{
    clock::{Clock, SystemClock},
    desk::verify::{self, Report},
    store::Store,
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Only this Mandant; all by default.
    #[arg(long)]
    tenant: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Ended {
    let config = load(&arguments.config)?;
    let store = service::open_store(&config).map_err(|error| failed("the database", &error))?;
    let runtime = runtime()?;
    let mut clean = true;
    for tenant in config.tenants.keys() {
        if arguments.tenant.as_ref().is_some_and(|wanted| wanted != tenant.as_str()) {
            continue;
        }
        let report = runtime.block_on(check(store.as_ref(), tenant.as_str()))?;
        clean &= report.findings.is_empty();
    }
    let stored = runtime.block_on(store.tenants()).map_err(|error| failed("the database", &error))?;
    for tenant in stored.iter().filter(|tenant| !config.tenants.contains_key(tenant.as_str())) {
        say(&format!("WRONG: the database has data of {tenant}, which the settings do not name"));
        clean = false;
    }
    if clean { Ok(()) } else { Err(Failure::Found) }
}

async fn check(store: &dyn Store, tenant: &str) -> Result<Report, Failure> {
    let report = verify::verify(store, tenant, SystemClock.now()).await.map_err(|error| failed("the log", &error))?;
    let (records, payments) = (report.records, report.payments);
    say(&format!("{tenant}: {records} records, {payments} payments, head {}", report.head));
    for ((account, currency), minor) in &report.balances {
        say(&format!("  {account} {minor} minor units {currency}"));
    }
    for finding in &report.findings {
        say(&format!("  WRONG: {finding}"));
    }
    let hidden = report.findings_count.saturating_sub(report.findings.len());
    if hidden > 0 {
        say(&format!("  and {hidden} more"));
    }
    if report.findings.is_empty() {
        say("  everything fits together");
    }
    Ok(report)
}
