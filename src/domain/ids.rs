//! The ids of our things, each a type of its own. All are UUIDs of version 7, drawn once per command.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Defines one kind of id.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

id!(
    /// One payment; also the id of its stream in the log.
    PaymentId
);
id!(
    /// One try with one method at one provider.
    AttemptId
);
id!(
    /// Money taken once.
    CaptureId
);
id!(
    /// Money given back once.
    RefundId
);
id!(
    /// One call to a provider, from intent to outcome.
    CallId
);
id!(
    /// Something that a person must look at.
    ExceptionId
);
id!(
    /// A client of the API: one portal, one clerk's application, one job of the treasury.
    ClientId
);
