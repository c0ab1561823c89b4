//! Where deliveries may go: to public addresses, and to networks that the operator has named.
//!
//! An endpoint's address is typed by a portal's people and called by this service, which stands inside the city's
//! network. Whatever they type, nothing that only this service can reach may be called.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use super::special::{AddressClass, special};

/// The most characters of an endpoint's address.
pub const URL_LENGTH_MAX: usize = 2_048;

/// Which addresses may be called. Any port may: what speaks there gets a TLS handshake or, in an allowed network, a POST.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    allowed: Vec<IpNet>,
}

/// Why an endpoint's address is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// It is too long.
    #[error("must be at most {URL_LENGTH_MAX} characters")]
    TooLong,
    /// It is no address of a web server.
    #[error("must be an absolute address with a host, such as https://portal.example/zahlungen")]
    Form,
    /// It would send payments in the clear.
    #[error("must begin with https://")]
    NotEncrypted,
    /// It carries a user or a password, which would end up in lists and logs; deliveries are signed instead.
    #[error("must not contain a user or a password")]
    Credentials,
    /// It has a fragment, which is never sent.
    #[error("must not contain a fragment '#'")]
    Fragment,
    /// No server listens at port 0.
    #[error("must not name port 0")]
    Port,
    /// It is, or its name resolves to, an address that is not public. What a name resolves to tells about the network
    /// around this service, so it is for the operator; a portal may be told the class of an address that it wrote.
    #[error("must be a public address, not {class}")]
    Blocked {
        /// What the address is instead.
        class: AddressClass,
    },
}

impl AddressPolicy {
    /// Public addresses by `https`, and in these networks every address, also by `http`.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// What can be told about an address before it is called. A name is resolved and checked only when it is called,
    /// each time, since what it resolves to can change.
    pub fn check_url(&self, url: &Url) -> Result<(), AddressError> {
        if url.as_str().len() > URL_LENGTH_MAX {
            return Err(AddressError::TooLong);
        }
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(AddressError::NotEncrypted),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(AddressError::Fragment);
        }
        if url.port() == Some(0) {
            return Err(AddressError::Port);
        }
        if url.as_str().parse::<http::Uri>().is_err() {
            return Err(AddressError::Form);
        }
        match url.host().ok_or(AddressError::Form)? {
            Host::Ipv4(address) => self.check(address.into(), encrypted),
            Host::Ipv6(address) => self.check(address.into(), encrypted),
            Host::Domain(_) if encrypted || !self.allowed.is_empty() => Ok(()),
            Host::Domain(_) => Err(AddressError::NotEncrypted),
        }
    }

    /// Whether an address may be connected to.
    pub(super) fn check(&self, address: IpAddr, encrypted: bool) -> Result<(), AddressError> {
        // On a socket `::ffff:10.0.0.1` is 10.0.0.1.
        let address = address.to_canonical();
        if self.allowed.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        match special(address) {
            Some(class) => Err(AddressError::Blocked { class }),
            None if !encrypted => Err(AddressError::NotEncrypted),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &AddressPolicy, url: &str) -> Result<(), AddressError> {
        policy.check_url(&Url::parse(url).unwrap())
    }

    fn blocked(class: AddressClass) -> Result<(), AddressError> {
        Err(AddressError::Blocked { class })
    }

    #[test]
    fn an_address_is_refused_for_its_form() {
        let policy = AddressPolicy::default();
        for (url, expected) in [
            ("https://portal.example/zahlungen?key=1", Ok(())),
            ("https://portal.example:8443/", Ok(())),
            ("https://8.8.8.8/", Ok(())),
            ("https://[2a00:1450::1]/", Ok(())),
            ("http://portal.example/", Err(AddressError::NotEncrypted)),
            ("http://8.8.8.8/", Err(AddressError::NotEncrypted)),
            ("ftp://portal.example/", Err(AddressError::NotEncrypted)),
            ("file:///etc/passwd", Err(AddressError::NotEncrypted)),
            ("https://user@portal.example/", Err(AddressError::Credentials)),
            ("https://:secret@portal.example/", Err(AddressError::Credentials)),
            ("https://portal.example/#top", Err(AddressError::Fragment)),
            ("https://portal.example:0/", Err(AddressError::Port)),
        ] {
            assert_eq!(check(&policy, url), expected, "{url}");
        }
        let path = "a".repeat(URL_LENGTH_MAX - "https://a.example/".len());
        assert_eq!(check(&policy, &format!("https://a.example/{path}")), Ok(()));
        assert_eq!(check(&policy, &format!("https://a.example/{path}a")), Err(AddressError::TooLong));
    }

    /// Every way to write an address that browsers and resolvers take.
    #[test]
    fn g5_an_address_that_is_not_public_is_refused_however_it_is_written() {
        let policy = AddressPolicy::default();
        for (host, class) in [
            ("127.0.0.1", AddressClass::Loopback),
            ("127.1", AddressClass::Loopback),
            ("2130706433", AddressClass::Loopback),
            ("0x7f000001", AddressClass::Loopback),
            ("0177.0.0.1", AddressClass::Loopback),
            ("127.0.0.1.", AddressClass::Loopback),
            ("１２７.0.0.1", AddressClass::Loopback),
            ("%31%32%37.0.0.1", AddressClass::Loopback),
            ("[::1]", AddressClass::Loopback),
            ("[::ffff:127.0.0.1]", AddressClass::Loopback),
            ("[::ffff:a9fe:a9fe]", AddressClass::LinkLocal),
            ("[::127.0.0.1]", AddressClass::Reserved),
            ("[64:ff9b::10.0.0.1]", AddressClass::Private),
            ("169.254.169.254", AddressClass::LinkLocal),
            ("[fd00:ec2::254]", AddressClass::Private),
        ] {
            assert_eq!(check(&policy, &format!("https://{host}/")), blocked(class), "{host}");
            assert_eq!(check(&policy, &format!("http://{host}/")), blocked(class), "{host}");
        }
    }

    #[test]
    fn a_named_network_is_open_also_without_encryption_and_no_other_is() {
        let policy = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap(), "fd12::/16".parse().unwrap()]);
        for host in ["127.0.0.1", "127.255.0.9:8080", "[::ffff:127.0.0.1]", "[fd12::1]", "portal.example"] {
            assert_eq!(check(&policy, &format!("http://{host}/")), Ok(()), "{host}");
        }
        assert_eq!(check(&policy, "http://10.0.0.1/"), blocked(AddressClass::Private));
        assert_eq!(check(&policy, "http://[::1]/"), blocked(AddressClass::Loopback));
        assert_eq!(check(&policy, "http://[fd13::1]/"), blocked(AddressClass::Private));
        assert_eq!(check(&policy, "http://8.8.8.8/"), Err(AddressError::NotEncrypted));
        // A translator would send this to 127.0.0.1 of its own, which nobody has allowed.
        assert_eq!(check(&policy, "http://[64:ff9b::127.0.0.1]/"), blocked(AddressClass::Loopback));
    }
}
