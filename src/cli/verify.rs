//! `zahlstelle verify`: checks every invariant of a database and its hash chain.

use clap::Args;
use zahlstelle_contract::money::{Currency, Money};

use super::{
    ConfigArgument, Ended, Failure, check_config::counted, failed, known_tenant, load_without_secrets, open_store,
    runtime, say,
};
use crate::{
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
    let config = load_without_secrets(&arguments.config)?;
    if let Some(wanted) = &arguments.tenant {
        known_tenant(&config, wanted)?;
    }
    let store = open_store(&config)?;
    let runtime = runtime()?;
    let mut clean = true;
    for tenant in config.tenants.keys() {
        if arguments.tenant.as_ref().is_some_and(|wanted| wanted != tenant.as_str()) {
            continue;
        }
        let report = runtime.block_on(check(store.as_ref(), tenant.as_str()))?;
        clean &= report.findings.is_empty();
    }
    if clean { Ok(()) } else { Err(Failure::Found) }
}

async fn check(store: &dyn Store, tenant: &str) -> Result<Report, Failure> {
    let report = verify::verify(store, tenant).await.map_err(|error| failed("the log", &error))?;
    let (records, payments) = (counted(report.records, "record"), counted(report.payments, "payment"));
    say(&format!("{tenant}: {records}, {payments}, head {}", report.head));
    for ((account, currency), minor) in &report.balances {
        say(&format!("  {account}  {}", balance(*minor, currency)));
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

/// A sum of debits less credits, as bookkeepers write it.
fn balance(minor: i64, currency: &str) -> String {
    let side = if minor < 0 { "credit" } else { "debit" };
    let amount = Currency::from_code(currency)
        .map(|currency| Money::from_minor(minor, currency))
        .and_then(|money| if minor < 0 { money.checked_neg() } else { Ok(money) });
    match amount {
        Ok(amount) => format!("{amount} {side}"),
        // No entry can make such a sum; the number itself still is the truth.
        Err(_) => format!("{minor} minor units {currency}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances_are_written_as_bookkeepers_do() {
        assert_eq!(balance(800, "EUR"), "8.00 EUR debit");
        assert_eq!(balance(-1300, "EUR"), "13.00 EUR credit");
        assert_eq!(balance(i64::MIN, "EUR"), format!("{} minor units EUR", i64::MIN));
    }
}
