//! HTTP on a connection: what bounds it there. None of these is left to a default, since defaults change.

use std::time::Duration;

use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};

use super::Limits;

/// The most header fields of a request.
const HEADERS_MAX: usize = 64;
/// The most bytes of a head over HTTP/1, cookies included, and the read buffer: beyond it 431.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// The most bytes of a header list over HTTP/2: beyond it 431. It also bounds how many CONTINUATION frames may follow,
/// and a peer that sends more is bidden farewell (CVE-2024-27316 and its kin).
const HEADER_LIST_BYTES_MAX: u32 = 32 << 10;
/// The most requests at a time on one connection over HTTP/2.
const STREAMS_MAX: u32 = 64;
/// How many streams a peer may open and reset before we have looked at them; beyond it farewell (CVE-2023-44487). What
/// it resets later is counted by `activity`.
const RESET_STREAMS_MAX: usize = 20;
/// How many streams we may have reset because of a peer's mistakes before it is bidden farewell (CVE-2025-8671).
const LOCAL_RESET_STREAMS_MAX: usize = 256;
/// Flow control of one stream, in bytes; it bounds what we hold before a handler reads.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
/// Flow control of one connection, in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// The largest frame we take, in bytes.
const FRAME_BYTES_MAX: u32 = 16 << 10;
/// The most bytes that wait to be sent on one stream.
const SEND_BUFFER_BYTES_MAX: usize = 256 << 10;
/// How often a silent peer is asked whether it is still there.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long its answer may take.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// HTTP/1.1 and HTTP/2. Floods of SETTINGS and PING need no bound here: the library answers one at a time and reads no
/// further before the answer is written, so a peer that takes no answers runs into the timeout of writing.
pub(super) fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(true)
        .half_close(false)
        .ignore_invalid_headers(false)
        .pipeline_flush(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(LOCAL_RESET_STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    builder
}
