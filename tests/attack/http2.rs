//! Rude peers over HTTP/2: rapid reset (CVE-2023-44487), endless headers (CVE-2024-27316), floods of small frames.

use std::io::Write;

use crate::{
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, field, frame,
        get, greet, until_gone,
    },
    service::Service,
    wire::connect,
};

/// How many streams a rude peer opens and resets.
const RESETS: u32 = 20_000;
/// How many small frames a flood has.
const FRAMES: u32 = 200_000;
/// How many frames are written at once.
const BURST: u32 = 500;

/// Writes until the peer has had enough.
fn pour(stream: &mut impl Write, count: u32, mut frames: impl FnMut(u32) -> Vec<u8>) {
    for burst in 0..count / BURST {
        let bytes: Vec<u8> = (0..BURST).flat_map(|number| frames(burst * BURST + number)).collect();
        if stream.write_all(&bytes).is_err() {
            return;
        }
    }
}

/// Such a peer is counted, whichever of the bounds it met first.
fn until_bidden_farewell(service: &Service) {
    service.until("it is counted", |service| {
        let cut = |reason| service.counted("zahlstelle_connections_cut_total", reason);
        cut("go_away") + cut("requests_abandoned") >= 1
    });
}

#[test]
fn streams_that_are_reset_at_once_end_their_connection() {
    let service = Service::start();
    let before = service.resident_bytes();
    service.attacked(|| {
        let block = get(&service.address.to_string());
        let mut stream = connect(service.address);
        greet(&mut stream);
        pour(&mut stream, RESETS, |number| {
            let id = 2 * number + 1;
            let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, id, &block);
            bytes.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
            bytes
        });
        // ENHANCE_YOUR_CALM, unless the connection was over before it could be read.
        let code = until_gone(&mut stream);
        assert!(matches!(code, None | Some(0xb)), "{code:?}");
    });
    until_bidden_farewell(&service);
    let grown = service.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more are held");
}

#[test]
fn headers_without_an_end_are_cut_off() {
    let service = Service::start();
    let before = service.resident_bytes();
    service.attacked(|| {
        let mut stream = connect(service.address);
        greet(&mut stream);
        stream.write_all(&frame(HEADERS, 0, 1, &get(&service.address.to_string()))).unwrap();
        let more = field("x-more", &"y".repeat(100));
        pour(&mut stream, FRAMES, |_| frame(CONTINUATION, 0, 1, &more));
        until_gone(&mut stream);
    });
    until_bidden_farewell(&service);
    let grown = service.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more are held");
}

#[test]
fn header_lists_beyond_all_measure_are_refused() {
    let service = Service::start();
    service.attacked(|| {
        let mut stream = connect(service.address);
        greet(&mut stream);
        let mut block = get(&service.address.to_string());
        // Each fits, all together are far too many.
        for _ in 0..60 {
            block.extend(field("x-more", &"y".repeat(120)));
        }
        for id in 0..10 {
            let _ = stream.write_all(&frame(HEADERS, END_STREAM, 2 * id + 1, &block));
            for _ in 0..20 {
                let _ = stream.write_all(&frame(CONTINUATION, 0, 2 * id + 1, &block[30..]));
            }
            let _ = stream.write_all(&frame(CONTINUATION, END_HEADERS, 2 * id + 1, &field("x-last", "z")));
        }
        // A stream that may not be used ends whatever is left of the connection.
        let _ = stream.write_all(&frame(DATA, 0, 0, b"x"));
        until_gone(&mut stream);
    });
}

#[test]
fn floods_of_small_frames_are_cut_off_or_bounded() {
    let service = Service::start();
    let before = service.resident_bytes();
    service.attacked(|| {
        for (kind, payload) in
            [(PING, &[0; 8][..]), (SETTINGS, &[]), (WINDOW_UPDATE, &1_u32.to_be_bytes()), (0x42, b"unknown")]
        {
            let mut stream = connect(service.address);
            greet(&mut stream);
            stream.set_write_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
            // Nothing is read, so whatever the peer wants to answer has to wait or to be given up.
            pour(&mut stream, FRAMES, |_| frame(kind, 0, 0, payload));
        }
        // Empty data frames on a stream that never was.
        let mut stream = connect(service.address);
        greet(&mut stream);
        pour(&mut stream, FRAMES, |_| frame(DATA, 0, 1, &[]));
        until_gone(&mut stream);
    });
    let grown = service.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more are held");
}

#[test]
fn a_stream_that_is_opened_and_never_finished_is_let_go() {
    let service = Service::start();
    service.attacked(|| {
        let mut stream = connect(service.address);
        greet(&mut stream);
        // A body is promised and never comes; the peer answers pings, so it seems to live.
        let mut block = vec![0x83, 0x86, 0x84, 0x01];
        let authority = service.address.to_string();
        block.push(u8::try_from(authority.len()).unwrap());
        block.extend(authority.as_bytes());
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &block)).unwrap();
        until_gone(&mut stream);
    });
}
