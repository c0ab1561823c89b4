//! HTTP/2 frames by hand (RFC 9113, section 4.1), so that a peer can be as rude as it likes.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PING: u8 = 0x6;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

/// The most bytes that are read before a peer that never ends is given up.
const READ_BYTES_MAX: usize = 64 << 20;

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The fields of a GET (RFC 7541): four from the static table, the authority as a literal that is not indexed.
pub(crate) fn get(authority: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x84, 0x01];
    block.push(u8::try_from(authority.len()).unwrap());
    block.extend(authority.as_bytes());
    block
}

/// A literal field that is not indexed.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0x00, u8::try_from(name.len()).unwrap()];
    block.extend(name.as_bytes());
    block.push(u8::try_from(value.len()).unwrap());
    block.extend(value.as_bytes());
    block
}

/// Says hello as RFC 9113, section 3.4 asks.
pub(crate) fn greet(stream: &mut impl Write) {
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
}

/// The error code of the GOAWAY with which a peer ends the connection; nothing where it just ends it.
pub(crate) fn until_gone(stream: &mut TcpStream) -> Option<u32> {
    let mut bytes = Vec::new();
    let mut taken = [0; 16 << 10];
    while bytes.len() < READ_BYTES_MAX {
        match stream.read(&mut taken) {
            Ok(0) => break,
            Ok(count) => bytes.extend(&taken[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("the connection stays open: {error}"),
        }
    }
    code_of_goaway(&bytes)
}

fn code_of_goaway(mut bytes: &[u8]) -> Option<u32> {
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (payload, rest) = rest.split_at_checked(length)?;
        if head[3] == GOAWAY {
            return payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
        }
        bytes = rest;
    }
    None
}
