//! What each address does. Every form ends in a redirect to a page that shows where the payment stands.

use axum::{
    body::Bytes,
    extract::{
        Path, State,
        rejection::{BytesRejection, PathRejection},
    },
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{
    Checkout,
    failure::{Failure, FailureKind},
    form::{ExtendForm, FormError, StartForm},
    frame::{self, Subject, web_address},
    guard, language,
    page::{Alert, CancelPage, PaymentPage},
    receipt::ReceiptPage,
    standing::Standing,
    visitor::Visitor,
};
use crate::{
    desk::{DeskError, NextStep, Returned},
    domain::{decide::Refusal, ids::AttemptId, payment::Payment},
};

/// After how many seconds somebody may try again when a provider is away.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("60");
/// The place on the page of a payment that tells how much time there is.
const TIME: &str = "#time";

type Token = Result<Path<String>, PathRejection>;
type Body = Result<Bytes, BytesRejection>;

/// `GET /pay/{token}`: where the payment stands, and what can be done.
pub(super) async fn show(
    State(checkout): State<Checkout>,
    visitor: Visitor,
    token: Token,
) -> Result<Response, Failure> {
    let opened = checkout.open(token, &visitor).await?;
    checkout.payment_page(&opened, &visitor, StatusCode::OK, None)
}

/// `POST /pay/{token}`: the citizen chose a method.
pub(super) async fn start(
    State(checkout): State<Checkout>,
    visitor: Visitor,
    token: Token,
    body: Body,
) -> Result<Response, Failure> {
    let body = checkout.admit(&visitor, body)?;
    let opened = checkout.open(token, &visitor).await?;
    let form = match StartForm::read(&visitor.headers, &body) {
        Ok(form) => form,
        Err(FormError::Method) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return checkout.payment_page(&opened, &visitor, status, Some(Alert::UnknownMethod));
        }
        Err(FormError::NoForm | FormError::Field | FormError::Nonce) => {
            return checkout.payment_page(&opened, &visitor, StatusCode::BAD_REQUEST, Some(Alert::BrokenForm));
        }
    };
    let spent = form.nonce.is_some_and(|nonce| nonce.is_spent(&opened.payment, form.method));
    if spent || !checkout.standing(&opened.payment).can_be_paid() {
        return Ok(look(&opened, &visitor));
    }
    let language = language::spoken_in(visitor.tongue(opened.payment.language()));
    match checkout.desk.start_attempt_in(&opened.tenant, opened.payment.id, form.method, language).await {
        Ok(NextStep::Redirect { url }) => Ok(checkout.send_to(&opened, &visitor, &url)),
        Ok(NextStep::Look) => Ok(look(&opened, &visitor)),
        Err(error) => checkout.could_not_start(&opened, &visitor, &error).await,
    }
}

/// `GET /pay/{token}/return/{attempt}`: the citizen comes back from the provider. Only the provider's word counts.
pub(super) async fn come_back(
    State(checkout): State<Checkout>,
    visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Failure> {
    let not_found = || Failure::new(FailureKind::NotFound, &visitor);
    let Ok(Path((token, attempt))) = path else { return Err(not_found()) };
    let attempt = Uuid::parse_str(&attempt).map(AttemptId).map_err(|_| not_found())?;
    let opened = checkout.open(Ok(Path(token)), &visitor).await?;
    if let Err(error) = checkout.desk.come_back(&opened.side.token, attempt).await {
        // The page shows what is known so far, and a job asks again.
        tracing::warn!(payment = %opened.payment.id, %error, "asking about a page failed when the payer came back");
    }
    Ok(look(&opened, &visitor))
}

/// `GET /pay/{token}/cancel`: asks before anything is given up.
pub(super) async fn ask_to_cancel(
    State(checkout): State<Checkout>,
    visitor: Visitor,
    token: Token,
) -> Result<Response, Failure> {
    let opened = checkout.open(token, &visitor).await?;
    if !checkout.standing(&opened.payment).can_be_paid() {
        return Ok(look(&opened, &visitor));
    }
    checkout.cancel_page(&opened, &visitor, StatusCode::OK, None)
}

/// `POST /pay/{token}/cancel`: gives the payment up, unless it turns out to be paid.
pub(super) async fn cancel(
    State(checkout): State<Checkout>,
    visitor: Visitor,
    token: Token,
    body: Body,
) -> Result<Response, Failure> {
    checkout.admit(&visitor, body)?;
    let opened = checkout.open(token, &visitor).await?;
    if !checkout.standing(&opened.payment).can_be_paid() {
        return Ok(look(&opened, &visitor));
    }
    match checkout.desk.cancel_by_payer(&opened.tenant, opened.payment.id).await {
        Ok(_) | Err(DeskError::Refused(_)) => Ok(look(&opened, &visitor)),
        Err(DeskError::Contended) => {
            checkout.cancel_page(&opened, &visitor, StatusCode::SERVICE_UNAVAILABLE, Some(Alert::Busy))
        }
        Err(error) => Err(Failure::of(&error, &visitor)),
    }
}

/// `GET /pay/{token}/receipt`: the confirmation, once the payment is paid.
pub(super) async fn receipt(
    State(checkout): State<Checkout>,
    visitor: Visitor,
    token: Token,
) -> Result<Response, Failure> {
    let opened = checkout.open(token, &visitor).await?;
    let subject = checkout.subject(&opened, &visitor)?;
    match ReceiptPage::new(&subject) {
        Some(page) => Ok(frame::answer(StatusCode::OK, page.frame.t, &page)),
        None => Ok(look(&opened, &visitor)),
    }
}

/// `POST /pay/{token}/extend`: the citizen needs more time.
pub(super) async fn extend(
    State(checkout): State<Checkout>,
    visitor: Visitor,
    token: Token,
    body: Body,
) -> Result<Response, Failure> {
    let body = checkout.admit(&visitor, body)?;
    let opened = checkout.open(token, &visitor).await?;
    let Ok(form) = ExtendForm::read(&visitor.headers, &body) else {
        return checkout.payment_page(&opened, &visitor, StatusCode::BAD_REQUEST, Some(Alert::BrokenForm));
    };
    let (status, alert) = match checkout.desk.extend_time(&opened.tenant, opened.payment.id, form.seen).await {
        // To where the page tells the new end.
        Ok(_) => return Ok(look_at(&opened, &visitor, TIME)),
        Err(DeskError::Refused(Refusal::TooMany)) => (StatusCode::CONFLICT, Alert::NoMoreTime),
        // The payment has moved on, and its page says where to.
        Err(DeskError::Refused(_)) => return Ok(look(&opened, &visitor)),
        Err(DeskError::Contended) => (StatusCode::SERVICE_UNAVAILABLE, Alert::Busy),
        Err(error) => return Err(Failure::of(&error, &visitor)),
    };
    checkout.payment_page(&opened, &visitor, status, Some(alert))
}

/// `GET /pay/{token}/extend`: where a reload or another language after the form leads.
pub(super) async fn extended(
    State(checkout): State<Checkout>,
    visitor: Visitor,
    token: Token,
) -> Result<Response, Failure> {
    Ok(look(&checkout.open(token, &visitor).await?, &visitor))
}

/// An address below `/pay` that leads nowhere.
pub(super) async fn nowhere(visitor: Visitor) -> Failure {
    Failure::new(FailureKind::NotFound, &visitor)
}

/// An address that takes no such request.
pub(super) async fn wrong_way(visitor: Visitor) -> Failure {
    Failure::new(FailureKind::WrongWay, &visitor)
}

impl Checkout {
    /// Opens a payment. Whatever is wrong with a token, the answer is the same.
    async fn open(&self, token: Token, visitor: &Visitor) -> Result<Returned, Failure> {
        let Ok(Path(token)) = token else { return Err(Failure::new(FailureKind::NotFound, visitor)) };
        self.desk.open_token(&token).await.map_err(|error| Failure::of(&error, visitor))
    }

    /// Takes a form unless another site sent it or it is too long.
    fn admit(&self, visitor: &Visitor, body: Body) -> Result<Bytes, Failure> {
        if guard::is_foreign(&visitor.headers, &self.own_origin) {
            return Err(Failure::new(FailureKind::Foreign, visitor));
        }
        body.map_err(|_| Failure::new(FailureKind::TooLarge, visitor))
    }

    fn standing(&self, payment: &Payment) -> Standing {
        Standing::of(payment, self.desk.now())
    }

    fn subject<'a>(&'a self, opened: &'a Returned, visitor: &'a Visitor) -> Result<Subject<'a>, Failure> {
        Subject::new(&self.desk, opened, visitor).map_err(|error| Failure::of(&error, visitor))
    }

    fn payment_page(
        &self,
        opened: &Returned,
        visitor: &Visitor,
        status: StatusCode,
        alert: Option<Alert>,
    ) -> Result<Response, Failure> {
        let page = PaymentPage::new(&self.subject(opened, visitor)?, alert);
        Ok(with_patience(frame::answer(status, page.frame.t, &page)))
    }

    fn cancel_page(
        &self,
        opened: &Returned,
        visitor: &Visitor,
        status: StatusCode,
        alert: Option<Alert>,
    ) -> Result<Response, Failure> {
        let page = CancelPage::new(&self.subject(opened, visitor)?, alert);
        Ok(with_patience(frame::answer(status, page.frame.t, &page)))
    }

    /// Sends the citizen to the provider's page. Where the browser would not follow a redirect, the payment's page has
    /// a link to it, which browsers do follow.
    fn send_to(&self, opened: &Returned, visitor: &Visitor, page: &str) -> Response {
        let Some(url) = web_address(page).filter(|url| self.settings.admits(url)) else {
            tracing::warn!(payment = %opened.payment.id, "a provider's page is at an origin that the settings lack");
            return look(opened, visitor);
        };
        frame::see_other(url.as_str()).unwrap_or_else(|| look(opened, visitor))
    }

    /// What to show when a start was refused or failed: where the payment stands now, and why.
    async fn could_not_start(
        &self,
        opened: &Returned,
        visitor: &Visitor,
        error: &DeskError,
    ) -> Result<Response, Failure> {
        let (status, alert) = match error {
            DeskError::Refused(Refusal::TooMany) => (StatusCode::CONFLICT, Alert::TooManyTries),
            DeskError::Refused(Refusal::MethodNotOffered) | DeskError::MethodUnavailable => {
                (StatusCode::UNPROCESSABLE_ENTITY, Alert::UnknownMethod)
            }
            // The payment has moved on, and its page says where to.
            DeskError::Refused(_) => return Ok(look(opened, visitor)),
            DeskError::ProviderUnavailable => (StatusCode::SERVICE_UNAVAILABLE, Alert::ProviderUnavailable),
            DeskError::NoProvider { .. } => {
                tracing::error!(payment = %opened.payment.id, %error, "a payment could not be started: {error}");
                (StatusCode::SERVICE_UNAVAILABLE, Alert::ProviderUnavailable)
            }
            DeskError::Contended => (StatusCode::SERVICE_UNAVAILABLE, Alert::Busy),
            _ => return Err(Failure::of(error, visitor)),
        };
        let token = opened.side.token.clone();
        let now = self.open(Ok(Path(token)), visitor).await?;
        self.payment_page(&now, visitor, status, Some(alert))
    }
}

/// To the page of the payment.
fn look(opened: &Returned, visitor: &Visitor) -> Response {
    look_at(opened, visitor, "")
}

/// To a place on the page of the payment.
fn look_at(opened: &Returned, visitor: &Visitor, place: &str) -> Response {
    // The token was compared with ours, so it is made of plain characters and always fits into a header.
    let page = visitor.keep(&format!("/pay/{}", opened.side.token));
    frame::see_other(&format!("{page}{place}")).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

/// Says when to try again where we cannot serve now.
fn with_patience(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}
