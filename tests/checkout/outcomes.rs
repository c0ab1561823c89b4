//! Every state of a payment has a page that says what happened and what is to be done, in every language.

use std::collections::BTreeSet;

use http::StatusCode;
use zahlstelle::{
    clock::Clock as _,
    desk::{create::NewPayment, log},
    domain::{
        decide::RefundExtent,
        event::Event,
        ids::PaymentId,
        language::Language,
        payment::{Payment, State},
    },
    store::commit::{Append, Commit, Outcome, StreamKind},
};
use zahlstelle_contract::method::CaptureMode;

use crate::{
    browser::{Browser, Got, go_to_provider, page_of, stage_with_two_methods},
    stage::{Stage, TENANT, eur},
};

/// A situation of a payment: its state, what the title begins with, and words that must stand on the page.
struct Situation {
    name: &'static str,
    state: &'static str,
    german: (&'static str, &'static [&'static str]),
    english: (&'static str, &'static [&'static str]),
    can_pay: bool,
    leads_back: bool,
}

const SITUATIONS: &[Situation] = &[
    Situation {
        name: "new",
        state: "open",
        german: ("Zu bezahlen: 1.234,50 €", &["Wie möchten Sie bezahlen?", "Zahlbar bis", "Zahlung abbrechen"]),
        english: ("To pay: €1,234.50", &["How would you like to pay?", "Pay by", "CET, German time"]),
        can_pay: true,
        leads_back: false,
    },
    Situation {
        name: "page open",
        state: "processing",
        german: ("Noch nicht bezahlt", &["Bisher wurde nichts abgebucht", "Oder anders bezahlen"]),
        english: ("Not paid yet", &["Nothing has been charged so far", "Or pay another way"]),
        can_pay: true,
        leads_back: false,
    },
    Situation {
        name: "declined",
        state: "processing",
        german: ("Abgelehnt", &["Es wurde nichts abgebucht", "Beim Zahlungsdienst weiter"]),
        english: ("Declined", &["Nothing was charged", "Continue at the payment provider"]),
        can_pay: true,
        leads_back: false,
    },
    Situation {
        name: "declined and closed",
        state: "open",
        german: ("Abgelehnt", &["Es wurde nichts abgebucht", "Wie möchten Sie bezahlen?"]),
        english: ("Declined", &["Nothing was charged", "How would you like to pay?"]),
        can_pay: true,
        leads_back: false,
    },
    Situation {
        name: "closing",
        state: "processing",
        german: ("Wird geprüft", &["Einen Augenblick bitte", "Bitte bezahlen Sie jetzt nicht noch einmal"]),
        english: ("Being checked", &["One moment, please", "Please do not pay again now"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "pending",
        state: "processing",
        german: ("In Bearbeitung", &["Bitte bezahlen Sie nicht noch einmal", "Jetzt noch einmal nachsehen"]),
        english: ("Being processed", &["Please do not pay again", "Look again now"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "held",
        state: "authorised",
        german: ("Vorgemerkt", &["reserviert", "Sie brauchen nichts weiter zu tun"]),
        english: ("Reserved", &["reserved for the authority", "nothing more to do"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "unknown",
        state: "outcome_unknown",
        german: (
            "Wird geprüft",
            &["Bitte bezahlen Sie nicht noch einmal", "27. November 2026, 09:00 Uhr (MEZ)", "+49 231 0000000"],
        ),
        english: ("Being checked", &["Please do not pay again", "27 November 2026, 09:00", "+49 231 0000000"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "paid",
        state: "paid",
        german: ("Bezahlt", &["Vielen Dank", "Sie brauchen nichts weiter zu tun", "Zahlungsbestätigung anzeigen"]),
        english: ("Paid", &["Thank you", "nothing more to do", "Show the confirmation of payment"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "refunded in part",
        state: "paid",
        german: ("Bezahlt", &["Von den bezahlten 1.234,50 € wurden Ihnen 34,50 € erstattet"]),
        english: ("Paid", &["Of the €1,234.50 that you paid, €34.50 has been refunded to you"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "charged back",
        state: "paid",
        german: ("Bezahlt", &["Ihre Bank hat 1.234,50 € zurückgefordert", "Bitte rufen Sie uns an"]),
        english: ("Paid", &["Your bank has claimed back €1,234.50", "Please call us"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "overpaid",
        state: "paid",
        german: ("Bezahlt", &["Es sind 1.234,50 € zu viel bei uns angekommen", "Wir veranlassen die Rückzahlung"]),
        english: ("Paid", &["We have received €1,234.50 too much", "We will see that it goes back"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "reversed",
        state: "reversed",
        german: ("Zurückgebucht", &["Die Gebühr ist damit nicht bezahlt"]),
        english: ("Reversed", &["So the fee is not paid"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "cancelled",
        state: "cancelled",
        german: ("Abgebrochen", &["beginnen Sie dort neu"]),
        english: ("Cancelled", &["start again where you came from"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "expired",
        state: "expired",
        german: ("Abgelaufen", &["Die Zeit zum Bezahlen ist abgelaufen"]),
        english: ("Expired", &["The time to pay is over"]),
        can_pay: false,
        leads_back: true,
    },
    Situation {
        name: "failed",
        state: "failed",
        german: ("Nicht bezahlt", &["Es wurde nichts abgebucht", "rufen Sie uns an"]),
        english: ("Not paid", &["nothing was charged", "call us"]),
        can_pay: false,
        leads_back: true,
    },
];

#[tokio::test]
async fn every_state_has_a_page_in_every_language() {
    let mut states = BTreeSet::new();
    for situation in SITUATIONS {
        for (language, (title, words)) in [("de", situation.german), ("en", situation.english)] {
            let (stage, payment) = reach(situation.name, language).await;
            let place = format!("{} in {language}", situation.name);
            assert_eq!(payment.state.as_str(), situation.state, "{place}");
            states.insert(situation.state);
            let got = Browser::new(&stage).speaking("fr").get(&page_of(&stage, &payment).await).await;
            check(&got, language, title, words, &place);
            assert_eq!(!got.methods().is_empty(), situation.can_pay, "{place}");
            let back = got.link(if language == "de" { "Zurück: " } else { "Back: " });
            assert_eq!(back.is_some(), situation.leads_back, "{place}");
            check_what_stands_out(&got, situation, &place);
        }
    }
    let all =
        ["authorised", "cancelled", "expired", "failed", "open", "outcome_unknown", "paid", "processing", "reversed"];
    assert_eq!(states.into_iter().collect::<Vec<_>>(), all);
}

fn check(got: &Got, language: &str, title: &str, words: &[&str], place: &str) {
    assert_eq!(got.status, StatusCode::OK, "{place}");
    assert_eq!(got.pieces()[0].attribute("lang"), Some(language), "{place}");
    assert_eq!(got.header("content-language"), language, "{place}");
    let shown = got.title().replace('\u{a0}', " ");
    assert!(shown.starts_with(title), "{place}: {shown}");
    let shown = got.words();
    for wanted in words {
        assert!(shown.contains(wanted), "{place}: {wanted:?} is missing: {shown}");
    }
    let banner = if language == "de" { "Testumgebung" } else { "Test system" };
    assert!(shown.contains(banner), "{place}");
}

/// One thing to do stands out where there is one, and nobody is told twice, or wrongly, that nothing is left to do.
fn check_what_stands_out(got: &Got, situation: &Situation, place: &str) {
    let pieces = got.pieces();
    let looks =
        |class| pieces.iter().filter(|piece| piece.opens("a") && piece.attribute("class") == Some(class)).count();
    let waits = ["closing", "pending", "unknown"].contains(&situation.name);
    assert_eq!(looks("button second"), usize::from(waits), "{place}");
    assert!(looks("button") <= 1, "{place}");
    let shown = got.words();
    let all_done = shown.matches("nichts weiter zu tun").count() + shown.matches("nothing more to do").count();
    let expected = ["held", "paid", "refunded in part", "overpaid"].contains(&situation.name);
    assert_eq!(all_done, usize::from(expected), "{place}: {shown}");
}

#[tokio::test]
async fn another_way_to_pay_is_only_spoken_of_where_there_is_one() {
    for (stage, is_there) in [(stage_with_two_methods(53), true), (Stage::new(53), false)] {
        let payment = stage.create("13.00").await;
        with_page(&stage, &payment, "declined").await;
        let page = page_of(&stage, &payment).await;
        let shown = Browser::new(&stage).get(&page).await.words();
        assert!(shown.contains("Sie können es noch einmal versuchen"), "{shown}");
        assert_eq!(shown.contains("andere Zahlungsart"), is_there, "{shown}");
    }
}

#[tokio::test]
async fn names_that_exist_only_in_german_are_marked_in_an_english_page() {
    let german_only = |tenant: String| tenant.replace(", en = \"Citizens' portal\" }", " }");
    let stage = Stage::with(54, german_only);
    let english = |request| NewPayment { language: Some(Language::of_tag("en").unwrap()), ..request };
    let payment = stage.create_with("13.00", english).await;
    let got = Browser::new(&stage).get(&page_of(&stage, &payment).await).await;
    assert!(got.body.contains("<dd><span lang=\"de\">Bürgerportal</span></dd>"), "{}", got.body);
    assert!(got.body.contains("lang=\"de\" hreflang=\"de\">Deutsch</a>"), "{}", got.body);
    assert_eq!(got.body.matches(" lang=\"de\"").count(), 2, "nothing else is in German: {}", got.body);
}

/// Brings a payment into a situation.
async fn reach(name: &str, language: &str) -> (Stage, Payment) {
    let stage = stage_with_two_methods(51);
    let manual = matches!(name, "held").then_some(CaptureMode::Manual);
    let wish = |request| NewPayment { language: Some(Language::of_tag(language).unwrap()), capture: manual, ..request };
    let payment = stage.create_with("1234.50", wish).await;
    match name {
        "new" => {}
        "cancelled" => drop(stage.desk.cancel_by_payer(TENANT, payment.id).await.unwrap()),
        "expired" => stage.advance(31 * 60).await,
        "failed" => fail(&stage, payment.id).await,
        name => with_page(&stage, &payment, name).await,
    }
    let payment = stage.payment(payment.id).await;
    (stage, payment)
}

/// What can happen after the citizen went to the provider.
async fn with_page(stage: &Stage, payment: &Payment, name: &str) {
    let browser = Browser::new(stage);
    let page = page_of(stage, payment).await;
    let provider = go_to_provider(&browser, &page, "card").await;
    let reference = payment_reference(stage, payment.id).await;
    match name {
        "declined" | "declined and closed" => drop(stage.decide(&provider, "decline")),
        // Its time is over, and no job has come to close the page.
        "closing" => return stage.clock.advance(jiff::SignedDuration::from_mins(31)),
        "pending" => stage.arm("pending", "pay", 1),
        "unknown" => {
            stage.arm("lose_answer", "close_page", 10);
            stage.arm("refuse_connection", "query", 10);
            browser.press(&browser.get(&page).await.method("google_pay")).await;
            return;
        }
        "overpaid" => stage.arm("double_approve", "pay", 1),
        "reversed" => stage.arm("reversal", "pay", 1),
        "page open" | "held" | "paid" | "refunded in part" | "charged back" => {}
        other => panic!("{other} is no situation"),
    }
    stage.settle().await;
    match name {
        "page open" | "declined" => return,
        "declined and closed" => {
            stage.arm("refuse_connection", "open_page", 20);
            browser.press(&browser.get(&page).await.method("google_pay")).await;
            stage.pass(8 * 60).await;
            return;
        }
        _ => drop(stage.decide(&provider, "approve")),
    }
    stage.settle().await;
    match name {
        "refunded in part" => drop(stage.refund(payment.id, "34.50").await.unwrap()),
        "charged back" => stage.event(&reference, "chargeback"),
        _ => {}
    }
    stage.advance(60).await;
}

async fn payment_reference(stage: &Stage, id: PaymentId) -> String {
    let payment = stage.payment(id).await;
    payment.merchant_reference(payment.attempts.last().unwrap()).as_str().to_owned()
}

/// Two persons decide that nothing was taken; the records are written as they will write them.
async fn fail(stage: &Stage, id: PaymentId) {
    let before = stage.payment(id).await;
    let now = stage.clock.now();
    let events = [Event::Failed];
    let (posted, _) = log::post(Some(before.clone()), id, &events, now).unwrap();
    let records = events.iter().zip(posted).map(|(event, entries)| log::payment_record(event, entries).unwrap());
    let mut commit = Commit::new(uuid::Uuid::from_u128(1), TENANT, now);
    commit.appends.push(Append {
        stream: id.0,
        expected_version: before.version,
        kind: StreamKind::Payment,
        records: records.collect(),
    });
    assert_eq!(stage.store.commit(commit).await.unwrap(), Outcome::Committed);
    assert_eq!(stage.payment(id).await.state, State::Failed);
}

#[tokio::test]
async fn the_receipt_tells_what_went_back() {
    for (language, words) in [
        ("de", ["Zahlungsbestätigung", "Bezahlter Betrag", "Erstattung vom 24. November 2026", "1.200,00 €"]),
        ("en", ["Confirmation of payment", "Amount paid", "Refund of 24 November 2026", "€1,200.00"]),
    ] {
        let (stage, payment) = reach("refunded in part", language).await;
        let got = Browser::new(&stage).get(&format!("{}/receipt", page_of(&stage, &payment).await)).await;
        assert_eq!(got.status, StatusCode::OK);
        for wanted in words {
            assert!(got.words().contains(wanted), "{wanted} is missing: {}", got.words());
        }
    }
}

#[tokio::test]
async fn there_is_no_receipt_before_the_payment_is_paid() {
    for name in ["new", "page open", "pending", "held", "unknown", "reversed", "cancelled", "expired", "failed"] {
        let (stage, payment) = reach(name, "de").await;
        let page = page_of(&stage, &payment).await;
        let got = Browser::new(&stage).get(&format!("{page}/receipt")).await;
        assert_eq!((got.status, got.location()), (StatusCode::SEE_OTHER, Some(page)), "{name}");
    }
}

#[tokio::test]
async fn fees_of_the_schedule_are_named_in_the_language_with_quantity_and_tax() {
    use zahlstelle::{desk::create::NewLine, domain::line::TaxRate};
    let lines = || {
        let taxed: TaxRate = "19".parse().unwrap();
        vec![
            NewLine::Fee { fee: "meldebescheinigung".to_owned(), quantity: 2, fee_date: None },
            NewLine::Explicit {
                description: "Hallenmiete".to_owned(),
                quantity: 1,
                unit_amount: eur("24.00"),
                tax_rate: taxed,
                booking: None,
            },
        ]
    };
    for (language, words) in [
        ("de", ["Meldebescheinigung je 9,00 € 2 18,00 €", "darin 19 % Umsatzsteuer: 3,83 €", "Gesamtbetrag 42,00 €"]),
        ("en", ["Certificate of registration €9.00 each 2 €18.00", "includes 19% VAT: €3.83", "Total €42.00"]),
    ] {
        let stage = Stage::new(52);
        let wish =
            |request| NewPayment { lines: lines(), language: Some(Language::of_tag(language).unwrap()), ..request };
        let payment = stage.create_with("1.00", wish).await;
        let got = Browser::new(&stage).get(&page_of(&stage, &payment).await).await;
        for wanted in words {
            assert!(got.words().contains(wanted), "{wanted} is missing: {}", got.words());
        }
    }
}

#[tokio::test]
async fn a_whole_refund_leaves_the_payment_paid_and_says_so() {
    let (stage, payment) = reach("paid", "de").await;
    let all = zahlstelle::desk::RefundOrder {
        extent: RefundExtent::Amount(eur("1234.50")),
        reason: "test".to_owned(),
        capture: None,
        expected_refundable: None,
    };
    stage.desk.request_refund(TENANT, payment.id, stage.client, &all, &stage.once()).await.unwrap();
    stage.advance(5).await;
    let got = Browser::new(&stage).get(&page_of(&stage, &payment).await).await;
    assert!(got.words().contains("Die bezahlten 1.234,50 € wurden Ihnen vollständig erstattet"), "{}", got.words());
}
