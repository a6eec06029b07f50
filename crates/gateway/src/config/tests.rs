//! Configurations, right and wrong.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::status::{Status, StatusSet};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use super::*;

mod errors;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/");

const ENVIRONMENT: [(&str, &str); 9] = [
    ("OPS_KEY", "ops-key-0123456789"),
    ("SHOP_KEY", "shop-key-0123456789"),
    ("SHOP_HOOK", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    ("SHOP_SMPP", "shop-pw"),
    ("SHOP_TWILIO", "shop-token-0123456789"),
    ("SHOP_COMPAT", "shop-token-0123456789"),
    ("ACME_PW", "secret"),
    ("ACME_TOKEN", "acme-token-0123456789"),
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
fn the_example_is_right() {
    let (config, report) = Files::new(&[("strowger.toml", EXAMPLE)]).load().unwrap();
    assert_eq!(report, Report::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.connections().count(), 2);
    assert_eq!(config.routing.table.routes().len(), 2);
    assert_eq!(config.apps[0].default_country.map(|country| country.to_string()).as_deref(), Some("DE"));
    assert!(config.not_served.is_empty());
}

/// A line of the example that begins with # and no space is a key that may be used.
#[test]
fn what_is_commented_out_in_the_example_is_right_as_well() {
    let uncommented = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(key) if !key.is_empty() && !key.starts_with(' ') => key,
        Some(_) | None => line,
    });
    let text = uncommented.collect::<Vec<_>>().join("\n");
    let files = Files::new(&[
        ("strowger.toml", &text),
        ("conf.d/none", ""),
        ("tls/ca.pem", ""),
        ("tls/cert.pem", ""),
        ("tls/key.pem", ""),
        ("tls/clients.pem", ""),
        ("rates/acme-2027.csv", "country,price\nDE,0.0450\n"),
        ("operators/numbers.csv", "number,operator\n+4915112345678,26202\n"),
    ]);
    let (config, report) = files.load().unwrap();
    let warnings: Vec<_> = report.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(
        warnings,
        ["no route uses the connection `borealis-http`", "no route uses the rate card `acme-2027`"]
    );
    assert_eq!(config.not_served.len(), 2, "{:#?}", config.not_served);
}

#[test]
fn the_example_names_every_key_of_the_schema() {
    let mut keys = BTreeSet::new();
    collect_keys(&schema(), &mut keys);
    assert!(keys.len() > 80, "{}", keys.len());
    let words: HashSet<&str> =
        EXAMPLE.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').collect();
    let absent: Vec<_> = keys.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(absent.is_empty(), "{absent:?}");
}

fn collect_keys(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(entries) => {
            if let Some(properties) = entries.get("properties").and_then(Value::as_object) {
                keys.extend(properties.keys().cloned());
            }
            entries.values().for_each(|inner| collect_keys(inner, keys));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect_keys(inner, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn one_of_everything_is_read() {
    let path = Path::new(FIXTURES).join("contract/strowger.toml");
    let (config, report) = load_with(&path, &environment).unwrap();
    assert_eq!(config.public_url, "https://gw.example.com");
    assert!(!config.trusted_proxies.is_empty());
    assert_eq!(config.store, Path::new(FIXTURES).join("contract/data"));
    assert!(config.allow_private);
    assert_eq!(config.admin_keys[0].scopes, Scope::OF_ADMINS);

    let shop = &config.apps[0];
    assert_eq!(shop.api_keys[1].reveal(), "the-next-key-of-the-shop");
    assert!(shop.settings.strict_numbers && shop.settings.has_webhook);
    assert_eq!(shop.settings.notify, StatusSet::NONE.with(Status::Delivered).with(Status::Failed));
    assert_eq!(shop.endpoint.url.as_ref().map(reqwest::Url::as_str), Some("http://127.0.0.1:9000/hook"));

    let connections: Vec<_> = config.connections().collect();
    assert_eq!(
        connections.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        ["acme-main", "borealis-main"]
    );
    assert_eq!(connections[0].smpp.throughput.map(|rate| rate.per_second), Some(100.0));
    assert_eq!(connections[0].smpp.password.reveal(), "secret");
    assert_eq!(connections[1].smpp.host, "::1");
    assert_eq!(config.vendors[0].failure_domain.as_deref(), Some("hub-frankfurt"));
    let domain = |id: &str| {
        config
            .routing
            .surroundings
            .failure_domains
            .get(&id.parse::<ConnectionId>().unwrap())
            .map(String::as_str)
    };
    assert_eq!(domain("acme-main"), Some("domain hub-frankfurt"));
    assert_eq!(domain("borealis-main"), Some("vendor borealis"));

    let account = config.apps[0].smpp.as_ref().unwrap();
    assert_eq!((account.system_id.as_str(), account.password.reveal()), ("shop", "shop-pw"));
    assert_eq!(account.throughput.map(|rate| rate.per_second), Some(200.0));

    assert_eq!(config.routing.table.default_class(), Class::Marketing);
    let warnings: Vec<_> = report.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(warnings, ["no route uses the connection `acme-http`"]);
    assert_eq!(
        config.not_served,
        ["the HTTP connection acme-http: routes over it are down", "the compatible doors of the app shop",]
    );
}

#[test]
fn every_problem_is_told_at_once_with_its_line_and_key() {
    let path = Path::new(FIXTURES).join("mistakes.toml");
    let report = load_with(&path, &environment).unwrap_err();
    let found: Vec<_> = report.problems.iter().map(|it| it.to_string().replace(FIXTURES, "")).collect();
    let expected = [
        "mistakes.toml:1: strict_secrets: expected true or false, found a string",
        "mistakes.toml:4: server.listen: `localhost` is not an address with a port: expected one such as \
         127.0.0.1:8080 or [::1]:8080",
        "mistakes.toml:9: admin_keys[0].scopes[1]: `everything` is not a scope: expected read, dispatch or configure",
        "mistakes.toml:13: apps[0].api_keys[0]: the same key as admin_keys[0].key",
        "mistakes.toml:13: apps[0].api_keys[1]: the environment variable NOT_SET is not set",
        "mistakes.toml:14: apps[0].webhook.events: `message.eaten` is not an event: expected message.* or message. \
         and a status, such as message.delivered",
        "mistakes.toml:14: apps[0].webhook.secret: not a webhook secret: expected whsec_ and the base64 of 24 to 64 \
         random bytes",
        "mistakes.toml:14: apps[0].webhook.url: has the scheme ftp: expected http or https",
        "mistakes.toml:17: apps[1].id: the app `shop` is given already at apps[0].id",
        "mistakes.toml:18: apps[1].default_country: `UKR` is not a country: expected two capital letters of ISO \
         3166, such as DE",
        "mistakes.toml:23: vendors[0].connections[0].password: is missing",
        "mistakes.toml:27: vendors[0].connections[0].prot: unknown key: did you mean `port`?",
        "mistakes.toml:29: vendors[0].connections[0].window: 0 is outside 1 to 1000",
        "mistakes.toml:30: vendors[0].connections[0].response_timeout: expected a string, found a number",
        "mistakes.toml:34: vendors[0].connections[1].kind: `htpp` is not one of smpp, http",
        "mistakes.toml:38: routes[0].connection: no connection is called `acme-mian`: did you mean `acme-main`?",
        "mistakes.toml:39: routes[0].countries[1]: `UK` is not a country code of ISO 3166: did you mean `GB`?",
        "mistakes.toml:47: rate_cards[0].prices[1].price: expected a string, found a number",
        "mistakes.toml:51: store.url: a shared database for a cluster is not served yet: give `path` for the \
         embedded store",
        "mistakes.toml:55: policy.rules[0].match.class[1]: `opt` is not one of transactional, marketing, otp",
        "mistakes.toml:56: policy.rules[0].routes[1]: no route is called `borealis-de`",
        "mistakes.toml:57: policy.rules[0].on_unknown: `hold` promises at most one delivery, which failover on \
         `no_receipt` would break",
        "mistakes.toml:58: policy.rules[0].failover.wait_at_most: `3 sheep` is not a duration: expected seconds, or \
         a number with a unit such as 500ms, 45s, 10m, 24h, or ISO 8601 such as PT10M",
    ];
    assert_eq!(found, expected, "{found:#?}");
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
    let plain = report.warnings.iter().filter(|warning| warning.message.contains("written into the file"));
    assert_eq!(plain.map(|warning| warning.key.as_str()).collect::<Vec<_>>(), ["apps[0].api_keys[0]"]);
    let strict = format!("strict_secrets = true\n{text}");
    let found = Files::new(&[("strowger.toml", &strict), ("ops.key", "from-a-file-0123456789")]).problems();
    assert!(
        found[0].starts_with("strowger.toml:9: apps[0].api_keys[0]: a secret written into the file"),
        "{found:?}"
    );
}

#[test]
fn the_password_of_a_proxy_is_a_secret_like_others() {
    let connection = |proxy: &str| {
        format!(
            "strict_secrets = true\n[[vendors]]\nid = \"acme\"\n[[vendors.connections]]\nid = \"acme-main\"\n\
             kind = \"smpp\"\nhost = \"a.example\"\nport = 2775\nsystem_id = \"buyer\"\n\
             password = {{ file = \"pw\" }}\nproxy = {proxy}\n"
        )
    };
    let read = |proxy: &str| Files::new(&[("strowger.toml", &connection(proxy)), ("pw", "from-a-file")]);
    let table = r#"{ url = "socks5://buyer@proxy.example:1080", password = { file = "pw" } }"#;
    let (config, _) = read(table).load().unwrap();
    let proxy = config.connections().next().unwrap().smpp.proxy.clone().unwrap();
    assert_eq!(proxy.login.unwrap().password.reveal(), "from-a-file");
    for (proxy, problem) in [
        (r#""http://buyer:plain@proxy.example:3128""#, "proxy: a secret written into the file"),
        (r#"{ url = "http://buyer:plain@proxy.example:3128" }"#, "proxy.url: a secret written into the file"),
        (r#"{ url = "http://buyer@proxy.example:3128", password = "plain" }"#, "proxy.password: a secret"),
        (r#"{ url = "http://buyer@proxy.example:3128", password = { env = "NONE" } }"#, "NONE is not set"),
        (r#""proxy.example:3128""#, "proxy: expected a proxy such as"),
        (r#"{ url = "http://proxy.example:3128", pasword = "x" }"#, "did you mean `password`?"),
    ] {
        let problems = read(proxy).problems();
        assert!(problems.iter().any(|told| told.contains(problem)), "{problems:?}");
        assert!(problems.iter().all(|problem| !problem.contains("plain")), "{problems:?}");
    }
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
fn what_a_misspelled_key_holds_is_checked_and_a_missing_one_is_told_once() {
    let found = problems("[[apps]]\nid = \"a\"\nwebhok = { url = \"x\", secret = { evn = \"NOT_SET\" } }\n");
    assert_eq!(
        found,
        [
            "strowger.toml:3: apps[0].webhok: unknown key: did you mean `webhook`?",
            "strowger.toml:3: apps[0].webhook.secret.evn: unknown key: did you mean `env`?",
            "strowger.toml:3: apps[0].webhook.url: is not a URL: relative URL without a base",
        ]
    );
    let found =
        problems("[[routes]]\nrate_card = 5\n[[rate_cards]]\nid = \"c\"\ncurrency = \"EUR\"\nprices = 1\n");
    assert_eq!(
        found,
        [
            "strowger.toml:1: routes[0].connection: is missing",
            "strowger.toml:1: routes[0].id: is missing",
            "strowger.toml:2: routes[0].rate_card: expected a string, found a number",
            "strowger.toml:6: rate_cards[0].prices: expected a list, found a number",
        ]
    );
}

#[test]
fn an_unsound_connection_is_known_to_its_routes() {
    let found = problems(
        r#"
[[vendors]]
id = "acme"
[[vendors.connections]]
id = "acme-main"
kind = "smpp"
host = "x"
port = 99999999999999999999
system_id = "s"
password = { env = "NOT_SET" }
[[routes]]
id = "r"
connection = "acme-main"
"#,
    );
    assert_eq!(
        found,
        [
            "strowger.toml:8: vendors[0].connections[0].port: the number is too large",
            "strowger.toml:10: vendors[0].connections[0].password: the environment variable NOT_SET is not set",
        ]
    );
}

#[test]
fn two_doors_do_not_share_an_account() {
    let app =
        |id: &str| format!("[[apps]]\nid = \"{id}\"\nsmpp = {{ system_id = \"s\", password = \"p\" }}\n");
    let found = problems(&(app("a") + &app("b")));
    assert_eq!(
        found,
        [
            "strowger.toml:6: apps[1].smpp.system_id: the system_id `s` is given already at apps[0].smpp.system_id"
        ]
    );
}

#[test]
fn the_smpp_door_is_where_and_for_whom_it_is_told() {
    let door = |lines: &str, account: &str| {
        format!(
            "[smpp_server]\n{lines}\n[[apps]]\nid = \"a\"\nsmpp = {{ system_id = \"s\", password = \"p\"{account} }}\n"
        )
    };
    let tls = "tls = { listen = \"[::1]:3550\", cert = \"tls/c.pem\", key = \"tls/k.pem\" }";
    let lines = format!("{tls}\nproxy_protocol = [\"10.0.0.1\", \"fd00::/8\"]");
    let text = door(&lines, ", ips = [\"192.0.2.0/24\"]");
    let files = Files::new(&[("strowger.toml", &text), ("tls/c.pem", ""), ("tls/k.pem", "")]);
    let config = files.load().unwrap().0;
    let door_of = config.smpp_server.unwrap();
    assert_eq!((door_of.listen, door_of.parts_within.as_secs()), (None, 1800));
    let tls_of = door_of.tls.unwrap();
    assert_eq!((tls_of.listen.port(), tls_of.pair.client_ca), (3550, None));
    assert_eq!(tls_of.pair.cert, files.0.path().join("tls/c.pem"));
    assert!(door_of.proxies.contains("10.0.0.1".parse().unwrap()));
    assert!(!config.apps[0].smpp.as_ref().unwrap().ips.admits("10.0.0.1".parse().unwrap()));

    assert_eq!(
        problems(&door("", ", ips = []")),
        [
            "strowger.toml:1: smpp_server: expected `listen`, a `tls` with its own, or both",
            "strowger.toml:5: apps[0].smpp.ips: an empty list admits nobody: leave it out to admit everyone",
        ]
    );
    assert_eq!(
        problems(&door("listen = \"2775\"\nproxy_protocol = [\"10.0.0\"]", ", ips = [\"10.0.0.0/33\"]"))
            .len(),
        3
    );
}

#[test]
fn what_is_unused_or_leads_nowhere_is_a_warning() {
    let text = "[[apps]]\nid = \"a\"\n[[vendors]]\nid = \"v\"\n[[admin_keys]]\nid = \"o\"\nkey = \"short\"\nscopes = []\n";
    let (_, report) = Files::new(&[("strowger.toml", text)]).load().unwrap();
    let warned: Vec<_> = report.warnings.iter().map(|it| (it.line, it.key.as_str())).collect();
    assert_eq!(
        warned,
        [
            (1, "apps[0].api_keys"),
            (1, "apps[0].webhook"),
            (1, "policy.rules"),
            (3, "vendors[0].connections"),
            (7, "admin_keys[0].key"),
            (7, "admin_keys[0].key"),
            (8, "admin_keys[0].scopes"),
        ]
    );
}

#[test]
fn a_rule_that_nothing_reaches_is_a_warning_with_its_line() {
    let text = r#"
[[vendors]]
id = "v"
[[vendors.connections]]
id = "c"
kind = "smpp"
host = "127.0.0.1"
port = 2775
system_id = "s"
password = { env = "ACME_PW" }
[[routes]]
id = "r"
connection = "c"
[[policy.rules]]
id = "all"
routes = ["r"]
[[policy.rules]]
id = "otp"
match = { class = ["otp"] }
routes = ["r"]
"#;
    let (_, report) = Files::new(&[("strowger.toml", text)]).load().unwrap();
    let warned: Vec<_> = report.warnings.iter().map(|it| format!("{}: {}", it.line, it.message)).collect();
    let expected =
        "17: nothing reaches the rule `otp`: `all` above it takes all its messages (every message)";
    assert!(warned.iter().any(|it| it == expected), "{warned:?}");
}

#[test]
fn messages_are_kept_as_long_as_receipts_come_for_them() {
    let told = problems("[retention]\nmessages = \"6d\"\n");
    assert!(
        told.iter().any(|it| it.contains("strowger.toml:2: retention.messages: receipts come")),
        "{told:?}"
    );
    let told = problems("[retention]\nmesages = \"90d\"\ntexts = 30\n");
    assert!(told.iter().any(|it| it.contains("did you mean `messages`?")), "{told:?}");
    assert!(told.iter().any(|it| it.contains("retention.texts: expected")), "{told:?}");
}

#[test]
fn the_schema_is_of_the_version_that_editors_know() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for section in ["include", "strict_secrets", "server", "store", "apps", "vendors", "routes", "policy"] {
        assert!(schema["properties"].get(section).is_some(), "{section}");
    }
}

#[test]
fn the_version_changes_with_the_content_only() {
    let version = |text: &str| Files::new(&[("strowger.toml", text)]).load().unwrap().0.version;
    assert_eq!(version("[numbers]\nstrict = true\n"), version("# a comment\n[numbers]\nstrict=true\n"));
    assert_ne!(version("[numbers]\nstrict = true\n"), version("[numbers]\nstrict = false\n"));
    let card = "[[rate_cards]]\nid = \"acme\"\ncurrency = \"EUR\"\nfile = \"acme.csv\"\n";
    let priced = |price: &str| {
        let prices = format!("country,price\nDE,{price}\n");
        Files::new(&[("strowger.toml", card), ("acme.csv", &prices)]).load().unwrap().0.version
    };
    assert_ne!(priced("0.0450"), priced("0.0460"));
    let exchanged = |rate: &str| {
        let rate = format!("[[exchange_rates]]\nfrom = \"EUR\"\nto = \"USD\"\nrate = \"{rate}\"\n");
        Files::new(&[("strowger.toml", &rate)]).load().unwrap().0.routing.table.version()
    };
    assert_ne!(exchanged("1.08"), exchanged("1.09"));
}

/// Tells whether it is right or what is wrong, and comes back in either case.
fn load_bytes(bytes: &[u8]) -> Result<(), TestCaseError> {
    let files = Files::new(&[]);
    std::fs::write(files.0.path().join("strowger.toml"), bytes).unwrap();
    if let Err(report) = files.load() {
        prop_assert!(report.has_problems());
        prop_assert!(report.problems.iter().all(|problem| problem.line > 0 && !problem.message.is_empty()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_piece_of_text_makes_it_panic(at in 0..EXAMPLE.len(), cut in 0_usize..40, put in "[\\[\\]{}=\"a-z0-9.,# \n]{0,20}") {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, put.bytes());
        load_bytes(&bytes)?;
    }

    #[test]
    fn no_bytes_make_it_panic(changes in prop::collection::vec((0..EXAMPLE.len(), any::<u8>()), 1..8)) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        load_bytes(&bytes)?;
    }

    /// Every value in turn becomes one of another kind, which parses and is wrong in its meaning.
    #[test]
    fn no_value_makes_it_panic(line in 0..EXAMPLE.lines().count(), value in prop::sample::select(VALUES)) {
        let lines = EXAMPLE.lines().enumerate().map(|(at, text)| match text.split_once(" = ") {
            Some((key, _)) if at == line => format!("{key} = {value}\n"),
            Some(_) | None => format!("{text}\n"),
        });
        load_bytes(lines.collect::<String>().as_bytes())?;
    }
}

const VALUES: &[&str] = &[
    "1",
    "-1",
    "0",
    "1e99",
    "nan",
    "true",
    "\"\"",
    "\"ÿ\"",
    "2026-01-01",
    "[]",
    "[[]]",
    "[1, \"a\"]",
    "{}",
    "{ a = { b = 1 } }",
    "99999999999999999999",
    "{ env = \"SHOP_KEY\" }",
    "{ file = \".\" }",
];

#[test]
fn a_webhook_to_a_private_address_is_warned_of_and_kept_from_sending_by_its_setting() {
    let text = r#"
[[apps]]
id = "shop"
api_keys = [{ env = "SHOP_KEY" }]
webhook = { url = "http://127.0.0.1:9000/hook", secret = { env = "SHOP_HOOK" } }
"#;
    let (config, report) = Files::new(&[("strowger.toml", text)]).load().unwrap();
    assert!(!config.allow_private);
    let warned = report.warnings.iter().any(|warning| warning.key == "apps[0].webhook.url");
    assert!(warned, "{:?}", report.warnings);
}
