//! What every page has around its content, and how a page becomes an answer.

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use url::Url;
use zahlstelle_contract::provider::Environment;

use super::{language::Tongue, name::Name, texts::Texts};
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
}

impl<'a> Subject<'a> {
    pub(super) fn new(desk: &'a Desk, opened: &'a Returned, headers: &HeaderMap) -> Result<Self, DeskError> {
        Ok(Self {
            desk: desk.tenant(&opened.tenant)?,
            opened,
            tongue: Tongue::choose(Some(&opened.payment.terms.language), headers),
            now: desk.now(),
        })
    }

    pub(super) fn texts(&self) -> &'static Texts {
        self.tongue.texts()
    }

    pub(super) fn authority(&self) -> Name {
        Name::of(&self.desk.tenant.authority.name, self.tongue)
    }

    pub(super) fn service(&self) -> Option<&Service> {
        self.desk.tenant.services.get(self.opened.payment.terms.service.as_str())
    }

    /// The path of the payment's page, or of one below it.
    pub(super) fn path(&self, below: &str) -> String {
        format!("/pay/{}{below}", self.opened.side.token)
    }

    /// The frame of a page whose title begins with `title`.
    pub(super) fn frame(&self, title: &str) -> Frame {
        let authority = &self.desk.tenant.authority;
        let texts = self.texts();
        let links = [
            (texts.imprint, &authority.imprint_url),
            (texts.privacy, &authority.privacy_url),
            (texts.accessibility, &authority.accessibility_url),
        ];
        Frame {
            texts,
            lang: self.tongue.tag(),
            title: format!("{title} – {}", self.authority().text),
            authority: self.authority(),
            is_test: self.desk.tenant.environment == Environment::Test,
            links: links
                .into_iter()
                .filter_map(|(label, url)| Some(Link::new(label, url.as_ref()?.as_str())))
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
    pub(super) texts: &'static Texts,
    pub(super) lang: &'static str,
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

impl Link {
    pub(super) fn new(label: &str, url: &str) -> Self {
        Self { label: label.to_owned(), url: url.to_owned() }
    }
}

/// A page as an answer.
pub(super) fn answer(status: StatusCode, lang: &'static str, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let html_type = HeaderValue::from_static("text/html; charset=utf-8");
            let headers =
                [(header::CONTENT_TYPE, html_type), (header::CONTENT_LANGUAGE, HeaderValue::from_static(lang))];
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
