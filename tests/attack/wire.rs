//! A client that sends exactly the bytes it is told to.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::service::PATIENCE;

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// What came back before the connection ended.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status, 0 where the connection ended without one.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first answer of these bytes; what follows its head is its body.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, body) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + 4..]));
        let head = String::from_utf8_lossy(head).into_owned();
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|text| text.parse().ok());
        Self { status: status.unwrap_or(0), head, body: body.to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The stable code of a problem document.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Where attackers come from, and where good clients do: all of 127.0.0.0/8 is this machine, so each is a source of its
/// own.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 6, 6, 6);

/// A connection of an attacker, which is given up when nothing happens for too long.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    connect_from(ATTACKER, address).unwrap()
}

/// A connection from one of this machine's addresses.
pub(crate) fn connect_from(source: Ipv4Addr, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect_timeout(&address.into(), PATIENCE)?;
    patient(TcpStream::from(socket))
}

fn patient(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Everything that comes until the peer ends the connection, however it does so.
pub(crate) fn read_to_end(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(error) if is_an_end(error.kind()) => bytes,
        Err(error) => panic!("the connection stays open: {error}, after {} bytes", bytes.len()),
    }
}

fn is_an_end(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof)
}

/// Sends bytes as an attacker and takes what comes back until the peer ends the connection.
pub(crate) fn attack(address: SocketAddr, bytes: &[u8]) -> Answer {
    exchange(connect(address), bytes)
}

/// The way that good clients take to a service, with TLS or without.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Door {
    /// Sends bytes and takes what comes back until the peer ends the connection.
    pub(crate) fn ask(&self, bytes: &[u8]) -> Answer {
        let stream = patient(TcpStream::connect_timeout(&self.address, PATIENCE).unwrap()).unwrap();
        match &self.tls {
            None => exchange(stream, bytes),
            Some(config) => {
                let name = "localhost".try_into().unwrap();
                exchange(StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), stream), bytes)
            }
        }
    }

    /// A well-formed GET of a program.
    pub(crate) fn get(&self, path: &str, key: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\n", self.address);
        self.ask(format!("{head}connection: close\r\n\r\n").as_bytes())
    }

    /// A well-formed POST of a program.
    pub(crate) fn post(&self, path: &str, key: &str, once: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\nidempotency-key: {once}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        self.ask(format!("{head}{body}").as_bytes())
    }
}

fn exchange(mut stream: impl Read + Write, bytes: &[u8]) -> Answer {
    // A peer that answers before it has read everything may end the connection meanwhile.
    let _ = stream.write_all(bytes);
    Answer::of(&read_to_end(&mut stream))
}

/// The same for a client that says that it sends no more.
pub(crate) fn ask_and_close(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = connect(address);
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    Answer::of(&read_to_end(&mut stream))
}
