//! What every page has around its content, and how a page becomes an answer.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use url::Url;
use zahlstelle_contract::provider::Environment;

use super::{
    name::Name,
    texts::{Message, Tongue},
    visitor::{Visitor, in_language},
};
use crate::{
    desk::{Desk, DeskError, Returned, TenantDesk},
    domain::tenant::Service,
};

/// The payment that a page is about, and who looks at it.
pub(super) struct Subject<'a> {
    pub(super) desk: &'a TenantDesk,
    pub(super) opened: &'a Returned,
    pub(super) tongue: Tongue,
    pub(super) now: Timestamp,
    visitor: &'a Visitor,
}

impl<'a> Subject<'a> {
    pub(super) fn new(desk: &'a Desk, opened: &'a Returned, visitor: &'a Visitor) -> Result<Self, DeskError> {
        Ok(Self {
            desk: desk.tenant(&opened.tenant)?,
            opened,
            tongue: visitor.tongue(opened.payment.language()),
            now: desk.now(),
            visitor,
        })
    }

    pub(super) fn say(&self, message: Message) -> String {
        self.tongue.say(message)
    }

    pub(super) fn authority(&self) -> Name {
        Name::of(&self.desk.tenant.authority.name, self.tongue)
    }

    pub(super) fn service(&self) -> Option<&Service> {
        self.desk.tenant.services.get(self.opened.payment.terms.service.as_str())
    }

    /// The path of the payment's page, or of one below it, in the language that was chosen.
    pub(super) fn path(&self, below: &str) -> String {
        self.visitor.keep(&format!("/pay/{}{below}", self.opened.side.token))
    }

    /// The frame of a page whose title begins with `title`.
    pub(super) fn frame(&self, title: &str) -> Frame {
        let authority = &self.desk.tenant.authority;
        let links = [
            (Message::Imprint, &authority.imprint_url),
            (Message::Privacy, &authority.privacy_url),
            (Message::Accessibility, &authority.accessibility_url),
        ];
        Frame {
            t: self.tongue,
            title: format!("{title} – {}", self.authority().text),
            authority: self.authority(),
            is_test: self.desk.tenant.environment == Environment::Test,
            links: links
                .into_iter()
                .filter_map(|(label, url)| Some(Link { label: self.say(label), url: url.as_ref()?.to_string() }))
                .collect(),
        }
    }

    /// The way back to the portal, which learns the payment's id and must ask for the rest.
    pub(super) fn way_back(&self) -> Option<WayBack> {
        let mut url = web_address(&self.opened.side.return_url)?;
        url.query_pairs_mut().append_pair("payment", &self.opened.payment.id.to_string());
        let place = self.service().map_or_else(|| self.authority(), |service| Name::of(&service.name, self.tongue));
        Some(WayBack { place, url: url.into() })
    }
}

/// An address that may stand in a link: nothing but `http` and `https` leads anywhere.
pub(super) fn web_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| ["https", "http"].contains(&url.scheme()))
}

/// What every page has around its content.
pub(super) struct Frame {
    pub(super) t: Tongue,
    pub(super) title: String,
    /// Who speaks: the authority, or the checkout where no payment was opened.
    pub(super) authority: Name,
    pub(super) is_test: bool,
    pub(super) links: Vec<Link>,
}

/// A link to the portal.
pub(super) struct WayBack {
    pub(super) place: Name,
    pub(super) url: String,
}

/// A link with its words.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) label: String,
    pub(super) url: String,
}

/// A link to the same page in another language.
pub(super) struct Switch {
    pub(super) tag: &'static str,
    pub(super) name: &'static str,
    pub(super) url: String,
}

impl Frame {
    /// The other languages. The addresses are relative, so that they lead to the page that is shown, whichever it is; a
    /// link never sends a form, so switching does nothing but switch.
    pub(super) fn switches(&self) -> impl Iterator<Item = Switch> {
        let others = Tongue::all().filter(|tongue| *tongue != self.t);
        others.map(|tongue| Switch { tag: tongue.tag(), name: tongue.name(), url: in_language("", tongue) })
    }
}

/// A page as an answer.
pub(super) fn answer(status: StatusCode, tongue: Tongue, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let html_type = HeaderValue::from_static("text/html; charset=utf-8");
            let headers =
                [(header::CONTENT_TYPE, html_type), (header::CONTENT_LANGUAGE, HeaderValue::from_static(tongue.tag()))];
            (status, headers, html).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page of the checkout could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Sends the browser on with a GET; nothing where the address cannot stand in a header.
pub(super) fn see_other(address: &str) -> Option<Response> {
    let location = HeaderValue::try_from(address).ok()?;
    Some((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}
