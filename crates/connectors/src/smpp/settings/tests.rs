//! Settings as they stand in a file.

use super::*;

fn read(text: &str) -> Result<Settings, toml::de::Error> {
    let minimum = "host = \"h\"\nport = 2775\nsystem_id = \"s\"\npassword = \"p\"\n";
    toml::from_str(&format!("{minimum}{text}"))
}

#[test]
fn what_is_absent_has_the_defaults_of_the_documentation() {
    let settings = read("").unwrap();
    assert_eq!(settings.bind, BindMode::Transceiver);
    assert_eq!((settings.binds, settings.window, settings.interface_version), (1, 10, 0x34));
    assert_eq!(settings.response_timeout, Span(std::time::Duration::from_secs(10)));
    assert_eq!(settings.tls, Tls::Off);
    assert_eq!(settings.data_coding, DataCodings { gsm7: 0, ucs2: 8 });
    assert_eq!(settings.validate(), []);
}

#[test]
fn every_documented_form_is_read() {
    let settings = read(
        "bind = \"transmitter_receiver\"\nthroughput = \"100/s\"\nresponse_timeout = \"5s\"\n\
         message_id = { response = \"hex\", receipt = \"decimal\" }\n\
         tls = { ca = \"ca.pem\", verify = true }\nlong_messages = \"sar\"\nvalidity = \"none\"",
    )
    .unwrap();
    assert_eq!(settings.bind, BindMode::TransmitterReceiver);
    assert_eq!(settings.message_id, MessageIdBases { response: IdBase::Hex, receipt: IdBase::Decimal });
    assert_eq!(settings.tls, Tls::On(TlsSettings { ca: Some("ca.pem".into()), ..TlsSettings::default() }));
    assert_eq!(read("tls = true").unwrap().tls, Tls::On(TlsSettings::default()));
    assert_eq!(settings.validate(), []);
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    for (text, key) in [("windov = 1", "windov"), ("tls = { verfy = false }", "verfy")] {
        assert!(read(text).unwrap_err().to_string().contains(key), "{text}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let settings = read(
        "binds = 0\nwindow = 1001\nresponse_timeout = \"1ms\"\ninterface_version = 1\ndest_ton = 9\n\
         tls = { cert = \"c.pem\", server_name = \"a b\" }\nservice_type = \"TOOLONG\"",
    )
    .unwrap();
    let paths: Vec<_> = settings.validate().into_iter().map(|(path, _)| path).collect();
    let expected = [
        "service_type",
        "interface_version",
        "binds",
        "window",
        "dest_ton",
        "response_timeout",
        "tls.key",
        "tls.server_name",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn a_host_is_a_name_or_an_address_and_nothing_else() {
    let with_host = |host: &str| Settings { host: host.to_owned(), ..read("").unwrap() }.validate().len();
    for host in ["smpp.example.com", "127.0.0.1", "::1", "localhost"] {
        assert_eq!(with_host(host), 0, "{host}");
    }
    for host in ["", "example.com:2775", "[::1]", "smpp://example.com", "a b"] {
        assert_eq!(with_host(host), 1, "{host}");
    }
}

#[test]
fn a_password_is_never_shown() {
    let settings = read("").unwrap();
    assert_eq!(settings.password.reveal(), "p");
    assert_eq!(format!("{:?}", settings.password), "***");
}
