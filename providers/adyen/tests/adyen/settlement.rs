//! Settlement details reports: what each line says, and what makes a report unusable.

use std::fmt::Write;

use jiff::Timestamp;
use proptest::prelude::*;
use zahlstelle_adyen::REPORT_LINES_MAX;
use zahlstelle_contract::{
    money::{Currency, Money},
    provider::SettlementReports,
    reference::ProviderCode,
    settlement::{ReportError, SettlementKind, SettlementLine},
};

use crate::support::{MERCHANT_ACCOUNT, Script, adyen, folder, settings};

const HEADER: &str = "Company Account,Merchant Account,Psp Reference,Merchant Reference,Creation Date,TimeZone,Type,\
    Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Net Currency,Net Debit (NC),\
    Net Credit (NC),Batch Number,Modification Merchant Reference";

fn read(rows: &[&str]) -> Result<Vec<SettlementLine>, ReportError> {
    let mut report = HEADER.to_owned();
    for row in rows {
        write!(report, "\r\nStadtMuster,{MERCHANT_ACCOUNT},{row}").unwrap();
    }
    adyen(&Script::of([])).read(report.as_bytes())
}

fn read_one(row: &str) -> SettlementLine {
    read(&[row]).unwrap().remove(0)
}

fn bad(line: u64, column: &'static str) -> Result<Vec<SettlementLine>, ReportError> {
    Err(ReportError::BadField { line, column })
}

fn cents(minor: i64) -> Money {
    Money::from_minor(minor, Currency::EUR)
}

const SETTLED: &str =
    "8816000000000001,2026000017-1,2026-10-25 02:30:00,CEST,Settled,8816000000000009,EUR,,37.00,EUR,,36.45,118,";

#[test]
fn a_capture_with_its_fee() {
    let line = read_one(SETTLED);
    assert_eq!((line.line, line.kind), (2, SettlementKind::Captured));
    assert_eq!((line.gross, line.fee, line.net), (cents(3_700), cents(-55), cents(3_645)));
    assert_eq!(line.payment.unwrap().as_str(), "8816000000000001");
    assert_eq!(line.modification.unwrap().as_str(), "8816000000000009");
    assert_eq!(line.merchant_reference.unwrap().as_str(), "2026000017-1");
    assert_eq!(line.batch, ProviderCode::parse("118").ok());
    assert_eq!(line.occurred_at, Some("2026-10-25T00:30:00Z".parse::<Timestamp>().unwrap()));
    assert_eq!(line.payout_on, None);
}

#[test]
fn debits_are_negative_and_refunds_have_their_own_name() {
    let line = read_one(
        "8816000000000001,2026000017-1,2026-10-26 09:00:00,CET,Refunded,8816000000000101,EUR,10.00,,EUR,10.10,,118,2026000017-1-r1",
    );
    assert_eq!((line.gross, line.fee, line.net), (cents(-1_000), cents(-10), cents(-1_010)));
    assert_eq!(line.merchant_reference.unwrap().as_str(), "2026000017-1-r1");
    let line = read_one(
        "8816000000000002,2026000034-1,2026-10-26 10:00:00,CET,Chargeback,8816000000000102,EUR,28.80,,EUR,43.80,,118,",
    );
    assert_eq!((line.kind, line.gross, line.fee), (SettlementKind::DisputeDebited, cents(-2_880), cents(-1_500)));
}

#[test]
fn lines_about_no_payment() {
    let fee = read_one(",,2026-10-27 02:00:00,CET,Fee,Transaction Fees October 2026,,,,EUR,1.80,,118,");
    assert_eq!((fee.kind, fee.gross, fee.fee, fee.net), (SettlementKind::Fee, cents(0), cents(-180), cents(-180)));
    assert_eq!((fee.payment, fee.modification), (None, None));
    let payout = read_one(r#",,2026-10-27 02:00:01,CET,MerchantPayout,"TX1 batch 118, Muster",,,,EUR,15.01,,118,"#);
    assert_eq!((payout.kind, payout.gross, payout.fee), (SettlementKind::Payout, cents(-1_501), cents(0)));
    assert_eq!(payout.payout_on, Some(jiff::civil::date(2026, 10, 27)));
}

#[test]
fn every_type_has_its_kind() {
    let cases = [
        ("Settled", SettlementKind::Captured),
        ("Refunded", SettlementKind::Refunded),
        ("RefundedReversed", SettlementKind::RefundReturned),
        ("Chargeback", SettlementKind::DisputeDebited),
        ("SecondChargeback", SettlementKind::DisputeDebited),
        ("ChargebackReversed", SettlementKind::DisputeWon),
        ("Fee", SettlementKind::Fee),
        ("MiscCosts", SettlementKind::Fee),
        ("PaymentCost", SettlementKind::Fee),
        ("InvoiceDeduction", SettlementKind::Fee),
        ("MerchantPayout", SettlementKind::Payout),
        ("BankInstructionReturned", SettlementKind::PayoutReturned),
        ("Balancetransfer", SettlementKind::Carried),
        ("DepositCorrection", SettlementKind::Carried),
        ("ManualCorrected", SettlementKind::Other { code: ProviderCode::parse("ManualCorrected").unwrap() }),
        ("BrandNew", SettlementKind::Other { code: ProviderCode::parse("BrandNew").unwrap() }),
    ];
    for (name, kind) in cases {
        let row = SETTLED.replace("Settled", name);
        assert_eq!(read_one(&row).kind, kind, "{name}");
    }
}

#[test]
fn h5_the_zone_tells_the_two_half_past_two_apart() {
    let instant = |zone: &str| read_one(&SETTLED.replace("CEST", zone)).occurred_at.unwrap();
    assert_eq!(instant("CET").as_second() - instant("CEST").as_second(), 3_600);
    assert_eq!(instant("UTC"), instant("GMT"));
    for zone in ["", "EST", "Europe/Berlin", "+0100"] {
        assert_eq!(read(&[&SETTLED.replace("CEST", zone)]), bad(2, "TimeZone"), "{zone:?}");
    }
}

#[test]
fn an_unreadable_field_is_named_with_its_line() {
    let cases = [
        ("37.00", "\"37,00\"", "Gross Credit (GC)"),
        ("37.00", "1e2", "Gross Credit (GC)"),
        ("37.00", "-37.00", "Gross Credit (GC)"),
        ("37.00", "37.001", "Gross Credit (GC)"),
        ("37.00", "", "Gross Credit (GC)"),
        ("EUR,,36.45", "EUR,1.00,36.45", "Net Credit (NC)"),
        ("EUR,,36.45", "EUR,,", "Net Credit (NC)"),
        ("EUR,,36.45", "USD,,36.45", "Net Currency"),
        ("EUR,,36.45", "Euro,,36.45", "Net Currency"),
        ("8816000000000001", "", "Psp Reference"),
        ("8816000000000001", "8816 0001", "Psp Reference"),
        ("8816000000000009", "8816 0009", "Modification Reference"),
        ("2026-10-25 02:30:00", "25.10.2026 02:30", "Creation Date"),
        ("2026-10-25 02:30:00", "2026-02-30 02:30:00", "Creation Date"),
        ("118,", "batch 118,", "Batch Number"),
        ("118,", ",", "Batch Number"),
        ("Settled", "", "Type"),
        ("Settled,8816000000000009", "Refunded,", "Modification Reference"),
    ];
    for (from, to, column) in cases {
        let broken = SETTLED.replacen(from, to, 1);
        assert_ne!(broken, SETTLED);
        assert_eq!(read(&[SETTLED, &broken]), bad(3, column), "{broken}");
    }
    assert_eq!(read(&["8816000000000001,2026000017-1"]), bad(2, "Type"));
    // Line breaks within quotes and empty lines count as an editor counts them.
    let of_two_lines = SETTLED.replace("118,", "118,\"\n\"");
    assert_eq!(read(&[&of_two_lines, &SETTLED.replace("118,", "118,\r\n\r\n"), ","]), bad(7, "Type"));
}

#[test]
fn a_report_of_another_account_is_refused() {
    let report = format!("{HEADER}\nStadtMuster,AnotherCity,{SETTLED}");
    assert_eq!(adyen(&Script::of([])).read(report.as_bytes()), bad(2, "Merchant Account"));
}

#[test]
fn columns_are_found_by_name() {
    let missing = HEADER.replace("Net Currency", "Nett Currency");
    let found = adyen(&Script::of([])).read(missing.as_bytes());
    assert_eq!(found, Err(ReportError::MissingColumn { column: "Net Currency" }));
    let twice = format!("{HEADER},Batch Number");
    assert_eq!(adyen(&Script::of([])).read(twice.as_bytes()), bad(1, "Batch Number"));
    assert_eq!(adyen(&Script::of([])).read(b""), Err(ReportError::MissingColumn { column: "Merchant Account" }));
    let reordered = format!(
        "\u{feff}Batch Number,Type,Booking Date,Net Credit,Net Debit,Net Currency,Gross Credit,Gross Debit,Gross Currency,\
        Modification Reference,TimeZone,Creation Date,Merchant Reference,Psp Reference,Merchant Account\n\
        118,Settled,2026-10-28,36.45,,EUR,37.00,,EUR,8816000000000009,CEST,2026-10-25 02:30:00,2026000017-1,\
        8816000000000001,{MERCHANT_ACCOUNT}\n"
    );
    assert_eq!(adyen(&Script::of([])).read(reordered.as_bytes()).unwrap(), [read_one(SETTLED)]);
}

#[test]
fn a_report_is_bounded() {
    let row = format!("\nC,{MERCHANT_ACCOUNT},,,2026-10-27 02:00:00,CET,Fee,,,,,EUR,1,,118,");
    let lines = usize::try_from(REPORT_LINES_MAX).unwrap();
    let mut report = format!("{HEADER}{}", row.repeat(lines));
    assert_eq!(adyen(&Script::of([])).read(report.as_bytes()).unwrap().len(), lines);
    report.push_str(&row);
    let refused = adyen(&Script::of([])).read(report.as_bytes());
    assert_eq!(refused, Err(ReportError::TooLong { lines_max: REPORT_LINES_MAX }));
}

#[test]
fn the_sample_report_adds_up_to_nothing() {
    let Some(folder) = folder("ZAHLSTELLE_VECTORS", "vectors") else { return };
    let report =
        std::fs::read(folder.join("settlement/synthetic-adyen-settlement_detail_report_batch_118.csv")).unwrap();
    let of_sample = zahlstelle_adyen::AdyenSettings {
        merchant_account: "Buergerdienste".to_owned(),
        ..settings("https://checkout-test.adyen.com/v71")
    };
    let lines = zahlstelle_adyen::Adyen::new(of_sample, Script::of([])).unwrap().read(&report).unwrap();
    assert_eq!(lines.len(), 8);
    let total = Money::total(lines.iter().map(|line| line.net), Currency::EUR).unwrap();
    assert_eq!(total, cents(0), "the batch with its payout");
    for line in &lines {
        assert_eq!(line.gross.checked_add(line.fee), Ok(line.net), "line {}", line.line);
    }
    let fees = Money::total(lines.iter().map(|line| line.fee), Currency::EUR).unwrap();
    assert_eq!(fees, cents(-(55 + 44 + 10 + 10 + 1_500 + 180)));
}

proptest! {
    #[test]
    fn arbitrary_rows_never_panic(row in "[^\n]{0,200}", quoted in "[\"\\x00-\\x7f]{0,100}") {
        drop(read(&[&row]));
        drop(read(&[&quoted]));
        drop(adyen(&Script::of([])).read(row.as_bytes()));
    }

    #[test]
    fn e1_amounts_survive_the_report(gross in 0_i64..10_000_000, fee in 0_i64..1_000) {
        let (gross, fee) = (cents(gross + fee), cents(fee));
        let net = gross.checked_sub(fee).unwrap();
        let row = SETTLED.replace("37.00", &gross.decimal()).replace("36.45", &net.decimal());
        let line = read_one(&row);
        prop_assert_eq!((line.gross, line.fee, line.net), (gross, fee.checked_neg().unwrap(), net));
    }
}
