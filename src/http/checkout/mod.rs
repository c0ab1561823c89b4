//! The checkout: the pages on which a citizen sees what is charged, chooses how to pay, and learns what happened.
//!
//! Plain HTML forms without cookies, and one small script that adds a timely warning and nothing else. The token in the address is all that opens a payment, so the
//! pages work in another tab, in another browser and after coming back from the provider; no page keeps a state that
//! the desk does not have. Whatever an address or a form claims, the page shows where the payment stands.

mod assets;
mod bill;
mod failure;
mod form;
mod format;
mod frame;
mod guard;
mod handlers;
mod language;
mod name;
mod page;
mod receipt;
mod settings;
mod standing;
mod texts;
mod time;
mod visitor;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{any, get},
};

pub use self::{
    settings::{CheckoutSettings, PageOrigin, PageOriginError},
    texts::{TextError, TextErrors, check as check_texts},
};
use crate::desk::Desk;

/// The most bytes of a form.
pub const FORM_BYTES_MAX: usize = 4_096;

/// The routes below `/pay`.
pub fn router(desk: Arc<Desk>, settings: CheckoutSettings) -> Router {
    let policy = guard::content_security_policy(&settings);
    let state = Checkout {
        own_origin: desk.settings().public_url.origin().ascii_serialization().into(),
        desk,
        settings: Arc::new(settings),
    };
    let pages = Router::new()
        .route("/assets/checkout.css", get(assets::stylesheet))
        .route("/assets/checkout.js", get(assets::script))
        .route("/{token}", get(handlers::show).post(handlers::start))
        .route("/{token}/return/{attempt}", get(handlers::come_back))
        .route("/{token}/cancel", get(handlers::ask_to_cancel).post(handlers::cancel))
        .route("/{token}/extend", get(handlers::extended).post(handlers::extend))
        .route("/{token}/receipt", get(handlers::receipt))
        // Below `/pay` people look, so that what is not there is told in a page as well.
        .fallback(handlers::nowhere)
        .method_not_allowed_fallback(handlers::wrong_way);
    Router::new()
        .nest("/pay", pages)
        // The rest of a link that was cut off; what is nested does not begin with it.
        .route("/pay/", any(handlers::nowhere))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn_with_state(policy, guard::protect))
        .with_state(state)
}

/// What every handler knows.
#[derive(Clone)]
struct Checkout {
    desk: Arc<Desk>,
    settings: Arc<CheckoutSettings>,
    own_origin: Arc<str>,
}
