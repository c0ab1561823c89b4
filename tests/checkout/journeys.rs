//! Paying with one method: from the first look to the receipt, with refused cards, closed browsers and late answers.

use crate::{
    browser::{Browser, Got, OWN, go_to_provider, page_of, state},
    stage::Stage,
};
use http::StatusCode;
use zahlstelle::desk::create::NewPayment;
use zahlstelle_contract::method::CaptureMode;

/// A little longer than the provider lets a payer's own step run on after a page was closed. Seconds.
const IN_FLIGHT_SECONDS: i64 = 16 * 60;
/// A little longer than the shipped settings let a payment be paid. Seconds.
const EXPIRY_SECONDS: i64 = 31 * 60;

#[tokio::test]
async fn a_citizen_pays_by_card_and_gets_a_receipt() {
    let stage = Stage::new(11);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;

    let open = browser.get(&page).await;
    assert_eq!((open.status, open.heading().as_str()), (StatusCode::OK, "Gebühr bezahlen"));
    assert!(open.title().starts_with("Zu bezahlen: 13,00"), "{}", open.title());
    let words = open.words();
    for told in [
        "Testumgebung",
        "Stadt Dortmund (Demonstration)",
        "Gebühr",
        "13,00 €",
        "24. November 2026, 09:30 Uhr (MEZ)",
        "+49 231 0000000",
        "Mo bis Fr 8 bis 12 Uhr",
        "Impressum",
        "Datenschutz",
        "Barrierefreiheit",
    ] {
        assert!(words.contains(told), "{told} is missing: {words}");
    }
    let number = &payment.terms.kassenzeichen;
    let printed = format!("{}.{}.{}.{}", &number[..4], &number[4..8], &number[8..12], &number[12..]);
    assert!(words.contains(&printed), "{printed} is missing: {words}");

    let provider = go_to_provider(&browser, &page, "card").await;
    let back = stage.decide(&provider, "approve").expect("the provider sends the payer back");
    assert!(back.starts_with(&format!("{OWN}{page}/return/")), "{back}");
    let paid = browser.visit(&back).await;
    assert!(paid.title().starts_with("Bezahlt – "), "{}", paid.title());
    assert!(paid.buttons().is_empty(), "nothing more can be pressed");
    let portal = format!("http://127.0.0.1:8090/zurueck?payment={}", payment.id);
    assert_eq!(paid.link("Zurück: Bürgerportal"), Some(portal));

    let receipt = browser.get(&paid.link("Zahlungsbestätigung").unwrap()).await;
    assert_eq!(receipt.status, StatusCode::OK);
    let words = receipt.words();
    for told in
        ["24. November 2026, 09:00 Uhr (MEZ)", "Kredit- oder Debitkarte", "13,00 €", &printed, &payment.id.to_string()]
    {
        assert!(words.contains(told), "{told} is missing: {words}");
    }
    stage.settle().await;
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn a_refused_card_leaves_the_same_page_payable_and_is_taken_once() {
    let stage = Stage::new(12);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let provider = go_to_provider(&browser, &page, "card").await;
    assert_eq!(stage.decide(&provider, "decline"), None, "the provider offers another try itself");
    stage.settle().await;

    let declined = browser.get(&page).await;
    assert!(declined.title().starts_with("Abgelehnt – "), "{}", declined.title());
    assert!(declined.words().contains("Es wurde nichts abgebucht"), "{}", declined.words());
    assert_eq!(declined.link("Beim Zahlungsdienst weiter"), Some(provider.clone()), "the same page");
    let back = stage.decide(&provider, "approve").unwrap();
    assert_eq!(browser.visit(&back).await.heading(), "Vielen Dank, Ihre Zahlung ist angekommen");
    stage.settle().await;
    let paid = stage.payment(payment.id).await;
    assert_eq!((paid.attempts.len(), paid.captures.len()), (1, 1));
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn a_double_click_makes_one_page() {
    let stage = Stage::new(13);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let button = browser.get(&page_of(&stage, &payment).await).await.method("card");
    let (one, other) = tokio::join!(browser.press(&button), browser.press(&button));
    let third = browser.press(&button).await;
    for got in [&one, &other, &third] {
        assert_eq!((got.status, got.location()), (StatusCode::SEE_OTHER, one.location()));
    }
    let rows = stage.transactions();
    assert_eq!((rows.len(), &rows[0]["executed"]["create"]), (1, &serde_json::json!(1)), "{rows:?}");
    assert_eq!(stage.payment(payment.id).await.attempts.len(), 1);
}

#[tokio::test]
async fn going_back_after_paying_starts_nothing() {
    let stage = Stage::new(14);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let old = browser.get(&page).await.method("card");
    let provider = browser.press(&old).await.location().unwrap();
    let back = stage.decide(&provider, "approve").unwrap();
    browser.visit(&back).await;

    assert_eq!(browser.press_and_look(&old).await.title().split(' ').next(), Some("Bezahlt"));
    assert_eq!(stage.decide(&provider, "approve"), None, "the provider's page takes nothing more");
    assert_eq!(browser.visit(&back).await.title().split(' ').next(), Some("Bezahlt"));
    assert_eq!(browser.get(&format!("{page}/cancel")).await.location(), Some(page.clone()));
    stage.settle().await;
    let paid = stage.payment(payment.id).await;
    assert_eq!((paid.attempts.len(), paid.captures.len()), (1, 1));
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn after_expiry_neither_we_nor_the_provider_take_money() {
    let stage = Stage::new(15);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let old = browser.get(&page).await.method("card");
    let provider = browser.press(&old).await.location().unwrap();
    stage.advance(EXPIRY_SECONDS).await;
    assert_eq!(stage.decide(&provider, "approve"), None, "the page has lapsed");
    stage.advance(IN_FLIGHT_SECONDS).await;
    let expired = browser.press_and_look(&old).await;
    assert!(expired.title().starts_with("Abgelaufen – "), "{}", expired.title());
    assert!(expired.link("Zurück: Bürgerportal").is_some());
    assert_eq!((state(&stage, payment.id).await, stage.held().await, stage.held_at_twin()), ("expired", 0, 0));
}

#[tokio::test]
async fn an_open_payment_is_not_offered_after_its_time_even_before_a_job_ends_it() {
    let stage = Stage::new(16);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let old = browser.get(&page).await.method("card");
    stage.clock.advance(jiff::SignedDuration::from_secs(EXPIRY_SECONDS));
    assert_eq!(state(&stage, payment.id).await, "open", "no job has run");
    assert!(browser.press_and_look(&old).await.title().starts_with("Abgelaufen – "));
    assert!(stage.transactions().is_empty());
}

#[tokio::test]
async fn an_approval_just_before_expiry_counts_although_nobody_told_us() {
    let stage = Stage::new(17);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let provider = go_to_provider(&browser, &page, "card").await;
    stage.arm("drop_notification", "notification", 100);
    stage.clock.advance(jiff::SignedDuration::from_mins(29));
    stage.decide(&provider, "approve").unwrap();
    stage.advance(EXPIRY_SECONDS).await;
    assert_eq!(browser.get(&page).await.title().split(' ').next(), Some("Bezahlt"));
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn coming_back_works_in_another_browser_and_twice() {
    let stage = Stage::new(18);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let provider = go_to_provider(&Browser::new(&stage), &page, "card").await;
    let back = stage.decide(&provider, "approve").unwrap();
    let other = Browser::new(&stage).speaking("tr");
    for _ in 0..2 {
        assert_eq!(other.get(&back).await.location(), Some(page.clone()));
    }
    assert_eq!(other.get(&page).await.title().split(' ').next(), Some("Bezahlt"));
    assert_eq!(other.get(&format!("{page}/return/{}", uuid::Uuid::nil())).await.location(), Some(page.clone()));
    assert_eq!(other.get(&format!("{page}/return/nobody")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn coming_back_while_the_provider_is_away_shows_what_is_known() {
    let stage = Stage::new(19);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let provider = go_to_provider(&browser, &page, "card").await;
    let back = stage.decide(&provider, "approve").unwrap();
    stage.arm("refuse_connection", "query", 1);
    let got = browser.visit(&back).await;
    assert_eq!(stage.fired("refuse_connection", "query"), 1);
    assert_eq!(got.heading(), "Zahlung fortsetzen");
    stage.settle().await;
    assert_eq!(browser.get(&page).await.title().split(' ').next(), Some("Bezahlt"));
}

#[tokio::test]
async fn a7_return_page_twice_and_notification_at_once_complete_a_payment_once() {
    let stage = Stage::new(20);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let provider = go_to_provider(&browser, &page_of(&stage, &payment).await, "card").await;
    let back = stage.decide(&provider, "approve").unwrap();
    let notify = async {
        let delivered = stage.deliver().await;
        stage.attend().await;
        delivered
    };
    let (one, other, delivered) = tokio::join!(browser.get(&back), browser.get(&back), notify);
    assert_eq!((one.status, other.status), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    assert!(delivered > 0, "the notification was among them");
    stage.settle().await;
    assert_eq!(stage.payment(payment.id).await.captures.len(), 1);
    let paid = stage.feed_types().await.into_iter().filter(|kind| kind == "payment.paid").count();
    assert_eq!(paid, 1);
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn a8_a_page_that_took_the_money_twice_is_shown_as_paid_with_too_much() {
    let stage = Stage::new(21);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let provider = go_to_provider(&browser, &page, "card").await;
    stage.arm("double_approve", "pay", 1);
    stage.decide(&provider, "approve").unwrap();
    assert_eq!(stage.fired("double_approve", "pay"), 1);
    stage.settle().await;
    let got = browser.get(&page).await;
    assert!(got.title().starts_with("Bezahlt – "), "{}", got.title());
    assert!(got.words().contains("Es sind 13,00 € zu viel bei uns angekommen"), "{}", got.words());
    assert_eq!((stage.held().await, stage.held_at_twin()), (2_600, 2_600));
}

#[tokio::test]
async fn b9_cancelling_after_paying_at_the_provider_shows_the_payment_as_paid() {
    let stage = Stage::new(22);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let provider = go_to_provider(&browser, &page, "card").await;
    let question = browser.get(&browser.get(&page).await.link("Zahlung abbrechen").unwrap()).await;
    assert_eq!(question.heading(), "Möchten Sie die Zahlung wirklich abbrechen?");
    assert_eq!(question.link("Nein, zurück"), Some(page.clone()));
    stage.decide(&provider, "approve").unwrap();
    assert_eq!(state(&stage, payment.id).await, "processing", "we have not been told yet");
    let [confirm] = question.buttons().try_into().expect("one button");
    assert_eq!(browser.press_and_look(&confirm).await.title().split(' ').next(), Some("Bezahlt"));
    stage.settle().await;
    assert_eq!((state(&stage, payment.id).await, stage.held().await), ("paid", 1_300));
}

#[tokio::test]
async fn cancelling_closes_the_page_at_the_provider() {
    let stage = Stage::new(23);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let provider = go_to_provider(&browser, &page, "card").await;
    let [confirm] = browser.get(&format!("{page}/cancel")).await.buttons().try_into().expect("one button");
    let cancelled = browser.press_and_look(&confirm).await;
    assert!(cancelled.title().starts_with("Abgebrochen – "), "{}", cancelled.title());
    assert_eq!(stage.decide(&provider, "approve"), None, "the page is closed");
    assert_eq!(browser.press(&confirm).await.location(), Some(page), "again changes nothing");
    stage.settle().await;
    assert_eq!((stage.held().await, stage.held_at_twin()), (0, 0));
}

#[tokio::test]
async fn c7_approved_and_the_browser_closed_is_paid_by_the_notification() {
    let stage = Stage::new(24);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    stage.decide(&go_to_provider(&browser, &page, "card").await, "approve").unwrap();
    stage.settle().await;
    assert_eq!(state(&stage, payment.id).await, "paid");
    assert!(browser.get(&page).await.title().starts_with("Bezahlt – "));
}

#[tokio::test]
async fn c7_approved_and_the_browser_closed_is_paid_by_asking_when_no_notification_comes() {
    let stage = Stage::new(25);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    stage.arm("drop_notification", "notification", 100);
    stage.decide(&go_to_provider(&browser, &page, "card").await, "approve").unwrap();
    stage.pass(10 * 60).await;
    assert!(stage.fired("drop_notification", "notification") > 0);
    assert!(browser.get(&page).await.title().starts_with("Bezahlt – "));
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn c9_a_reversal_right_behind_the_success_is_shown_and_leaves_no_receipt() {
    let stage = Stage::new(26);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let provider = go_to_provider(&browser, &page, "card").await;
    stage.arm("reversal", "pay", 1);
    let back = stage.decide(&provider, "approve").unwrap();
    assert_eq!(stage.fired("reversal", "pay"), 1);
    browser.visit(&back).await;
    stage.settle().await;
    stage.advance(60).await;
    let reversed = browser.get(&page).await;
    assert!(reversed.title().starts_with("Zurückgebucht – "), "{}", reversed.title());
    assert_eq!(browser.get(&format!("{page}/receipt")).await.location(), Some(page));
    assert_eq!((state(&stage, payment.id).await, stage.held().await, stage.held_at_twin()), ("reversed", 0, 0));
}

#[tokio::test]
async fn a_provider_that_is_away_is_an_apology_and_the_same_form_works_later() {
    for fault in ["refuse_connection", "error_500", "lose_answer", "error_500_after_commit", "rate_limited"] {
        let stage = Stage::new(27);
        let browser = Browser::new(&stage);
        let payment = stage.create("13.00").await;
        let page = page_of(&stage, &payment).await;
        let button = browser.get(&page).await.method("card");
        stage.arm(fault, "open_page", 1);
        let away = browser.press(&button).await;
        assert_eq!(stage.fired(fault, "open_page"), 1);
        assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE, "{fault}");
        assert_eq!(away.header("retry-after"), "60");
        assert!(away.title().starts_with("Das hat nicht geklappt – "), "{}", away.title());
        assert!(away.words().contains("der Zahlungsdienst ist gerade nicht erreichbar"), "{}", away.words());
        let provider = browser.press(&button).await.location().expect("the same form, sent again");
        browser.visit(&stage.decide(&provider, "approve").unwrap_or_else(|| panic!("{fault}: {provider}"))).await;
        stage.settle().await;
        assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300), "{fault}");
        assert_eq!(stage.transactions().len(), 1, "{fault}");
    }
}

#[tokio::test]
async fn a_page_for_another_amount_is_not_handed_over() {
    let stage = Stage::new(28);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    stage.arm("wrong_amount", "open_page", 1);
    let got = browser.press(&browser.get(&page).await.method("card")).await;
    assert_eq!(stage.fired("wrong_amount", "open_page"), 1);
    assert_eq!((got.status, got.location()), (StatusCode::SERVICE_UNAVAILABLE, None));
    stage.settle().await;
    assert_eq!((state(&stage, payment.id).await, stage.held().await), ("open", 0));
    go_to_provider(&browser, &page, "card").await;
}

#[tokio::test]
async fn held_money_is_shown_as_reserved_and_then_as_paid() {
    let stage = Stage::new(29);
    let browser = Browser::new(&stage);
    let manual = |request| NewPayment { capture: Some(CaptureMode::Manual), ..request };
    let payment = stage.create_with("13.00", manual).await;
    let page = page_of(&stage, &payment).await;
    let provider = go_to_provider(&browser, &page, "card").await;
    browser.visit(&stage.decide(&provider, "approve").unwrap()).await;
    stage.settle().await;
    let held: Got = browser.get(&page).await;
    assert!(held.title().starts_with("Vorgemerkt – "), "{}", held.title());
    let question = browser.get(&format!("{page}/cancel")).await;
    assert_eq!(question.location(), Some(page.clone()), "the office decides about held money, not the page");
    stage.desk.capture(crate::stage::TENANT, payment.id, None, &stage.once()).await.unwrap();
    stage.advance(5).await;
    assert!(browser.get(&page).await.title().starts_with("Bezahlt – "));
}
