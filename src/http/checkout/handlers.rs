//! What each address does. Every form ends in a redirect to a page that shows where the payment stands.

use axum::{
    body::Bytes,
    extract::{
        Path, State,
        rejection::{BytesRejection, PathRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{
    Checkout,
    failure::{Failure, FailureKind},
    form::{FormError, StartForm},
    frame::{self, Subject, web_address},
    guard,
    page::{Alert, CancelPage, PaymentPage},
    receipt::ReceiptPage,
    standing::Standing,
};
use crate::{
    desk::{DeskError, NextStep, Returned},
    domain::{decide::Refusal, ids::AttemptId, payment::Payment},
};

/// For how long browsers may keep the style sheet, in seconds: not for long, so that pages and style change together.
const STYLE_MAX_AGE: HeaderValue = HeaderValue::from_static("public, max-age=300");
/// After how many seconds somebody may try again when a provider is away.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("60");

type Token = Result<Path<String>, PathRejection>;
type Body = Result<Bytes, BytesRejection>;

/// `GET /pay/{token}`: where the payment stands, and what can be done.
pub(super) async fn show(
    State(checkout): State<Checkout>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Failure> {
    let opened = checkout.open(token, &headers).await?;
    checkout.payment_page(&opened, &headers, StatusCode::OK, None)
}

/// `POST /pay/{token}`: the citizen chose a method.
pub(super) async fn start(
    State(checkout): State<Checkout>,
    headers: HeaderMap,
    token: Token,
    body: Body,
) -> Result<Response, Failure> {
    let body = checkout.admit(&headers, body)?;
    let opened = checkout.open(token, &headers).await?;
    let form = match StartForm::read(&headers, &body) {
        Ok(form) => form,
        Err(FormError::Method) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return checkout.payment_page(&opened, &headers, status, Some(Alert::UnknownMethod));
        }
        Err(FormError::NoForm | FormError::Field | FormError::Nonce) => {
            return checkout.payment_page(&opened, &headers, StatusCode::BAD_REQUEST, Some(Alert::BrokenForm));
        }
    };
    let spent = form.nonce.is_some_and(|nonce| nonce.is_spent(&opened.payment, form.method));
    if spent || !checkout.standing(&opened.payment).can_be_paid() {
        return Ok(look(&opened));
    }
    match checkout.desk.start_attempt(&opened.tenant, opened.payment.id, form.method).await {
        Ok(NextStep::Redirect { url }) => Ok(checkout.send_to(&opened, &url)),
        Ok(NextStep::Look) => Ok(look(&opened)),
        Err(error) => checkout.could_not_start(&opened, &headers, &error).await,
    }
}

/// `GET /pay/{token}/return/{attempt}`: the citizen comes back from the provider. Only the provider's word counts.
pub(super) async fn come_back(
    State(checkout): State<Checkout>,
    headers: HeaderMap,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Failure> {
    let not_found = || Failure::new(FailureKind::NotFound, &headers);
    let Ok(Path((token, attempt))) = path else { return Err(not_found()) };
    let attempt = Uuid::parse_str(&attempt).map(AttemptId).map_err(|_| not_found())?;
    let opened = checkout.open(Ok(Path(token)), &headers).await?;
    if let Err(error) = checkout.desk.come_back(&opened.side.token, attempt).await {
        // The page shows what is known so far, and a job asks again.
        tracing::warn!(payment = %opened.payment.id, %error, "asking about a page failed when the payer came back");
    }
    Ok(look(&opened))
}

/// `GET /pay/{token}/cancel`: asks before anything is given up.
pub(super) async fn ask_to_cancel(
    State(checkout): State<Checkout>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Failure> {
    let opened = checkout.open(token, &headers).await?;
    if !checkout.standing(&opened.payment).can_be_paid() {
        return Ok(look(&opened));
    }
    checkout.cancel_page(&opened, &headers, StatusCode::OK, None)
}

/// `POST /pay/{token}/cancel`: gives the payment up, unless it turns out to be paid.
pub(super) async fn cancel(
    State(checkout): State<Checkout>,
    headers: HeaderMap,
    token: Token,
    body: Body,
) -> Result<Response, Failure> {
    checkout.admit(&headers, body)?;
    let opened = checkout.open(token, &headers).await?;
    if !checkout.standing(&opened.payment).can_be_paid() {
        return Ok(look(&opened));
    }
    match checkout.desk.cancel_by_payer(&opened.tenant, opened.payment.id).await {
        Ok(_) | Err(DeskError::Refused(_)) => Ok(look(&opened)),
        Err(DeskError::Contended) => {
            checkout.cancel_page(&opened, &headers, StatusCode::SERVICE_UNAVAILABLE, Some(Alert::Busy))
        }
        Err(error) => Err(Failure::of(&error, &headers)),
    }
}

/// `GET /pay/{token}/receipt`: the confirmation, once the payment is paid.
pub(super) async fn receipt(
    State(checkout): State<Checkout>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Failure> {
    let opened = checkout.open(token, &headers).await?;
    let subject = checkout.subject(&opened, &headers)?;
    match ReceiptPage::new(&subject) {
        Some(page) => Ok(frame::answer(StatusCode::OK, page.frame.lang, &page)),
        None => Ok(look(&opened)),
    }
}

/// `GET /pay/assets/checkout.css`.
pub(super) async fn stylesheet() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (header::CACHE_CONTROL, STYLE_MAX_AGE),
    ];
    (headers, include_str!("checkout.css")).into_response()
}

impl Checkout {
    /// Opens a payment. Whatever is wrong with a token, the answer is the same.
    async fn open(&self, token: Token, headers: &HeaderMap) -> Result<Returned, Failure> {
        let Ok(Path(token)) = token else { return Err(Failure::new(FailureKind::NotFound, headers)) };
        self.desk.open_token(&token).await.map_err(|error| Failure::of(&error, headers))
    }

    /// Takes a form unless another site sent it or it is too long.
    fn admit(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
        if guard::is_foreign(headers, &self.own_origin) {
            return Err(Failure::new(FailureKind::Foreign, headers));
        }
        body.map_err(|_| Failure::new(FailureKind::TooLarge, headers))
    }

    fn standing(&self, payment: &Payment) -> Standing {
        Standing::of(payment, self.desk.now())
    }

    fn subject<'a>(&'a self, opened: &'a Returned, headers: &HeaderMap) -> Result<Subject<'a>, Failure> {
        Subject::new(&self.desk, opened, headers).map_err(|error| Failure::of(&error, headers))
    }

    fn payment_page(
        &self,
        opened: &Returned,
        headers: &HeaderMap,
        status: StatusCode,
        alert: Option<Alert>,
    ) -> Result<Response, Failure> {
        let page = PaymentPage::new(&self.subject(opened, headers)?, alert);
        Ok(with_patience(frame::answer(status, page.frame.lang, &page)))
    }

    fn cancel_page(
        &self,
        opened: &Returned,
        headers: &HeaderMap,
        status: StatusCode,
        alert: Option<Alert>,
    ) -> Result<Response, Failure> {
        let page = CancelPage::new(&self.subject(opened, headers)?, alert);
        Ok(with_patience(frame::answer(status, page.frame.lang, &page)))
    }

    /// Sends the citizen to the provider's page. Where the browser would not follow a redirect, the payment's page has
    /// a link to it, which browsers do follow.
    fn send_to(&self, opened: &Returned, page: &str) -> Response {
        let Some(url) = web_address(page).filter(|url| self.settings.admits(url)) else {
            tracing::warn!(payment = %opened.payment.id, "a provider's page is at an origin that the settings lack");
            return look(opened);
        };
        frame::see_other(url.as_str()).unwrap_or_else(|| look(opened))
    }

    /// What to show when a start was refused or failed: where the payment stands now, and why.
    async fn could_not_start(
        &self,
        opened: &Returned,
        headers: &HeaderMap,
        error: &DeskError,
    ) -> Result<Response, Failure> {
        let (status, alert) = match error {
            DeskError::Refused(Refusal::TooMany) => (StatusCode::CONFLICT, Alert::TooManyTries),
            DeskError::Refused(Refusal::MethodNotOffered) | DeskError::MethodUnavailable => {
                (StatusCode::UNPROCESSABLE_ENTITY, Alert::UnknownMethod)
            }
            // The payment has moved on, and its page says where to.
            DeskError::Refused(_) => return Ok(look(opened)),
            DeskError::ProviderUnavailable => (StatusCode::SERVICE_UNAVAILABLE, Alert::ProviderUnavailable),
            DeskError::NoProvider { .. } => {
                tracing::error!(payment = %opened.payment.id, %error, "a payment could not be started: {error}");
                (StatusCode::SERVICE_UNAVAILABLE, Alert::ProviderUnavailable)
            }
            DeskError::Contended => (StatusCode::SERVICE_UNAVAILABLE, Alert::Busy),
            _ => return Err(Failure::of(error, headers)),
        };
        let token = opened.side.token.clone();
        let now = self.open(Ok(Path(token)), headers).await?;
        self.payment_page(&now, headers, status, Some(alert))
    }
}

/// To the page of the payment.
fn look(opened: &Returned) -> Response {
    // The token was compared with ours, so it is made of plain characters and always fits into a header.
    frame::see_other(&format!("/pay/{}", opened.side.token)).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

/// Says when to try again where we cannot serve now.
fn with_patience(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}
