//! Addresses that are not public, by the registries of the IANA for special purposes (RFC 6890 and what followed).
//!
//! IPv4 is public unless it stands in the table. IPv6 is the other way round: only `2000::/3` is handed out at all, so
//! whatever lies outside is refused without being listed, and the table names it for people.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{Ipv4Net, Ipv6Net};

/// What an address is instead of public.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddressClass {
    /// No address at all; a connection goes to this machine.
    Unspecified,
    /// This machine.
    Loopback,
    /// The network around this machine; clouds hand out credentials there.
    LinkLocal,
    /// A network of some organisation, such as ours.
    Private,
    /// Between a provider of access and its customers.
    CarrierGrade,
    /// A service of the cloud under this machine.
    Metadata,
    /// Many machines at once.
    Multicast,
    /// For examples in texts.
    Documentation,
    /// For measuring network devices.
    Benchmarking,
    /// Carries another address through a tunnel or a translator, past every check of that address.
    Transition,
    /// Kept for the protocols themselves, for later, or no longer in use.
    Reserved,
}

impl fmt::Display for AddressClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unspecified => "the unspecified address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Private => "a private address",
            Self::CarrierGrade => "an address behind carrier-grade NAT",
            Self::Metadata => "an address of cloud metadata",
            Self::Multicast => "a multicast address",
            Self::Documentation => "an address for documentation",
            Self::Benchmarking => "an address for benchmarking",
            Self::Transition => "an address of a transition mechanism",
            Self::Reserved => "a reserved address",
        })
    }
}

/// The first network that holds an address names its class.
const IPV4: &[(Ipv4Net, AddressClass)] = &[
    (v4([0, 0, 0, 0], 32), AddressClass::Unspecified),
    (v4([0, 0, 0, 0], 8), AddressClass::Reserved),
    (v4([10, 0, 0, 0], 8), AddressClass::Private),
    (v4([100, 64, 0, 0], 10), AddressClass::CarrierGrade),
    (v4([127, 0, 0, 0], 8), AddressClass::Loopback),
    // Azure's virtual public address of the host below a machine.
    (v4([168, 63, 129, 16], 32), AddressClass::Metadata),
    (v4([169, 254, 0, 0], 16), AddressClass::LinkLocal),
    (v4([172, 16, 0, 0], 12), AddressClass::Private),
    (v4([192, 0, 0, 0], 24), AddressClass::Reserved),
    (v4([192, 0, 2, 0], 24), AddressClass::Documentation),
    (v4([192, 88, 99, 0], 24), AddressClass::Transition),
    (v4([192, 168, 0, 0], 16), AddressClass::Private),
    (v4([198, 18, 0, 0], 15), AddressClass::Benchmarking),
    (v4([198, 51, 100, 0], 24), AddressClass::Documentation),
    (v4([203, 0, 113, 0], 24), AddressClass::Documentation),
    (v4([224, 0, 0, 0], 4), AddressClass::Multicast),
    // With the broadcast address.
    (v4([240, 0, 0, 0], 4), AddressClass::Reserved),
];

const IPV6: &[(Ipv6Net, AddressClass)] = &[
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), AddressClass::Unspecified),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), AddressClass::Loopback),
    (v6(0x0064_ff9b_0001_0000, 48), AddressClass::Transition),
    // Teredo.
    (v6(0x2001_0000_0000_0000, 32), AddressClass::Transition),
    (v6(0x2001_0002_0000_0000, 48), AddressClass::Benchmarking),
    (v6(0x2001_0000_0000_0000, 23), AddressClass::Reserved),
    (v6(0x2001_0db8_0000_0000, 32), AddressClass::Documentation),
    // 6to4.
    (v6(0x2002_0000_0000_0000, 16), AddressClass::Transition),
    (v6(0x3fff_0000_0000_0000, 20), AddressClass::Documentation),
    (v6(0xfc00_0000_0000_0000, 7), AddressClass::Private),
    (v6(0xfe80_0000_0000_0000, 10), AddressClass::LinkLocal),
    // Site-local, the forerunner of fc00::/7.
    (v6(0xfec0_0000_0000_0000, 10), AddressClass::Private),
    (v6(0xff00_0000_0000_0000, 8), AddressClass::Multicast),
];

/// What is handed out of IPv6.
const IPV6_GLOBAL: Ipv6Net = v6(0x2000_0000_0000_0000, 3);

/// Behind this prefix a translator sends to the IPv4 address in the last 32 bits (RFC 6052). Machines that have only
/// IPv6 reach every IPv4 address in this way, so it is as public as the address inside.
const NAT64: Ipv6Net = v6(0x0064_ff9b_0000_0000, 96);

/// The class of an address, [`None`] for a public one. An IPv4 address within IPv6 must come as IPv4.
pub(super) fn special(address: IpAddr) -> Option<AddressClass> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            special_v4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V6(address) => {
            let named = IPV6.iter().find(|(network, _)| network.contains(&address)).map(|(_, class)| *class);
            let unnamed = || (!IPV6_GLOBAL.contains(&address)).then_some(AddressClass::Reserved);
            named.or_else(unnamed)
        }
    }
}

fn special_v4(address: Ipv4Addr) -> Option<AddressClass> {
    IPV4.iter().find(|(network, _)| network.contains(&address)).map(|(_, class)| *class)
}

const fn v4([a, b, c, d]: [u8; 4], prefix_bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix_bits)
}

/// A network by the first four groups of its address.
const fn v6(groups: u64, prefix_bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_bits((groups as u128) << 64), prefix_bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first and the last address of every network, and the public neighbours on both sides.
    #[test]
    fn g5_the_edges_of_every_special_network_hold() {
        for (first, last, class) in [
            ("0.0.0.1", "0.255.255.255", AddressClass::Reserved),
            ("10.0.0.0", "10.255.255.255", AddressClass::Private),
            ("100.64.0.0", "100.127.255.255", AddressClass::CarrierGrade),
            ("127.0.0.0", "127.255.255.255", AddressClass::Loopback),
            ("169.254.0.0", "169.254.255.255", AddressClass::LinkLocal),
            ("172.16.0.0", "172.31.255.255", AddressClass::Private),
            ("192.0.0.0", "192.0.0.255", AddressClass::Reserved),
            ("192.0.2.0", "192.0.2.255", AddressClass::Documentation),
            ("192.88.99.0", "192.88.99.255", AddressClass::Transition),
            ("192.168.0.0", "192.168.255.255", AddressClass::Private),
            ("198.18.0.0", "198.19.255.255", AddressClass::Benchmarking),
            ("198.51.100.0", "198.51.100.255", AddressClass::Documentation),
            ("203.0.113.0", "203.0.113.255", AddressClass::Documentation),
            ("224.0.0.0", "239.255.255.255", AddressClass::Multicast),
            ("240.0.0.0", "255.255.255.255", AddressClass::Reserved),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", AddressClass::Transition),
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", AddressClass::Transition),
            ("2001:1::", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff", AddressClass::Reserved),
            ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", AddressClass::Benchmarking),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", AddressClass::Documentation),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressClass::Transition),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", AddressClass::Documentation),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressClass::Private),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressClass::LinkLocal),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressClass::Private),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressClass::Multicast),
        ] {
            for address in [first, last] {
                assert_eq!(special(address.parse().unwrap()), Some(class), "{address}");
            }
        }
        for (address, class) in [
            ("0.0.0.0", AddressClass::Unspecified),
            ("::", AddressClass::Unspecified),
            ("::1", AddressClass::Loopback),
            ("168.63.129.16", AddressClass::Metadata),
            ("100.100.100.200", AddressClass::CarrierGrade),
            ("::2", AddressClass::Reserved),
            ("100::1", AddressClass::Reserved),
            ("1fff:ffff::", AddressClass::Reserved),
            ("4000::", AddressClass::Reserved),
            ("5f00::1", AddressClass::Reserved),
            ("64:ff9b::169.254.169.254", AddressClass::LinkLocal),
            ("64:ff9b:0:0:0:1::", AddressClass::Reserved),
        ] {
            assert_eq!(special(address.parse().unwrap()), Some(class), "{address}");
        }
    }

    #[test]
    fn what_lies_between_is_public() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::",
            "2003::1",
            "2a00:1450::1",
            "3ffe:ffff::",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(special(address.parse().unwrap()), None, "{address}");
        }
    }

    /// Addresses of every size, the small and the special ones more often than chance would have them.
    fn addresses_v4() -> impl Strategy<Value = Ipv4Addr> {
        let first = prop_oneof![any::<u8>(), prop::sample::select(vec![0, 10, 100, 127, 169, 172, 192, 198, 203, 255])];
        (first, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d))
    }

    proptest! {
        /// The standard library knows fewer networks, but what it knows is refused.
        #[test]
        fn g5_what_the_standard_library_calls_special_is_refused(address in addresses_v4()) {
            let known = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || address.is_unspecified();
            prop_assert!(!known || special(address.into()).is_some(), "{address}");
            let [a, b, c, d] = address.octets().map(u128::from);
            let translated = Ipv6Addr::from_bits((0x0064_ff9b << 96) | (a << 24) | (b << 16) | (c << 8) | d);
            prop_assert_eq!(special(translated.into()), special(address.into()));
        }

        #[test]
        fn g5_nothing_of_ipv6_is_public_outside_what_is_handed_out(bits in any::<u128>(), leading_zeros in 0_u32..128) {
            let address = Ipv6Addr::from_bits(bits >> leading_zeros);
            let public = special(address.into()).is_none();
            prop_assert!(!public || IPV6_GLOBAL.contains(&address) || NAT64.contains(&address), "{address}");
            let known = address.is_loopback()
                || address.is_multicast()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local();
            prop_assert!(!(known && public), "{address}");
        }
    }
}
