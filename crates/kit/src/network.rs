//! Internet addresses, ranges of them, and who is behind proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address (`203.0.113.7`) or a range of them (`10.0.0.0/8`, `fd00::/8`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    first: IpAddr,
    /// Leading bits that all its addresses have alike.
    prefix: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseNetworkError {
    #[error("it is neither an IP address such as `203.0.113.7` nor a range such as `10.0.0.0/8`")]
    Neither,
    #[error("a range begins at its first address: `{0}`")]
    NotFirst(Network),
}

const fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (address.to_bits() as u128, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

fn of_bits(bits: u128, width: u8) -> IpAddr {
    match (width, u32::try_from(bits)) {
        (32, Ok(bits)) => IpAddr::V4(bits.into()),
        _ => IpAddr::V6(bits.into()),
    }
}

impl Network {
    /// Whether an address is in it. An IPv4 address that is written as IPv6 is the IPv4 one.
    pub fn contains(self, address: IpAddr) -> bool {
        let ((own, width), (other, other_width)) = (bits(self.first), bits(address.to_canonical()));
        // A shift by all bits would be none.
        let free = u32::from(width - self.prefix);
        width == other_width && (own ^ other).checked_shr(free).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let (address, prefix) = text.trim().split_once('/').unwrap_or((text.trim(), ""));
        let address = address.parse::<IpAddr>().map_err(|_| ParseNetworkError::Neither)?;
        if prefix.is_empty() && !text.contains('/') {
            let first = address.to_canonical();
            return Ok(Self { first, prefix: bits(first).1 });
        }
        let (own, width) = bits(address);
        let digits = prefix.bytes().all(|digit| digit.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix: &u8| digits && *prefix <= width);
        let prefix = prefix.ok_or(ParseNetworkError::Neither)?;
        let mask = u128::MAX.checked_shl(u32::from(width - prefix)).unwrap_or(0);
        let network = Self { first: of_bits(own & mask, width), prefix };
        if own & !mask == 0 { Ok(network) } else { Err(ParseNetworkError::NotFirst(network)) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix == bits(self.first).1 {
            true => write!(out, "{}", self.first),
            false => write!(out, "{}/{}", self.first, self.prefix),
        }
    }
}

/// Whether any of them has an address in it.
pub fn any_contains(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// The client behind `peer`. What proxies say of it (`X-Forwarded-For`, the nearest proxy's entry last) counts as far as each
/// who says it is one of `proxies` or on this machine; with no such list, the word of a peer on this machine or a private network
/// counts, and only that.
pub fn client<'f>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'f str>,
    proxies: &[Network],
) -> IpAddr {
    let mut entries = forwarded.rev().flat_map(|text| text.rsplit(','));
    let mut next = || entries.next().and_then(|entry| entry.trim().parse::<IpAddr>().ok());
    if proxies.is_empty() {
        return next().filter(|_| is_near(peer)).unwrap_or(peer);
    }
    let mut client = peer;
    while any_contains(proxies, client) || client.to_canonical().is_loopback() {
        match next() {
            Some(before) => client = before,
            None => break,
        }
    }
    client
}

/// On this machine or a private network.
const fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_has_its_addresses_and_no_others() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
        ] {
            assert!(network(range).contains(address(inside)), "{range} {inside}");
            assert!(!network(range).contains(address(outside)), "{range} {outside}");
        }
        assert!(network("10.0.0.0/8").contains(address("::ffff:10.1.2.3")));
    }

    #[test]
    fn it_is_written_in_one_way() {
        for (text, written) in [
            (" 10.0.0.0/8 ", "10.0.0.0/8"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("1.2.3.4/32", "1.2.3.4"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(network(text).to_string(), written);
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "host",
            "10.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "10.0.0.0/x",
            "::/129",
        ] {
            assert_eq!(text.parse::<Network>(), Err(ParseNetworkError::Neither), "{text}");
        }
        assert_eq!("10.0.0.5/8".parse::<Network>(), Err(ParseNetworkError::NotFirst(network("10.0.0.0/8"))));
    }

    #[test]
    fn only_proxies_of_ours_speak_for_others() {
        let said = ["8.8.8.8, 203.0.113.7"];
        let of = |peer, proxies: &[Network]| client(address(peer), said.into_iter(), proxies);
        for near in ["127.0.0.1", "10.0.0.3", "fd00::3"] {
            assert_eq!(of(near, &[]), address("203.0.113.7"));
        }
        assert_eq!(of("198.51.100.1", &[]), address("198.51.100.1"));
        let proxies = [network("198.51.100.0/24"), network("203.0.113.7")];
        assert_eq!(of("198.51.100.1", &proxies), address("8.8.8.8"));
        assert_eq!(of("198.51.100.1", &proxies[..1]), address("203.0.113.7"));
        assert_eq!(
            of("10.0.0.3", &proxies),
            address("10.0.0.3"),
            "near is not enough where proxies are named"
        );
        assert_eq!(of("127.0.0.1", &proxies[..1]), address("203.0.113.7"));
        assert_eq!(client(address("127.0.0.1"), [].into_iter(), &[]), address("127.0.0.1"));
        // An entry that is no address ends what is believed.
        assert_eq!(
            client(address("127.0.0.1"), ["203.0.113.7, who"].into_iter(), &proxies),
            address("127.0.0.1")
        );
        assert_eq!(client(address("127.0.0.1"), ["1.1.1.1", "2.2.2.2"].into_iter(), &[]), address("2.2.2.2"));
    }
}
