//! The time to pay on the page: until when, the warning before its end, and the button that extends it.

use http::StatusCode;
use zahlstelle::desk::create::NewPayment;

use crate::{
    browser::{Browser, Button, Got, go_to_provider, page_of},
    stage::Stage,
};

fn extend_button(got: &Got) -> Button {
    let found = got.buttons().into_iter().find(|button| button.action.contains("/extend"));
    found.unwrap_or_else(|| panic!("no way to more time on {}", got.body))
}

/// Whether the warning is shown without any script.
fn warns(got: &Got) -> bool {
    let pieces = got.pieces();
    let warning = pieces.iter().find(|piece| piece.attribute("id") == Some("time-soon")).unwrap();
    warning.attribute("hidden").is_none()
}

#[tokio::test]
async fn the_button_extends_the_time_and_the_page_tells_the_new_end() {
    let stage = Stage::new(91);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let shown = browser.get(&page).await;
    assert!(shown.words().contains("bis 24. November 2026, 09:30 Uhr (MEZ) bezahlen"), "{}", shown.words());
    assert!(shown.words().contains("Das geht noch 10-mal. Um 30 Minuten verlängern"), "{}", shown.words());
    let button = extend_button(&shown);
    let answer = browser.press(&button).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, Some(format!("{page}#time"))));
    let extended = browser.get(&page).await;
    assert!(extended.words().contains("Zahlbar bis 24. November 2026, 10:00 Uhr (MEZ)"), "{}", extended.words());
    assert!(extended.words().contains("Das geht noch 9-mal"), "{}", extended.words());
    browser.press(&button).await;
    assert_eq!(browser.get(&page).await.body, extended.body, "the same button pressed again is the same wish");
    assert_eq!(browser.get(&format!("{page}/extend")).await.location(), Some(page), "a reload only looks");
}

#[tokio::test]
async fn the_page_warns_in_the_last_five_minutes_and_says_how_many_are_left() {
    let stage = Stage::new(92);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    assert!(!warns(&browser.get(&page).await), "half an hour is left");
    for (seconds, words) in [
        (25 * 60 - 1, None),
        (1, Some("noch etwa 5 Minuten")),
        (2 * 60, Some("noch etwa 3 Minuten")),
        (2 * 60, Some("noch etwa eine Minute")),
        (59, Some("weniger als eine Minute")),
    ] {
        stage.advance(seconds).await;
        let got = browser.get(&page).await;
        assert_eq!(warns(&got), words.is_some(), "{words:?}");
        assert!(words.is_none_or(|words| got.words().contains(words)), "{words:?}: {}", got.words());
    }
    browser.press(&extend_button(&browser.get(&page).await)).await;
    assert!(!warns(&browser.get(&page).await), "there is time again");
    let english = browser.get(&format!("{page}?lang=en")).await;
    assert!(english.words().contains("You can do so 9 more times. Extend by 30 minutes"), "{}", english.words());
}

#[tokio::test]
async fn after_ten_times_nothing_is_offered_and_an_old_form_is_told_why() {
    let stage = Stage::new(93);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    for _ in 0..9 {
        browser.press(&extend_button(&browser.get(&page).await)).await;
    }
    let last = browser.get(&page).await;
    assert!(last.words().contains("Das geht noch einmal."), "{}", last.words());
    let button = extend_button(&last);
    browser.press(&button).await;
    let used_up = browser.get(&page).await;
    assert!(!used_up.words().contains("Brauchen Sie mehr Zeit?"), "{}", used_up.words());
    assert!(used_up.words().contains("24. November 2026, 14:30 Uhr (MEZ)"), "{}", used_up.words());
    let unsaid = Button { fields: Vec::new(), ..button };
    let refused = browser.press(&unsaid).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.words().contains("kann nicht noch einmal verlängert werden"), "{}", refused.words());
    assert_eq!(refused.methods(), ["card"], "the page can still be used");
}

#[tokio::test]
async fn what_has_ended_is_not_extended_and_broken_forms_are_refused() {
    let stage = Stage::new(94);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let button = extend_button(&browser.get(&page).await);
    let broken = Button { fields: vec![("seconds".to_owned(), "999999".to_owned())], ..button.clone() };
    let refused = browser.press(&broken).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.words().contains("konnte nicht gelesen werden"), "{}", refused.words());
    stage.advance(31 * 60).await;
    let got = browser.press_and_look(&button).await;
    assert!(got.title().starts_with("Abgelaufen – "), "{}", got.title());
    assert_eq!(stage.payment(payment.id).await.time_limit.extensions, 0);
}

#[tokio::test]
async fn a_page_that_the_provider_let_lapse_is_not_offered_any_more() {
    let stage = Stage::new(95);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let first = go_to_provider(&browser, &page, "card").await;
    let begun = browser.get(&page).await;
    assert_eq!(begun.link("Beim Zahlungsdienst weiter"), Some(first.clone()));
    browser.press(&extend_button(&begun)).await;
    stage.clock.advance(jiff::SignedDuration::from_mins(31));
    let lapsed = browser.get(&page).await;
    assert_eq!((lapsed.link("Beim Zahlungsdienst weiter"), lapsed.methods()), (None, vec!["card".to_owned()]));
    let second = go_to_provider(&browser, &page, "card").await;
    assert_ne!(first, second);
    browser.visit(&stage.decide(&second, "approve").unwrap()).await;
    stage.settle().await;
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn a_limit_of_more_than_twenty_hours_needs_no_button() {
    let stage = Stage::new(96);
    let browser = Browser::new(&stage);
    let day = |request| NewPayment { expires_in_seconds: Some(24 * 3_600), ..request };
    let payment = stage.create_with("13.00", day).await;
    let page = page_of(&stage, &payment).await;
    assert_eq!(browser.get(&page).await.buttons().len(), 1, "to pay is all there is to press");
    stage.advance(5 * 3_600).await;
    let shorter = browser.get(&page).await;
    assert!(shorter.words().contains("Um 24 Stunden verlängern"), "{}", shorter.words());
}
