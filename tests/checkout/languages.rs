//! Choosing a language: by the payment, by the browser, and by a link on every page, without cookies and without losing
//! anything.

use http::StatusCode;
use zahlstelle::{desk::create::NewPayment, domain::language::Language};

use crate::{
    browser::{Browser, Got, go_to_provider, page_of, stage_with_two_methods},
    stage::Stage,
};

fn language_of(got: &Got) -> String {
    got.pieces()[0].attribute("lang").unwrap().to_owned()
}

/// The page on which the link to another language stands, in that language.
async fn switched(browser: &Browser, path: &str, got: &Got, name: &str) -> (String, Got) {
    let link = got.link(name).unwrap_or_else(|| panic!("no link {name:?} on {path}"));
    assert!(link.starts_with("?lang="), "{link}");
    let address = format!("{}{link}", path.split('?').next().unwrap());
    let there = browser.get(&address).await;
    (address, there)
}

#[tokio::test]
async fn every_page_offers_the_other_language_and_keeps_it() {
    let stage = Stage::new(81);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    for path in [page.clone(), format!("{page}/cancel"), "/pay/unknown".to_owned()] {
        let german = browser.get(&path).await;
        assert_eq!((language_of(&german), german.header("content-language")), ("de".to_owned(), "de"), "{path}");
        let (address, english) = switched(&browser, &path, &german, "English").await;
        assert_eq!((language_of(&english), english.header("content-language")), ("en".to_owned(), "en"), "{path}");
        assert_eq!(english.status, german.status, "{path}");
        let (_, back) = switched(&browser, &address, &english, "Deutsch").await;
        assert_eq!(back.heading(), german.heading(), "{path}");
    }
    assert_eq!(stage.payment(payment.id).await.version, 1, "switching does nothing but switch");
}

#[tokio::test]
async fn a_chosen_language_lasts_through_the_whole_journey_without_cookies() {
    let stage = stage_with_two_methods(82);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let english = browser.get(&format!("{page}?lang=en")).await;
    for address in english.buttons().into_iter().map(|button| button.action).chain(english.link("Cancel this payment"))
    {
        assert!(address.ends_with("?lang=en"), "{address}");
    }
    let asked = browser.get(&english.link("Cancel this payment").unwrap()).await;
    assert_eq!(language_of(&browser.get(&asked.link("No, back").unwrap()).await), "en");

    let provider = browser.press(&english.method("card")).await.location().unwrap();
    let read = stage.payment(payment.id).await;
    assert_eq!(
        (read.language(), read.terms.language.as_deref()),
        (Some("en"), None),
        "what is read, and what the portal said"
    );
    let back = stage.decide(&provider, "approve").unwrap();
    assert!(!back.contains("lang="), "the provider's way back is as short as before: {back}");
    let paid = browser.visit(&back).await;
    assert!(paid.title().starts_with("Paid – "), "{}", paid.title());
    let receipt = browser.get(&paid.link("Show the confirmation").unwrap()).await;
    assert_eq!(receipt.heading(), "Confirmation of payment");
    assert_eq!(language_of(&browser.get(&format!("{page}?lang=de")).await), "de", "and may be chosen anew");
}

#[tokio::test]
async fn the_language_that_was_read_last_counts() {
    let stage = stage_with_two_methods(83);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    browser.press(&browser.get(&format!("{page}?lang=en")).await.method("card")).await;
    assert_eq!(language_of(&browser.get(&page).await), "en", "a new tab knows it, too");
    browser.press(&browser.get(&format!("{page}?lang=de")).await.method("google_pay")).await;
    assert_eq!(language_of(&browser.get(&page).await), "de");
}

#[tokio::test]
async fn an_answer_to_a_form_keeps_the_language_and_its_switch_sends_nothing() {
    let stage = Stage::new(84);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let shown = browser.get(&format!("{page}?lang=en")).await;
    let mut wrong = shown.method("card");
    wrong.fields = vec![("method".to_owned(), "cash".to_owned())];
    let refused = browser.press(&wrong).await;
    assert_eq!((refused.status, language_of(&refused)), (StatusCode::UNPROCESSABLE_ENTITY, "en".to_owned()));
    let (_, german) = switched(&browser, &wrong.action, &refused, "Deutsch").await;
    assert_eq!((german.status, german.methods()), (StatusCode::OK, vec!["card".to_owned()]));
    let cancel = browser.get(&format!("{page}/cancel?lang=en")).await.buttons().remove(0);
    let cancelled = browser.press_and_look(&cancel).await;
    assert!(cancelled.title().starts_with("Cancelled – "), "{}", cancelled.title());
}

#[tokio::test]
async fn a_payment_in_a_language_without_pages_follows_the_browser() {
    let stage = Stage::new(85);
    let turkish = |request| NewPayment { language: Some(Language::of_tag("tr").unwrap()), ..request };
    let payment = stage.create_with("13.00", turkish).await;
    let page = page_of(&stage, &payment).await;
    let browser = Browser::new(&stage).speaking("tr, en;q=0.8");
    assert_eq!(language_of(&browser.get(&page).await), "en");
    go_to_provider(&browser, &page, "card").await;
    assert_eq!(language_of(&browser.get(&page).await), "en");
}

#[tokio::test]
async fn without_a_word_of_the_portal_the_browser_decides_and_with_one_it_does_not() {
    let stage = Stage::new(2_090);
    let (german, english) = (Browser::new(&stage), Browser::new(&stage).speaking("en"));
    for (said, with_german, with_english) in [(None, "de", "en"), (Some("de"), "de", "de"), (Some("tr"), "de", "en")] {
        let language = said.map(|tag| Language::of_tag(tag).unwrap());
        let payment = stage.create_with("13.00", |request| NewPayment { language, ..request }).await;
        let page = page_of(&stage, &payment).await;
        assert_eq!(language_of(&german.get(&page).await), with_german, "{said:?}");
        assert_eq!(language_of(&english.get(&page).await), with_english, "{said:?}");
    }
}
