//! Payment links: one page, one amount, one method, payable once.

use async_trait::async_trait;
use jiff::Timestamp;
use url::Url;
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    outcome::CallError,
    provider::{Echo, HostedPage, OpenPage, OpenedPage, PageAnswer, PageStatus},
    reference::{PageReference, ProviderKey},
    transport::HttpMethod,
};

use crate::{
    Adyen,
    errors::{BAD_REQUEST, UNREADABLE},
    wire::{Amount, ExpireLink, LinkRequest, LinkResponse, LinkStatus, echo},
};

/// The most characters of `description` (specification of `PaymentLinkRequest`).
const DESCRIPTION_LENGTH_MAX: usize = 280;

/// The most characters of `shopperLocale`.
const LOCALE_LENGTH_MAX: usize = 32;

/// The most characters of `returnUrl`.
const RETURN_URL_LENGTH_MAX: usize = 8000;

/// The most bytes of a page's address; real ones have less than one hundred.
const PAGE_URL_BYTES_MAX: usize = 2048;

/// The status with which Adyen refuses to expire a link that is no longer active.
const UNPROCESSABLE: u16 = 422;

#[async_trait]
impl HostedPage for Adyen {
    async fn open_page(&self, request: &OpenPage) -> Result<OpenedPage, CallError> {
        let body = self.link_request(request).ok_or(BAD_REQUEST)?;
        let answer: LinkResponse =
            self.client.send_json(HttpMethod::Post, &["paymentLinks"], &request.key, &body).await?;
        let page = PageReference::parse(answer.id.as_str()).map_err(|_| UNREADABLE)?;
        if !self.is_page_address(&answer.url) {
            return Err(UNREADABLE);
        }
        // The moment is only shown; what it says must not make a page that exists unknown.
        let expires_at = answer.expires_at.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        let echo = self.link_echo(&answer)?;
        Ok(OpenedPage { page, url: answer.url, expires_at, echo })
    }

    async fn close_page(&self, page: &PageReference, key: &ProviderKey) -> Result<PageAnswer, CallError> {
        let expire = ExpireLink { status: "expired" };
        let segments = ["paymentLinks", page.as_str()];
        match self.client.send_json::<LinkResponse>(HttpMethod::Patch, &segments, key, &expire).await {
            Ok(answer) => self.page_answer(page, &answer),
            // Only an active link can be expired, so the refusal may mean that it was paid in the meantime.
            Err(refusal @ CallError::Rejected { status: UNPROCESSABLE, .. }) => {
                let answer = self.ask_page(page).await?;
                match answer.status {
                    PageStatus::Payable => Err(refusal),
                    PageStatus::Pending | PageStatus::Paid | PageStatus::Closed => Ok(answer),
                }
            }
            Err(other) => Err(other),
        }
    }

    async fn ask_page(&self, page: &PageReference) -> Result<PageAnswer, CallError> {
        let answer: LinkResponse = self.client.get(&["paymentLinks", page.as_str()]).await?;
        self.page_answer(page, &answer)
    }
}

impl Adyen {
    /// The body that opens a page, unless a value cannot be sent as it is: nothing is cut silently.
    fn link_request<'a>(&'a self, request: &'a OpenPage) -> Option<LinkRequest<'a>> {
        let fits = |text: &str, length_max: usize| text.chars().count() <= length_max;
        if !fits(&request.text, DESCRIPTION_LENGTH_MAX)
            || !fits(&request.language, LOCALE_LENGTH_MAX)
            || !fits(&request.return_url, RETURN_URL_LENGTH_MAX)
        {
            return None;
        }
        let (manual_capture, capture_delay_hours) = match request.capture {
            CaptureMode::Automatic => (false, Some(0)),
            CaptureMode::Manual => (true, None),
        };
        Some(LinkRequest {
            merchant_account: &self.merchant_account,
            amount: Amount::to_ask(request.amount)?,
            reference: request.reference.as_str(),
            description: &request.text,
            allowed_payment_methods: [payment_method(request.method)?],
            manual_capture,
            capture_delay_hours,
            reusable: false,
            // Whole seconds, rounded down: the page never lives longer than asked.
            expires_at: request.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            shopper_locale: &request.language,
            return_url: &request.return_url,
        })
    }

    /// Whether a payer can be sent there: an encrypted address, or a plain one where Adyen itself is played without TLS.
    fn is_page_address(&self, text: &str) -> bool {
        text.len() <= PAGE_URL_BYTES_MAX
            && Url::parse(text).is_ok_and(|url| {
                url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && self.client.is_unencrypted()))
            })
    }

    fn page_answer(&self, page: &PageReference, answer: &LinkResponse) -> Result<PageAnswer, CallError> {
        if answer.id != page.as_str() {
            return Err(UNREADABLE);
        }
        let status = match answer.status {
            LinkStatus::Active => PageStatus::Payable,
            LinkStatus::PaymentPending => PageStatus::Pending,
            LinkStatus::Completed | LinkStatus::Paid => PageStatus::Paid,
            LinkStatus::Expired => PageStatus::Closed,
        };
        // A link never names the payment made on it; its reference comes by notification.
        Ok(PageAnswer { status, payment: None, echo: self.link_echo(answer)? })
    }

    fn link_echo(&self, answer: &LinkResponse) -> Result<Echo, CallError> {
        let account_matches = answer.merchant_account == self.merchant_account;
        echo(Some(&answer.amount), Some(&answer.reference), account_matches, None)
    }
}

/// Adyen's name of a method that a page can be limited to.
fn payment_method(method: Method) -> Option<&'static str> {
    match method {
        Method::Card => Some("scheme"),
        Method::GooglePay => Some("googlepay"),
        Method::ApplePay => Some("applepay"),
        Method::PayPal => None,
    }
}
