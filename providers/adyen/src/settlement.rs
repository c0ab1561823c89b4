//! Adyen's Settlement details report: one CSV file for each batch, whose number also stands on the bank statement.
//!
//! Columns are found by name, because their order and number depend on the account. Needed are only those that every
//! description of the report agrees on. Amounts are unsigned decimals in major units, debit and credit in columns of
//! their own; the fee is what lies between gross and net, however the account is charged.

use csv::{ByteRecord, ReaderBuilder};
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{Offset, TimeZone},
};
use zahlstelle_contract::{
    money::{Currency, Money},
    provider::SettlementReports,
    reference::{MerchantReference, ProviderCode, ProviderReference},
    settlement::{ReportError, SettlementKind, SettlementLine},
};

use crate::Adyen;

/// The most lines a report may have without its header; a city of a million settles a few thousand a day.
pub const REPORT_LINES_MAX: u64 = 200_000;

/// UTF-8's mark at the beginning of files that a spreadsheet has touched.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl SettlementReports for Adyen {
    fn read(&self, report: &[u8]) -> Result<Vec<SettlementLine>, ReportError> {
        let report = report.strip_prefix(BYTE_ORDER_MARK).unwrap_or(report);
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(report);
        let mut record = ByteRecord::new();
        let mut columns = None;
        let mut lines = Vec::new();
        let mut place = Place { report, line: 1, offset: 0 };
        // Reading memory byte-wise cannot fail; were it to, a shorter report would be the worse answer.
        let broken = ReportError::BadField { line: 1, column: MERCHANT_ACCOUNT };
        while reader.read_byte_record(&mut record).map_err(|_| broken.clone())? {
            let Some(columns) = &columns else {
                columns = Some(Columns::find(&record)?);
                continue;
            };
            if u64::try_from(lines.len()).unwrap_or(u64::MAX) >= REPORT_LINES_MAX {
                return Err(ReportError::TooLong { lines_max: REPORT_LINES_MAX });
            }
            let line = place.line_at(record.position().map_or(0, csv::Position::byte));
            lines.push(Row { record: &record, columns, line }.read(&self.merchant_account)?);
        }
        if columns.is_none() {
            return Err(ReportError::MissingColumn { column: MERCHANT_ACCOUNT });
        }
        Ok(lines)
    }
}

/// Where in a report a record begins, as an editor counts lines.
///
/// The reader's own count is one too small where lines end with a carriage return and a line feed, because it looks at
/// the latter only with the next record.
struct Place<'a> {
    report: &'a [u8],
    line: u64,
    offset: usize,
}

impl Place<'_> {
    /// The line of the first byte at or after `offset` that ends no line. Offsets must not go back.
    fn line_at(&mut self, offset: u64) -> u64 {
        let offset = usize::try_from(offset).unwrap_or(self.report.len());
        let rest = self.report.get(offset..).unwrap_or_default();
        let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let start = offset.saturating_add(ends);
        let passed = self.report.get(self.offset..start).unwrap_or_default();
        let ended = passed.split(|byte| *byte == b'\n').skip(1).count();
        self.line = self.line.saturating_add(u64::try_from(ended).unwrap_or(u64::MAX));
        self.offset = start;
        self.line
    }
}

const MERCHANT_ACCOUNT: &str = "Merchant Account";
const PSP_REFERENCE: &str = "Psp Reference";
const MERCHANT_REFERENCE: &str = "Merchant Reference";
const CREATION_DATE: &str = "Creation Date";
const TIME_ZONE: &str = "TimeZone";
const TYPE: &str = "Type";
const MODIFICATION_REFERENCE: &str = "Modification Reference";
const GROSS_CURRENCY: &str = "Gross Currency";
const GROSS_DEBIT: &str = "Gross Debit (GC)";
const GROSS_CREDIT: &str = "Gross Credit (GC)";
const NET_CURRENCY: &str = "Net Currency";
const NET_DEBIT: &str = "Net Debit (NC)";
const NET_CREDIT: &str = "Net Credit (NC)";
const BATCH_NUMBER: &str = "Batch Number";
const MODIFICATION_MERCHANT_REFERENCE: &str = "Modification Merchant Reference";

/// A column's name and its place in a record.
#[derive(Clone, Copy)]
struct Column {
    name: &'static str,
    index: usize,
}

/// Where the columns are that we read.
struct Columns {
    merchant_account: Column,
    psp_reference: Column,
    merchant_reference: Column,
    creation_date: Column,
    time_zone: Column,
    kind: Column,
    modification_reference: Column,
    gross: AmountColumns,
    net: AmountColumns,
    batch_number: Column,
    /// Only newer reports have it.
    modification_merchant_reference: Option<Column>,
}

struct AmountColumns {
    currency: Column,
    debit: Column,
    credit: Column,
}

impl Columns {
    fn find(header: &ByteRecord) -> Result<Self, ReportError> {
        let need = |name| find_column(header, name)?.ok_or(ReportError::MissingColumn { column: name });
        Ok(Self {
            merchant_account: need(MERCHANT_ACCOUNT)?,
            psp_reference: need(PSP_REFERENCE)?,
            merchant_reference: need(MERCHANT_REFERENCE)?,
            creation_date: need(CREATION_DATE)?,
            time_zone: need(TIME_ZONE)?,
            kind: need(TYPE)?,
            modification_reference: need(MODIFICATION_REFERENCE)?,
            gross: AmountColumns {
                currency: need(GROSS_CURRENCY)?,
                debit: need(GROSS_DEBIT)?,
                credit: need(GROSS_CREDIT)?,
            },
            net: AmountColumns { currency: need(NET_CURRENCY)?, debit: need(NET_DEBIT)?, credit: need(NET_CREDIT)? },
            batch_number: need(BATCH_NUMBER)?,
            modification_merchant_reference: find_column(header, MODIFICATION_MERCHANT_REFERENCE)?,
        })
    }
}

/// The one column of this name, written with or without the currency's mark, e.g. `(GC)`. Two are as bad as none.
fn find_column(header: &ByteRecord, name: &'static str) -> Result<Option<Column>, ReportError> {
    let bare = name.split(" (").next().unwrap_or(name);
    let mut found = header
        .iter()
        .enumerate()
        .filter(|(_, text)| text.trim_ascii() == name.as_bytes() || text.trim_ascii() == bare.as_bytes());
    let first = found.next().map(|(index, _)| Column { name, index });
    if found.next().is_some() {
        return Err(ReportError::BadField { line: 1, column: name });
    }
    Ok(first)
}

/// One line of a report.
struct Row<'a> {
    record: &'a ByteRecord,
    columns: &'a Columns,
    line: u64,
}

impl Row<'_> {
    fn read(&self, merchant_account: &str) -> Result<SettlementLine, ReportError> {
        let columns = self.columns;
        if self.text(columns.merchant_account)? != merchant_account {
            return Err(self.bad(columns.merchant_account));
        }
        let kind = self.kind()?;
        let net = self.amount(&columns.net)?.ok_or_else(|| self.bad(columns.net.credit))?;
        let gross = match self.amount(&columns.gross)? {
            // A fee on its own is all fee, whatever its gross says.
            _ if kind == SettlementKind::Fee => Money::zero(net.currency()),
            Some(gross) => gross,
            None if concerns_payment(&kind) => return Err(self.bad(columns.gross.credit)),
            None => net,
        };
        let fee = net.checked_sub(gross).map_err(|_| self.bad(columns.net.currency))?;
        let local = self.local_time()?;
        Ok(SettlementLine {
            line: self.line,
            payment: self.payment(&kind)?,
            modification: self.modification(&kind)?,
            merchant_reference: self.merchant_reference(&kind)?,
            gross,
            fee,
            net,
            batch: Some(
                ProviderCode::parse(self.text(columns.batch_number)?).map_err(|_| self.bad(columns.batch_number))?,
            ),
            occurred_at: Some(self.instant(local)?),
            payout_on: is_payout(&kind).then(|| Date::from(local)),
            kind,
        })
    }

    fn text(&self, column: Column) -> Result<&str, ReportError> {
        let bytes = self.record.get(column.index).ok_or_else(|| self.bad(column))?;
        std::str::from_utf8(bytes).map(str::trim).map_err(|_| self.bad(column))
    }

    fn bad(&self, column: Column) -> ReportError {
        ReportError::BadField { line: self.line, column: column.name }
    }

    fn kind(&self) -> Result<SettlementKind, ReportError> {
        Ok(match self.text(self.columns.kind)? {
            "Settled" => SettlementKind::Captured,
            "Refunded" => SettlementKind::Refunded,
            "RefundedReversed" => SettlementKind::RefundReturned,
            "Chargeback" | "SecondChargeback" => SettlementKind::DisputeDebited,
            "ChargebackReversed" => SettlementKind::DisputeWon,
            "Fee" | "MiscCosts" | "PaymentCost" | "InvoiceDeduction" => SettlementKind::Fee,
            "MerchantPayout" => SettlementKind::Payout,
            "BankInstructionReturned" => SettlementKind::PayoutReturned,
            "Balancetransfer" | "BalanceTransfer" | "DepositCorrection" => SettlementKind::Carried,
            other => {
                SettlementKind::Other { code: ProviderCode::parse(other).map_err(|_| self.bad(self.columns.kind))? }
            }
        })
    }

    /// Credit or minus debit; `None` when the line has neither. Both at once cannot be read.
    fn amount(&self, columns: &AmountColumns) -> Result<Option<Money>, ReportError> {
        let (debit, credit) = (self.text(columns.debit)?, self.text(columns.credit)?);
        let (column, text) = match (debit.is_empty(), credit.is_empty()) {
            (true, true) => return Ok(None),
            (true, false) => (columns.credit, credit),
            (false, true) => (columns.debit, debit),
            (false, false) => return Err(self.bad(columns.credit)),
        };
        let currency = Currency::from_code(self.text(columns.currency)?).map_err(|_| self.bad(columns.currency))?;
        let money = Money::parse(text, currency).map_err(|_| self.bad(column))?;
        let signed = if debit.is_empty() { Ok(money) } else { money.checked_neg() };
        signed.map(Some).map_err(|_| self.bad(column))
    }

    /// `Psp Reference`: the payment, in refunds and disputes, too.
    fn payment(&self, kind: &SettlementKind) -> Result<Option<ProviderReference>, ReportError> {
        let column = self.columns.psp_reference;
        match self.text(column)? {
            "" if concerns_payment(kind) => Err(self.bad(column)),
            "" => Ok(None),
            text => ProviderReference::parse(text).map(Some).map_err(|_| self.bad(column)),
        }
    }

    /// `Modification Reference`: the capture, refund or dispute itself; free words in lines about no payment.
    ///
    /// A refund or a dispute without one could not be told from another of the same payment.
    fn modification(&self, kind: &SettlementKind) -> Result<Option<ProviderReference>, ReportError> {
        let column = self.columns.modification_reference;
        match self.text(column)? {
            "" if concerns_payment(kind) && *kind != SettlementKind::Captured => Err(self.bad(column)),
            "" => Ok(None),
            text if concerns_payment(kind) => ProviderReference::parse(text).map(Some).map_err(|_| self.bad(column)),
            text => Ok(ProviderReference::parse(text).ok()),
        }
    }

    /// What we had called it: refunds have a name of their own in a column of newer reports.
    fn merchant_reference(&self, kind: &SettlementKind) -> Result<Option<MerchantReference>, ReportError> {
        let of_refund = matches!(kind, SettlementKind::Refunded | SettlementKind::RefundReturned);
        let own = match self.columns.modification_merchant_reference {
            Some(column) if of_refund => self.text(column)?,
            Some(_) | None => "",
        };
        let text = if own.is_empty() { self.text(self.columns.merchant_reference)? } else { own };
        Ok(MerchantReference::parse(text).ok())
    }

    fn local_time(&self) -> Result<DateTime, ReportError> {
        let column = self.columns.creation_date;
        DateTime::strptime("%Y-%m-%d %H:%M:%S", self.text(column)?).map_err(|_| self.bad(column))
    }

    /// The instant of a local time. Its zone's abbreviation tells summer from winter, which the time alone cannot in
    /// the hour that comes twice. Only zones whose abbreviation has one meaning in Europe are read.
    fn instant(&self, local: DateTime) -> Result<Timestamp, ReportError> {
        let column = self.columns.time_zone;
        let hours = match self.text(column)? {
            "UTC" | "GMT" | "WET" => 0,
            "BST" | "WEST" | "CET" => 1,
            "CEST" | "EET" => 2,
            "EEST" => 3,
            _ => return Err(self.bad(column)),
        };
        let zone = TimeZone::fixed(Offset::constant(hours));
        zone.to_timestamp(local).map_err(|_| self.bad(column))
    }
}

/// Whether a line of this kind is nothing without the payment it names.
fn concerns_payment(kind: &SettlementKind) -> bool {
    match kind {
        SettlementKind::Captured
        | SettlementKind::Refunded
        | SettlementKind::RefundReturned
        | SettlementKind::DisputeDebited
        | SettlementKind::DisputeWon => true,
        SettlementKind::Fee
        | SettlementKind::Payout
        | SettlementKind::PayoutReturned
        | SettlementKind::Carried
        | SettlementKind::Other { .. } => false,
    }
}

fn is_payout(kind: &SettlementKind) -> bool {
    matches!(kind, SettlementKind::Payout | SettlementKind::PayoutReturned)
}
