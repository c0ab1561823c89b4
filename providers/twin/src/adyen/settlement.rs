//! The settlement details report of a batch.

use jiff::{Timestamp, civil::Date};
use zahlstelle_contract::money::{Currency, Money};

use crate::{
    adyen::{PAYMENT_METHOD, notice::berlin},
    ledger::booking::{Booking, BookingKind},
    world::World,
};

/// The columns in the order of the provider's files.
const COLUMNS: [&str; 30] = [
    "Company Account",
    "Merchant Account",
    "Psp Reference",
    "Merchant Reference",
    "Payment Method",
    "Creation Date",
    "TimeZone",
    "Type",
    "Modification Reference",
    "Gross Currency",
    "Gross Debit (GC)",
    "Gross Credit (GC)",
    "Exchange Rate",
    "Net Currency",
    "Net Debit (NC)",
    "Net Credit (NC)",
    "Commission (NC)",
    "Markup (NC)",
    "Scheme Fees (NC)",
    "Interchange (NC)",
    "Payment Method Variant",
    "Modification Merchant Reference",
    "Batch Number",
    "Reserved4",
    "Reserved5",
    "Reserved6",
    "Reserved7",
    "Reserved8",
    "Reserved9",
    "Reserved10",
];
/// The fixed part of the commission on a payment or refund, in minor units.
const COMMISSION_FIXED_MINOR: i64 = 10;
/// The share of a payment that is commission, in thousandths, half up.
const COMMISSION_PERMILLE: i64 = 9;
/// The fee of a chargeback, in minor units.
const CHARGEBACK_FEE_MINOR: i64 = 1_500;
/// The hour of the day after at which a batch is paid out, civil time.
const PAYOUT_HOUR: i8 = 2;

/// A batch that was closed.
pub(crate) struct ClosedBatch {
    pub(crate) number: u64,
    pub(crate) file_name: String,
    pub(crate) content: Vec<u8>,
    /// What is paid out; zero when the batch was negative and is carried.
    pub(crate) payout: Money,
}

/// Why a batch cannot be closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettlementError {
    #[error("an amount is too large")]
    Amount(#[from] zahlstelle_contract::money::MoneyError),
    #[error("the report cannot be written")]
    Csv(#[from] csv::Error),
    #[error("the report cannot be finished")]
    Flush,
    #[error("the day has no next day")]
    Day,
}

/// Closes one batch for each currency in which something happened up to the end of `day`, Berlin time.
pub(crate) fn close(world: &mut World, day: Date) -> Result<Vec<ClosedBatch>, SettlementError> {
    let mut currencies: Vec<Currency> = Vec::new();
    for booking in world.state.ledger.bookings.iter().filter(|booking| is_due(booking, day)) {
        if !currencies.contains(&booking.amount.currency()) {
            currencies.push(booking.amount.currency());
        }
    }
    currencies.into_iter().map(|currency| close_currency(world, day, currency)).collect()
}

fn is_due(booking: &Booking, day: Date) -> bool {
    booking.batch.is_none() && booking.at.to_zoned_datetime(berlin()).date() <= day
}

fn close_currency(world: &mut World, day: Date, currency: Currency) -> Result<ClosedBatch, SettlementError> {
    let number = world.state.next_batch;
    let carried = world.state.carried.get(currency.code()).copied().unwrap_or_default();
    let is_ours = |booking: &Booking| is_due(booking, day) && booking.amount.currency() == currency;
    let mut report = Report::new(&world.settings.merchant_account, number)?;
    let mut sum = Money::from_minor(carried, currency);
    let closing = day.tomorrow().map_err(|_| SettlementError::Day)?.at(PAYOUT_HOUR, 0, 0, 0);
    let closed_at = closing.to_zoned_datetime(berlin()).map_err(|_| SettlementError::Day)?.timestamp();
    if !sum.is_zero() {
        report.total(closed_at, "Balancetransfer", "Balancetransfer from previous batch", sum)?;
    }
    for booking in world.state.ledger.bookings.iter().filter(|booking| is_ours(booking)) {
        sum = sum.checked_add(report.booking(booking)?)?;
    }
    let payout = if sum.minor() < 0 { Money::zero(currency) } else { sum };
    if sum.minor() < 0 {
        report.total(closed_at, "Balancetransfer", "Balancetransfer to next batch", sum.checked_neg()?)?;
    } else {
        let text = format!("TX{number:010}XT batch {number}, {}", world.settings.merchant_account);
        report.total(closed_at, "MerchantPayout", &text, sum.checked_neg()?)?;
    }
    let content = report.finish()?;
    for booking in world.state.ledger.bookings.iter_mut().filter(|booking| is_ours(booking)) {
        booking.batch = Some(number);
    }
    world.state.next_batch = number.saturating_add(1);
    world.state.carried.insert(currency.code().to_owned(), sum.minor().min(0));
    let file_name = format!("settlement_detail_report_batch_{number}.csv");
    Ok(ClosedBatch { number, file_name, content, payout })
}

/// A report being written.
struct Report<'a> {
    writer: csv::Writer<Vec<u8>>,
    account: &'a str,
    batch: String,
}

/// A line by its columns; what is not set stays empty.
#[derive(Default)]
struct Line<'a> {
    psp: &'a str,
    merchant_reference: &'a str,
    method: &'a str,
    kind: &'a str,
    modification: &'a str,
    gross: Option<Money>,
    net: Option<Money>,
    commission: Option<Money>,
    modification_reference: &'a str,
}

impl<'a> Report<'a> {
    fn new(account: &'a str, batch: u64) -> Result<Self, SettlementError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(COLUMNS)?;
        Ok(Self { writer, account, batch: batch.to_string() })
    }

    /// Writes the line of a booking and gives what it adds to the batch.
    fn booking(&mut self, booking: &Booking) -> Result<Money, SettlementError> {
        let gross = if booking.kind.is_credit() { booking.amount } else { booking.amount.checked_neg()? };
        let commission = commission(booking)?;
        let net = gross.checked_sub(commission)?;
        self.line(
            booking.at,
            &Line {
                psp: &booking.payment,
                merchant_reference: &booking.merchant_reference,
                method: PAYMENT_METHOD,
                kind: booking.kind.name(),
                modification: &booking.modification,
                gross: Some(gross),
                net: Some(net),
                commission: (!commission.is_zero()).then_some(commission),
                modification_reference: booking.modification_reference.as_deref().unwrap_or_default(),
            },
        )?;
        Ok(net)
    }

    /// Writes a line that is about the batch as a whole.
    fn total(&mut self, at: Timestamp, kind: &str, text: &str, net: Money) -> Result<(), SettlementError> {
        self.line(at, &Line { kind, modification: text, net: Some(net), ..Line::default() })
    }

    fn line(&mut self, at: Timestamp, line: &Line<'_>) -> Result<(), SettlementError> {
        let at = at.to_zoned_datetime(berlin());
        let [gross_currency, gross_debit, gross_credit] = sides(line.gross)?;
        let [net_currency, net_debit, net_credit] = sides(line.net)?;
        let rate = if line.gross.is_some() { "1" } else { "" };
        let commission = line.commission.map(Money::decimal).unwrap_or_default();
        let fields: [&str; 23] = [
            self.account,
            self.account,
            line.psp,
            line.merchant_reference,
            line.method,
            &at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            &at.strftime("%Z").to_string(),
            line.kind,
            line.modification,
            &gross_currency,
            &gross_debit,
            &gross_credit,
            rate,
            &net_currency,
            &net_debit,
            &net_credit,
            &commission,
            "",
            "",
            "",
            line.method,
            line.modification_reference,
            &self.batch,
        ];
        let reserved = std::iter::repeat_n("", COLUMNS.len().saturating_sub(fields.len()));
        self.writer.write_record(fields.into_iter().chain(reserved))?;
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>, SettlementError> {
        self.writer.into_inner().map_err(|_| SettlementError::Flush)
    }
}

/// Currency, debit and credit of a signed amount.
fn sides(amount: Option<Money>) -> Result<[String; 3], SettlementError> {
    let Some(amount) = amount else { return Ok([const { String::new() }; 3]) };
    let currency = amount.currency().code().to_owned();
    Ok(if amount.minor() < 0 {
        [currency, amount.checked_neg()?.decimal(), String::new()]
    } else {
        [currency, String::new(), amount.decimal()]
    })
}

/// What the provider keeps for itself.
fn commission(booking: &Booking) -> Result<Money, SettlementError> {
    let fixed = |minor| Money::from_minor(minor, booking.amount.currency());
    match booking.kind {
        BookingKind::Settled => {
            Ok(booking.amount.ratio_half_up(COMMISSION_PERMILLE, 1_000)?.checked_add(fixed(COMMISSION_FIXED_MINOR))?)
        }
        BookingKind::Refunded => Ok(fixed(COMMISSION_FIXED_MINOR)),
        BookingKind::Chargeback | BookingKind::SecondChargeback => Ok(fixed(CHARGEBACK_FEE_MINOR)),
        BookingKind::RefundedReversed | BookingKind::ChargebackReversed => Ok(fixed(0)),
    }
}
