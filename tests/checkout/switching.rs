//! Two methods, two tabs: whatever is pressed in whatever order, no cent is lost and none is taken unnoticed.

use http::StatusCode;

use crate::{
    browser::{Browser, TWIN, go_to_provider, page_of, stage_with_two_methods, state},
    stage::Stage,
};

#[tokio::test]
async fn choosing_another_method_closes_the_first_page() {
    let stage = stage_with_two_methods(31);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let tabs = (browser.get(&page).await, browser.get(&page).await);
    assert_eq!(tabs.0.methods(), ["card", "google_pay"]);
    let card = browser.press(&tabs.0.method("card")).await.location().unwrap();
    assert_eq!(browser.get(&page).await.methods(), ["google_pay"], "the card goes on by its link");
    let google = browser.press(&tabs.1.method("google_pay")).await.location().unwrap();
    assert!(google.starts_with(TWIN) && google != card, "{google}");
    assert_eq!(stage.decide(&card, "approve"), None, "the first page is closed");
    browser.visit(&stage.decide(&google, "approve").unwrap()).await;
    stage.settle().await;
    assert_eq!(stage.payment(payment.id).await.captures.len(), 1);
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn choosing_another_method_after_paying_shows_the_payment_as_paid() {
    let stage = stage_with_two_methods(32);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let other_tab = browser.get(&page).await;
    let card = go_to_provider(&browser, &page, "card").await;
    stage.decide(&card, "approve").unwrap();
    assert_eq!(state(&stage, payment.id).await, "processing", "we have not been told yet");
    let got = browser.press_and_look(&other_tab.method("google_pay")).await;
    assert!(got.title().starts_with("Bezahlt – "), "{}", got.title());
    stage.settle().await;
    assert_eq!(stage.payment(payment.id).await.attempts.len(), 1, "no second attempt was started");
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn an_old_form_does_not_close_the_page_of_the_method_chosen_after_it() {
    let stage = stage_with_two_methods(33);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let old = browser.get(&page).await.method("card");
    browser.press(&old).await;
    let google = go_to_provider(&browser, &page, "google_pay").await;
    assert_eq!(browser.press(&old).await.location(), Some(page.clone()), "its answer was the closed page");
    let fresh = browser.get(&page).await;
    assert_eq!(fresh.link("Beim Zahlungsdienst weiter"), Some(google.clone()), "still open");
    let card = browser.press(&fresh.method("card")).await.location().unwrap();
    assert!(card.starts_with(TWIN) && card != google, "a fresh form means what it says: {card}");
    assert_eq!(stage.decide(&google, "approve"), None);
}

#[tokio::test]
async fn both_methods_at_the_same_moment_leave_at_most_one_page_payable() {
    let stage = stage_with_two_methods(34);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let shown = browser.get(&page).await;
    let (buttons, mut pages) = ((shown.method("card"), shown.method("google_pay")), Vec::new());
    let (card, google) = tokio::join!(browser.press(&buttons.0), browser.press(&buttons.1));
    for got in [card, google] {
        assert!([StatusCode::SEE_OTHER, StatusCode::SERVICE_UNAVAILABLE].contains(&got.status), "{}", got.body);
        pages.extend(got.location().filter(|location| location.starts_with(TWIN)));
    }
    for page in &pages {
        stage.decide(page, "approve");
    }
    stage.settle().await;
    stage.advance(20 * 60).await;
    let payment = stage.payment(payment.id).await;
    assert_eq!(payment.captures.len(), 1, "{:?} of {pages:?}", payment.state);
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn no_method_starts_while_the_first_may_have_taken_the_money() {
    let stage = stage_with_two_methods(35);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let card = go_to_provider(&browser, &page, "card").await;
    let shown = browser.get(&page).await;
    stage.arm("lose_answer", "close_page", 10);
    stage.arm("refuse_connection", "query", 10);
    let got = browser.press_and_look(&shown.method("google_pay")).await;
    assert!(got.title().starts_with("Wird geprüft – "), "{}", got.title());
    assert!(got.words().contains("Bitte bezahlen Sie nicht noch einmal"), "{}", got.words());
    assert!(got.buttons().is_empty());
    assert_eq!(browser.press(&shown.method("google_pay")).await.location(), Some(page.clone()));
    stage.control(http::Method::DELETE, "/control/faults", &serde_json::Value::Null);
    stage.pass(20 * 60).await;
    assert_eq!(stage.decide(&card, "approve"), None);
    go_to_provider(&browser, &page, "google_pay").await;
}

#[tokio::test]
async fn a_method_that_the_payment_does_not_offer_is_told_on_the_page() {
    let stage = Stage::new(36);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let mut button = browser.get(&page).await.method("card");
    for wrong in ["google_pay", "paypal", "cash", ""] {
        button.fields = vec![("method".to_owned(), wrong.to_owned())];
        let got = browser.press(&button).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(got.words().contains("Diese Zahlungsart gibt es hier nicht"), "{}", got.words());
        assert_eq!(got.methods(), ["card"], "the page can still be used");
    }
    assert!(stage.transactions().is_empty());
}
