//! Rules on words that belong to some places only.

use super::source::File;

const VENDORS: &[&str] = &[
    "clickatell",
    "infobip",
    "kaleyra",
    "mailgun",
    "messagebird",
    "nexmo",
    "plivo",
    "sendgrid",
    "sinch",
    "telnyx",
    "twilio",
    "vonage",
];

/// Written in two parts, so that this file does not name what it refuses.
const REGISTRY_HOSTS: &[(&str, &str)] = &[
    ("index.", "crates.io"),
    ("static.", "crates.io"),
    ("registry.", "npmjs"),
    ("registry.", "yarnpkg"),
    ("files.", "pythonhosted"),
    ("pypi.", "org"),
    ("deb.", "debian.org"),
    ("proxy.", "golang.org"),
    ("ruby", "gems.org"),
];

/// The gateway's own configuration and its compatible doors have keys with a vendor's name in them, and some vendors
/// have numbers of their own.
pub(super) fn vendors_are_named_where_they_belong(files: &[File]) -> Vec<String> {
    let homes = [
        "crates/connectors/",
        "crates/simulator/",
        "crates/gateway/src/config",
        "crates/gateway/src/compat",
        "crates/gateway/strowger.example.toml",
        "crates/routing/data/",
    ];
    let files =
        files.iter().filter(|file| file.is_under(&["crates/", "dashboard/"]) && !file.is_under(&homes));
    lines_naming(files, VENDORS, "a vendor's name belongs in connectors, vendors/ or simulator")
}

pub(super) fn only_the_store_knows_the_database(files: &[File]) -> Vec<String> {
    let homes =
        ["crates/store/", "crates/gateway/src/config", "crates/gateway/src/start", "crates/gateway/src/cli"];
    let files =
        files.iter().filter(|file| file.is_under(&["crates/", "dashboard/"]) && !file.is_under(&homes));
    lines_naming(files, &["postgres", "cluster"], "which database there is, is the store's business")
}

/// Machines that build behind a mirror would reach past it. Lock files that cargo writes are its own affair.
pub(super) fn no_registry_host_is_named(files: &[File]) -> Vec<String> {
    let hosts: Vec<String> = REGISTRY_HOSTS.iter().map(|(first, rest)| format!("{first}{rest}")).collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (at, line) in file.text.lines().enumerate() {
            if let Some(host) = hosts.iter().find(|host| line.contains(*host)) {
                findings.push(format!("{}:{}: names the registry host {host}", file.path, at + 1));
            }
        }
    }
    findings
}

fn lines_naming<'a>(files: impl Iterator<Item = &'a File>, words: &[&str], why: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.filter(|file| !file.is_documentation()) {
        for (at, line) in file.production().iter().enumerate() {
            for word in words.iter().filter(|word| names(line, word)) {
                findings.push(format!("{}:{}: `{word}`: {why}", file.path, at + 1));
            }
        }
    }
    findings
}

/// Whether the line has the word, alone or as a part of a longer name in any case: `acme_key`, `AcmeKey`, `toAcme`.
/// In the middle of another word it does not count (`BytesInChunk` is no Sinch), nor do Unicode's grapheme clusters.
fn names(line: &str, word: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.match_indices(word).any(|(at, _)| {
        let starts_word = !lower[..at].ends_with(|before: char| before.is_ascii_alphabetic());
        let starts_hump = line[at..].starts_with(|first: char| first.is_ascii_uppercase())
            && line[at..].chars().skip(1).take(word.len() - 1).all(|rest| rest.is_ascii_lowercase());
        (starts_word || starts_hump) && !lower[..at].ends_with("grapheme ")
    })
}
