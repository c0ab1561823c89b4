//! What may have happened when a provider was called: the axis that decides whether a call may be repeated.

use serde::{Deserialize, Serialize};

use crate::reference::ProviderCode;

/// Why a call to a provider brought no acceptance. A read timeout is [`CallError::Unknown`], never a failure.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum CallError {
    /// Nothing left this machine: safe to repeat.
    #[error("not sent: {cause}")]
    NotSent {
        /// What stopped it.
        cause: NotSentCause,
    },
    /// The provider understood and said no: a normal answer that moves no money.
    #[error("declined with {code}")]
    Declined {
        /// The provider's reason.
        code: ProviderCode,
    },
    /// The provider found the request wrong: a fault of ours or of a setting, worth an alarm; no money moved.
    #[error("rejected with status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The provider's reason, when it gave one.
        code: Option<ProviderCode>,
    },
    /// It may have happened: ask first, and repeat only under the same key.
    #[error("outcome unknown: {cause}")]
    Unknown {
        /// Why there is no usable answer.
        cause: UnknownCause,
    },
}

/// What kept a request from leaving.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NotSentCause {
    /// Name resolution, connection or TLS handshake failed before a byte of the request was written.
    #[error("no connection")]
    NoConnection,
    /// The account's own limit of parallel calls is reached.
    #[error("too many calls at once")]
    Busy,
    /// The request could not be built, e.g. from a bad base address.
    #[error("request could not be built")]
    BadRequest,
}

/// Why it is not known whether a call took effect.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCause {
    /// The answer did not come in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke after the request had begun to leave.
    #[error("connection lost")]
    ConnectionLost,
    /// The provider answered with a status that says nothing about what it did: a 5xx, or a 4xx such as 409 that
    /// speaks of a call under the same key that may still be running.
    #[error("provider error {status}")]
    ServerError {
        /// The HTTP status.
        status: u16,
    },
    /// The answer could not be read or was larger than allowed.
    #[error("answer not understood")]
    Unreadable,
}
