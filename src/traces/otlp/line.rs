//! The line to the collector: our own client towards other servers, with its TLS and its limits.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::{Builder, Runtime};
use zahlstelle_contract::transport::{HttpMethod, HttpRequest, Transport};

use super::TracesError;
use crate::outbound::{Client, Limits};

/// An answer of the collector is a count of what it refused.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// The line. It blocks the thread that uses it, which is the exporter's own: its connection runs on that thread alone, so
/// neither a stalled collector nor the end of the service's runtime can reach from one to the other.
#[derive(Debug)]
pub(super) struct Line {
    runtime: Runtime,
    client: Client,
}

impl Line {
    pub(super) fn new(call_timeout: Duration) -> Result<Self, TracesError> {
        let limits = Limits {
            connect_timeout: call_timeout,
            call_timeout,
            response_bytes_max: ANSWER_BYTES_MAX,
            idle_connections_max: 1,
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, client: Client::new(limits, 1)? })
    }
}

#[async_trait]
impl HttpClient for Line {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        // The library would add headers from variables of the environment, which are no settings of ours.
        let headers = vec![("content-type", "application/x-protobuf".to_owned())];
        let url = parts.uri.to_string();
        let request =
            HttpRequest { method: HttpMethod::Post, url, headers, secret_headers: Vec::new(), body: body.into() };
        let answer = self.runtime.block_on(self.client.send(request))?;
        Ok(Response::builder().status(answer.status).body(answer.body.into())?)
    }
}
