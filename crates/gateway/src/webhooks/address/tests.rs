//! The ways of writing a place that must not be called.

use super::*;

fn refused(url: &str) -> bool {
    check_url(url, Private::Refused).is_err()
}

#[test]
fn every_way_of_writing_an_inner_address_is_refused() {
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "017700000001",
        "127.0.0.1.",
        "１２７.０.０.１",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.254",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2002:a00:1::]",
        "[2001::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "x.localhost",
    ] {
        for url in [format!("http://{host}/"), format!("https://{host}:8443/x")] {
            assert!(refused(&url), "{url}");
        }
    }
}

#[test]
fn only_plain_web_addresses_are_urls() {
    for url in [
        "",
        "hooks.example.com",
        "//hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "ftp://hooks.example.com/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "http://",
        "http://user@hooks.example.com/",
        "http://user:pass@hooks.example.com/",
        "http://hooks.example.com@127.0.0.1/",
        "http://127.0.0.1#@hooks.example.com/",
        "http://127.0.0.1\\@hooks.example.com/",
        "http://hooks.example.com:99999/",
        "http://[::1",
    ] {
        assert!(refused(url), "{url}");
    }
    assert!(refused(&format!("https://example.com/{}", "x".repeat(MAX_URL))));
}

#[test]
fn the_open_internet_may_be_called() {
    for url in [
        "https://hooks.example.com/x?y=z",
        "http://hooks.example.com:8080/",
        "https://93.184.216.34/",
        "https://172.15.0.1/",
        "https://172.32.0.1/",
        "https://100.128.0.1/",
        "https://[2606:2800:220:1::1]/",
        "https://[::ffff:93.184.216.34]/",
        "https://[64:ff9b::5db8:d822]/",
        "https://bücher.example/",
    ] {
        assert!(!refused(url), "{url}");
    }
}

#[test]
fn private_addresses_may_be_allowed_but_not_other_schemes() {
    assert!(check_url("http://127.0.0.1:9000/hook", Private::Allowed).is_ok());
    assert!(check_url("http://localhost:9000/hook", Private::Allowed).is_ok());
    assert!(check_url("file:///etc/passwd", Private::Allowed).is_err());
}

#[test]
fn of_a_names_addresses_only_the_public_ones_are_left() {
    let found: Vec<SocketAddr> = ["10.0.0.1:0", "93.184.216.34:0", "[::1]:0", "[2606:2800:220:1::1]:0"]
        .iter()
        .map(|address| address.parse().unwrap())
        .collect();
    let left = permitted(found.clone(), Private::Refused);
    assert_eq!(left, [found[1], found[3]]);
    assert_eq!(permitted(found.clone(), Private::Allowed), found);
}
