//! Configurations, right and wrong.

use std::collections::HashMap;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const ENVIRONMENT: [(&str, &str); 5] = [
    ("OPS_KEY", "ops-key-0123456789"),
    ("SHOP_KEY", "shop-key-0123456789"),
    ("SHOP_HOOK", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    ("ACME_PW", "secret"),
    ("BOREALIS_PW", "secret"),
];

fn environment(name: &str) -> Option<String> {
    HashMap::from(ENVIRONMENT).get(name).map(|value| (*value).to_owned())
}

struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn load(&self) -> Result<(Config, Report), Report> {
        load_with(&self.0.path().join("strowger.toml"), &environment)
    }

    /// The problems as `NAME:LINE: KEY: message`.
    fn problems(&self) -> Vec<String> {
        let report = self.load().unwrap_err();
        let folder = format!("{}/", self.0.path().display());
        report.problems.iter().map(|problem| problem.to_string().replace(&folder, "")).collect()
    }
}

fn problems(text: &str) -> Vec<String> {
    Files::new(&[("strowger.toml", text)]).problems()
}

#[test]
fn the_example_is_right_and_names_every_key_of_its_sections() {
    let (config, report) = Files::new(&[("strowger.toml", EXAMPLE)]).load().unwrap();
    assert_eq!(report, Report::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.connections().count(), 2);
    assert_eq!(config.table.routes().len(), 2);
    assert_eq!(config.apps[0].default_country.map(|country| country.to_string()).as_deref(), Some("DE"));
    assert!(config.not_served.is_empty());
}

#[test]
fn sections_that_later_versions_serve_are_checked_and_told() {
    let later = r#"
[smpp_server]
listen = "0.0.0.0:2775"
[[apps]]
id = "later"
api_keys = [{ env = "SHOP_KEY" }]
smpp = { system_id = "later", password = { env = "ACME_PW" }, max_binds = 4, throughput = "200/s" }
compat = { twilio_account_sid = "AC0123", twilio_auth_token = { env = "ACME_PW" } }
[[vendors]]
id = "later"
[[vendors.connections]]
id = "later-http"
kind = "http"
vendor = "some"
settings = { account = "x" }
"#;
    let (config, _) = Files::new(&[("strowger.toml", later)]).load().unwrap();
    assert_eq!(config.not_served.len(), 4, "{:?}", config.not_served);
}

#[test]
fn every_problem_is_told_at_once_with_its_line_and_key() {
    let found = problems(
        r#"strict_secretz = true
[server]
listen = "nowhere"
public_url = "gw.example.com"
[[apps]]
id = "sh op"
api_keys = [{ env = "NOT_SET" }, "k", "k"]
webhok = { url = "x" }
default_country = "Germany"
[[apps]]
default_sender = "+"
[[vendors]]
id = "acme"
[[vendors.connections]]
id = "a"
kind = "smpp"
host = "x"
port = "2775"
system_id = "s"
password = { env = "ACME_PW" }
windo = 3
response_timeout = "soon"
[[vendors.connections]]
id = "a"
kind = "carrier-pigeon"
[[routes]]
id = "r"
connection = "b"
[policy]
default_class = "urgent"
[[policy.rules]]
id = "all"
routes = ["rr"]
"#,
    );
    let expected = [
        "strowger.toml:1: strict_secretz: unknown key",
        "strowger.toml:3: server.listen:",
        "strowger.toml:4: server.public_url:",
        "strowger.toml:6: apps[0].id:",
        "strowger.toml:7: apps[0].api_keys[0]: the environment variable NOT_SET is not set",
        "strowger.toml:7: apps[0].api_keys[2]: the same key as apps[0].api_keys[1]",
        "strowger.toml:8: apps[0].webhok: unknown key: did you mean `webhook`?",
        "strowger.toml:9: apps[0].default_country:",
        "strowger.toml:10: apps[1].id: is missing",
        "strowger.toml:11: apps[1].default_sender:",
        "strowger.toml:18: vendors[0].connections[0].port: expected a whole number, found a string",
        "strowger.toml:21: vendors[0].connections[0].windo: unknown key: did you mean `window`?",
        "strowger.toml:22: vendors[0].connections[0].response_timeout:",
        "strowger.toml:25: vendors[0].connections[1].kind:",
        "strowger.toml:28: routes[0].connection:",
        "strowger.toml:30: policy.default_class: `urgent` is not one of otp, transactional, marketing",
        "strowger.toml:33: policy.rules[0].routes[0]:",
    ];
    for expected in expected {
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "missing {expected}\nin {found:#?}"
        );
    }
}

#[test]
fn secrets_come_from_the_environment_and_from_files_and_are_never_shown() {
    let text = r#"
[[admin_keys]]
id = "ops"
key = { file = "ops.key" }
scopes = ["read"]
[[apps]]
id = "shop"
api_keys = ["a-plain-key-0123456789"]
"#;
    let files = Files::new(&[("strowger.toml", text), ("ops.key", "from-a-file-0123456789\n")]);
    let (config, report) = files.load().unwrap();
    assert_eq!(config.admin_keys[0].key.reveal(), "from-a-file-0123456789");
    assert!(!format!("{config:?}").contains("0123456789"));
    assert_eq!(report.warnings.len(), 1);
    let strict = format!("strict_secrets = true\n{text}");
    let found = Files::new(&[("strowger.toml", &strict), ("ops.key", "from-a-file-0123456789")]).problems();
    assert!(
        found[0].starts_with("strowger.toml:9: apps[0].api_keys[0]: a secret written into the file"),
        "{found:?}"
    );
}

#[test]
fn included_files_are_merged_and_told_apart() {
    let files = Files::new(&[
        ("strowger.toml", "include = [\"conf.d/*.toml\"]\n[numbers]\nstrict = true\n"),
        ("conf.d/10.toml", "[[apps]]\nid = \"one\"\n"),
        ("conf.d/20.toml", "[[apps]]\nid = \"two\"\n"),
    ]);
    let (config, _) = files.load().unwrap();
    assert_eq!(config.apps.iter().map(|app| app.id.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let twice = Files::new(&[
        ("strowger.toml", "include = [\"more.toml\"]\n[numbers]\nstrict = true\n"),
        ("more.toml", "\n[numbers]\nstrict = false\n"),
    ]);
    assert!(twice.problems()[0].starts_with("more.toml:3: numbers.strict: is given already at "));
    let circle = Files::new(&[("strowger.toml", "include = [\"strowger.toml\"]\n")]);
    assert_eq!(circle.problems(), ["strowger.toml:1: include[0]: strowger.toml is read already"]);
    let missing = Files::new(&[("strowger.toml", "include = [\"missing.toml\"]\n")]);
    assert!(missing.problems()[0].starts_with("strowger.toml:1: include[0]: missing.toml cannot be read"));
}

#[test]
fn a_price_file_is_read_beside_the_configuration_and_its_lines_are_told() {
    let card = "[[rate_cards]]\nid = \"acme\"\ncurrency = \"EUR\"\nfile = \"acme.csv\"\n";
    let good = Files::new(&[("strowger.toml", card), ("acme.csv", "country,price\nDE,0.0450\n")]);
    assert!(good.load().is_ok());
    let bad = Files::new(&[("strowger.toml", card), ("acme.csv", "country,price\nDE,cheap\n")]);
    assert!(bad.problems()[0].starts_with("acme.csv:2: "), "{:?}", bad.problems());
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let found = problems("[server]\nlisten = \n");
    assert!(found[0].starts_with("strowger.toml:2: not TOML:"), "{found:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let files = Files::new(&[]);
    assert!(files.problems()[0].starts_with("strowger.toml:1: strowger.toml cannot be read"));
    let folder = Files::new(&[("strowger.toml/inner", "")]);
    assert!(folder.problems()[0].contains("is a folder"));
    std::fs::write(files.0.path().join("strowger.toml"), b"a = 1\nb = \"\xff\"\n").unwrap();
    assert!(files.problems()[0].starts_with("strowger.toml:2: is not UTF-8 text"));
}

#[test]
fn the_schema_knows_every_section() {
    let schema = schema();
    let properties = schema.get("properties").and_then(|properties| properties.as_object()).unwrap();
    for section in
        ["server", "admin_keys", "smpp_server", "store", "webhooks", "numbers", "apps", "vendors", "routes"]
    {
        assert!(properties.contains_key(section), "{section}");
    }
}

#[test]
fn the_version_changes_with_the_content_only() {
    let version = |text: &str| Files::new(&[("strowger.toml", text)]).load().unwrap().0.version;
    assert_eq!(version("[numbers]\nstrict = true\n"), version("# a comment\n[numbers]\nstrict=true\n"));
    assert_ne!(version("[numbers]\nstrict = true\n"), version("[numbers]\nstrict = false\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_file_makes_it_panic(at in 0..EXAMPLE.len(), cut in 0_usize..40, put in "[\\[\\]{}=\"a-z0-9.,# \n]{0,20}") {
        let mut text = EXAMPLE.as_bytes().to_vec();
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.bytes());
        let files = Files::new(&[]);
        std::fs::write(files.0.path().join("strowger.toml"), text).unwrap();
        match files.load() {
            Ok(_) => {}
            Err(report) => prop_assert!(report.has_problems()),
        }
    }
}
