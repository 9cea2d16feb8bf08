//! Where a request comes from: a header is believed from a listed proxy only.

use std::net::{IpAddr, Ipv6Addr};

use djwto_core::http::client::{
    Device, MAX_LABEL_LETTERS, MAX_USER_AGENT_LETTERS, Network, Proxies, network, site,
};
use proptest::prelude::*;

fn proxies(names: &[&str]) -> Proxies {
    Proxies {
        networks: names.iter().filter_map(|name| Network::parse(name)).collect(),
        unix: names.contains(&"unix"),
    }
}

fn ours() -> Proxies {
    proxies(&["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7"])
}

#[test]
fn the_peer_is_the_client_where_no_proxy_is_listed() {
    for (peer, address) in [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("", ""),
        ("unix:", ""),
        ("203.0.113.09", ""),
    ] {
        assert_eq!(Proxies::default().client_address(peer, "198.51.100.1"), address, "{peer}");
    }
}

#[test]
fn the_last_address_that_is_no_proxy_is_the_client() {
    for (peer, forwarded, address) in [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("192.0.2.7", "203.0.113.9, 2001:db8:1::2,10.1.1.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("10.0.0.1", "[2001:db8::9]", "2001:db8::9"),
        ("10.0.0.1", "2001:db8::9%25en0", "2001:db8::9"),
        ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", " 203.0.113.9 ", "203.0.113.9"),
        // All of them are ours: then the first is where it began.
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        // A proxy of ours that says nothing to be read stands for its clients.
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.9,", "10.0.0.1"),
        // A peer that is not listed is not believed.
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
        ("11.0.0.1", "203.0.113.9", "11.0.0.1"),
        ("", "203.0.113.9", ""),
    ] {
        assert_eq!(ours().client_address(peer, forwarded), address, "{peer} {forwarded}");
    }
}

#[test]
fn a_unix_socket_is_a_proxy_where_it_is_listed() {
    let unix = proxies(&["unix"]);
    assert_eq!(unix.client_address("", "198.51.100.1, 203.0.113.9"), "203.0.113.9");
    assert_eq!(unix.client_address("", "garbage"), "");
    assert_eq!(unix.client_address("203.0.113.1", "203.0.113.9"), "203.0.113.1");
}

#[test]
fn a_header_of_thousands_of_addresses_is_read_from_its_end() {
    let long = "10.0.0.2,".repeat(100_000) + "203.0.113.9";
    assert_eq!(ours().client_address("10.0.0.1", &long), "203.0.113.9");
    let long = "203.0.113.9".to_owned() + &",10.0.0.2".repeat(100_000);
    assert_eq!(ours().client_address("10.0.0.1", &long), "10.0.0.2");
    // 32 proxies in a row may be ours, and no more.
    let row = |hops: usize| "203.0.113.9".to_owned() + &",10.0.0.2".repeat(hops);
    assert_eq!(ours().client_address("10.0.0.1", &row(31)), "203.0.113.9");
    assert_eq!(ours().client_address("10.0.0.1", &row(32)), "10.0.0.2");
}

#[test]
fn a_network_is_an_address_or_has_a_number_of_bits() {
    for text in ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.7/32", "2001:db8::/32", "::/0", "::1/128"] {
        assert_eq!(Network::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Network::parse("192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
    assert_eq!(Network::parse("::1").unwrap().to_string(), "::1/128");
    for text in [
        "",
        "unix",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0.0/",
        "/8",
        "10.0.0.0/8/8",
        "10.0.0/8",
        "2001:db8::1/32",
        "::/129",
        "::/256",
        "10.0.0.0/-1",
        "10.0.0.0/8 ",
    ] {
        assert_eq!(Network::parse(text), None, "{text}");
    }
}

#[test]
fn one_client_is_an_ipv4_address_or_a_network_of_64_bits() {
    for (address, counted, wider) in [
        ("203.0.113.9", "203.0.113.9", ""),
        ("2001:db8:0:7:1:2:3:4", "2001:db8:0:7::/64", "2001:db8::/48"),
        ("2001:db8:0:7::", "2001:db8:0:7::/64", "2001:db8::/48"),
        ("", "", ""),
    ] {
        assert_eq!((network(address).as_str(), site(address).as_str()), (counted, wider));
    }
}

#[test]
fn devices_have_names() {
    let long = "x".repeat(1000);
    for (agent, label) in [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
            "Firefox on Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36", "Chrome on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Unknown) Firefox/150.0", "Firefox"),
        ("python-requests/2.32.0", "python-requests"),
        ("curl 8", "curl"),
        ("", ""),
        (&long, long.get(..MAX_LABEL_LETTERS).unwrap()),
    ] {
        assert_eq!(Device::new(agent).label, label, "{agent}");
    }
}

#[test]
fn letters_beyond_ascii_become_question_marks_and_the_rest_is_left_out() {
    let device = Device::new("\0\u{1b}[31mé\u{1f98a} x\n\u{7f}");
    assert_eq!(device, Device { label: "[31m??".to_owned(), user_agent: "[31m?? x".to_owned() });
}

fn address() -> impl Strategy<Value = IpAddr> {
    let v6 = any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits)));
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), v6]
}

/// What a client may put left of what the first of our proxies appends.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("203.0.113.9".to_owned()),
        Just("10.0.0.1".to_owned()),
        Just("[::1]:80".to_owned()),
        Just("fe80::1%eth0".to_owned()),
        Just("::ffff:10.0.0.1".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..50).prop_map(|pieces| pieces.join(","))
}

proptest! {
    #[test]
    fn nothing_that_a_client_writes_chooses_its_address(written in hostile(), seen in address()) {
        let expected = seen.to_canonical().to_string();
        let is_ours = ["10.", "192.0.2.7", "2001:db8:1:"].iter().any(|ours| expected.starts_with(ours));
        prop_assume!(!is_ours);
        let (found, peer) = (ours(), seen.to_string());
        prop_assert_eq!(&found.client_address("10.0.0.1", &format!("{written}, {seen}")), &expected);
        let behind_two = format!("{written},{seen}, 10.9.9.9");
        prop_assert_eq!(&found.client_address("10.0.0.1", &behind_two), &expected);
        prop_assert_eq!(&found.client_address(&peer, &written), &expected);
    }

    #[test]
    fn an_address_is_canonical_or_empty(peer in hostile(), forwarded in hostile()) {
        for names in [&[][..], &["unix"], &["0.0.0.0/0", "::/0", "unix"]] {
            let found = proxies(names).client_address(&peer, &forwarded);
            let parsed = found.parse().map(|address: IpAddr| address.to_canonical().to_string());
            prop_assert!(found.is_empty() || parsed.as_deref() == Ok(found.as_str()));
        }
    }

    #[test]
    fn a_network_has_the_addresses_that_share_its_bits(seen in any::<u128>(), bits in 1..=128_u8) {
        let address = |number: u128| IpAddr::V6(Ipv6Addr::from(number | 1 << 127));
        let first = seen & u128::MAX << (128 - bits) | 1 << 127;
        let network = Network::new(address(first), bits).unwrap();
        prop_assert_eq!(Network::parse(&network.to_string()), Some(network));
        prop_assert!(bits == 128 || Network::new(address(first | 1), bits).is_none());
        let proxies = Proxies { networks: vec![network], unix: false };
        let is_ours = |number: u128| {
            proxies.client_address(&address(number).to_string(), "203.0.113.9") == "203.0.113.9"
        };
        prop_assert!(is_ours(seen));
        let last_bit = 1 << (128 - bits);
        prop_assert!(bits == 1 || !is_ours(seen ^ last_bit));
    }

    #[test]
    fn both_texts_of_a_device_are_short_and_printable(agent in any::<String>()) {
        let device = Device::new(&agent);
        for (text, most) in
            [(&device.label, MAX_LABEL_LETTERS), (&device.user_agent, MAX_USER_AGENT_LETTERS)]
        {
            prop_assert!(text.len() <= most && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
