//! A browser without script and without cookies: it opens pages, reads forms, presses buttons and follows redirects.

use std::sync::Arc;

use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;
use url::Url;
use zahlstelle::{
    desk::Desk,
    domain::{ids::PaymentId, payment::Payment},
    http::checkout::{self, CheckoutSettings, PageOrigin},
};

use crate::{
    html::{self, Piece},
    stage::{Stage, TENANT},
};

/// Where the stage says that citizens reach it.
pub(crate) const OWN: &str = "http://127.0.0.1:8080";
/// Where the twin's pages are.
pub(crate) const TWIN: &str = "http://127.0.0.1:8181";

/// A browser.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    language: &'static str,
}

/// What a browser got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A button of a form, with everything that pressing it sends.
#[derive(Clone, Debug)]
pub(crate) struct Button {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Browser {
    pub(crate) fn new(stage: &Stage) -> Self {
        let twin = PageOrigin::new(&Url::parse(TWIN).unwrap()).unwrap();
        Self::with(&stage.desk, CheckoutSettings { page_origins: vec![twin] })
    }

    pub(crate) fn with(desk: &Arc<Desk>, settings: CheckoutSettings) -> Self {
        Self { router: checkout::router(Arc::clone(desk), settings), language: "de" }
    }

    pub(crate) fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    /// Opens an address of ours.
    pub(crate) async fn get(&self, address: &str) -> Got {
        self.send(self.request(Method::GET, address).body(Body::empty()).unwrap()).await
    }

    /// Opens an address of ours and goes where it leads, as long as that is ours.
    pub(crate) async fn visit(&self, address: &str) -> Got {
        let mut got = self.get(address).await;
        for _ in 0..5 {
            match got.location() {
                Some(next) if is_ours(&next) => got = self.get(&next).await,
                _ => return got,
            }
        }
        panic!("redirects never end");
    }

    /// Presses a button as a browser does whose page sends no referrer.
    pub(crate) async fn press(&self, button: &Button) -> Got {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&button.fields).finish();
        let request = self
            .request(Method::POST, &button.action)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header(header::ORIGIN, "null");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Presses a button and looks at the page that it leads to.
    pub(crate) async fn press_and_look(&self, button: &Button) -> Got {
        let got = self.press(button).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
        self.visit(&got.location().unwrap()).await
    }

    pub(crate) fn request(&self, method: Method, address: &str) -> http::request::Builder {
        let target = address.strip_prefix(OWN).unwrap_or(address);
        Request::builder().method(method).uri(target).header(header::ACCEPT_LANGUAGE, self.language)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(head.headers.get(header::SET_COOKIE).is_none(), "the checkout has no cookies");
        let got = Got { status: head.status, headers: head.headers, body };
        if got.header("content-type").starts_with("text/html") {
            html::check(&got.body);
        }
        got
    }
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> Option<String> {
        self.headers.get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned())
    }

    pub(crate) fn pieces(&self) -> Vec<Piece> {
        html::pieces(&self.body)
    }

    pub(crate) fn title(&self) -> String {
        html::text_of(&self.pieces(), "title")
    }

    pub(crate) fn heading(&self) -> String {
        html::text_of(&self.pieces(), "h1")
    }

    /// All words of the page, with plain blanks.
    pub(crate) fn words(&self) -> String {
        html::text_of(&self.pieces(), "body").replace('\u{a0}', " ")
    }

    /// The buttons of all forms.
    pub(crate) fn buttons(&self) -> Vec<Button> {
        let pieces = self.pieces();
        let (mut action, mut hidden, mut buttons) = (String::new(), Vec::new(), Vec::new());
        for piece in &pieces {
            let named = || (piece.attribute("name"), piece.attribute("value").unwrap_or_default().to_owned());
            if piece.opens("form") {
                piece.attribute("action").unwrap().clone_into(&mut action);
                hidden.clear();
            } else if piece.opens("input") {
                let (name, value) = named();
                hidden.push((name.unwrap().to_owned(), value));
            } else if piece.opens("button") {
                let mut fields = hidden.clone();
                let (name, value) = named();
                fields.extend(name.map(|name| (name.to_owned(), value)));
                buttons.push(Button { action: action.clone(), fields });
            }
        }
        buttons
    }

    /// The button that pays with a method.
    pub(crate) fn method(&self, method: &str) -> Button {
        let wanted = ("method".to_owned(), method.to_owned());
        let found = self.buttons().into_iter().find(|button| button.fields.contains(&wanted));
        found.unwrap_or_else(|| panic!("no button for {method} in {}", self.body))
    }

    /// The methods that can be chosen.
    pub(crate) fn methods(&self) -> Vec<String> {
        let fields = self.buttons().into_iter().flat_map(|button| button.fields);
        fields.filter(|(name, _)| name == "method").map(|(_, value)| value).collect()
    }

    /// The address of the link whose words begin like this.
    pub(crate) fn link(&self, words: &str) -> Option<String> {
        let pieces = self.pieces();
        let found = pieces
            .iter()
            .enumerate()
            .find(|(index, piece)| piece.opens("a") && html::text_from(&pieces[*index..]).starts_with(words));
        found.and_then(|(_, piece)| piece.attribute("href")).map(str::to_owned)
    }
}

/// The path of a payment's page.
pub(crate) async fn page_of(stage: &Stage, payment: &Payment) -> String {
    let view = stage.desk.view(stage.desk.tenant(TENANT).unwrap(), payment).await.unwrap();
    let view = serde_json::to_value(view).unwrap();
    view["checkout_url"].as_str().unwrap().strip_prefix(OWN).unwrap().to_owned()
}

/// Goes from the payment's page to the provider's by a method; the provider's address.
pub(crate) async fn go_to_provider(browser: &Browser, page: &str, method: &str) -> String {
    let got = browser.press(&browser.get(page).await.method(method)).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
    let location = got.location().unwrap();
    assert!(location.starts_with(TWIN), "{location}");
    location
}

/// The state of a payment as the API names it.
pub(crate) async fn state(stage: &Stage, id: PaymentId) -> &'static str {
    stage.payment(id).await.state.as_str()
}

/// A stage whose service takes two methods at the same provider.
pub(crate) fn stage_with_two_methods(seed: u64) -> Stage {
    Stage::with(seed, |tenant| {
        tenant.replacen(
            "methods = { card = \"adyen-test\" }",
            "methods = { card = \"adyen-test\", google_pay = \"adyen-test\" }",
            1,
        )
    })
}

fn is_ours(address: &str) -> bool {
    address.starts_with('/') || address.starts_with(OWN)
}
