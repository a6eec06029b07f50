//! Rules on what a crate may depend on, read from the manifests.

use toml::{Table, Value};

use super::source::File;

/// The crates of the workspace and the floors they stand on. A crate may use only what stands lower.
const FLOORS: &[(&str, u8)] = &[
    ("gateway", 4),
    ("pipeline", 3),
    ("simulator", 3),
    ("insight", 3),
    ("rates", 3),
    ("routing", 2),
    ("compliance", 2),
    ("store", 2),
    ("connectors", 2),
    ("domain", 1),
    ("smpp-wire", 1),
];

const PURE: &[&str] = &["domain", "routing", "compliance"];

/// What does I/O, or brings along what does.
const IO: &[&str] = &[
    "async-std",
    "axum",
    "deadpool-postgres",
    "hyper",
    "hyper-util",
    "lettre",
    "mio",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "smpp-wire",
    "socket2",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "tokio-rustls",
    "tokio-util",
    "tower-http",
    "ureq",
];

pub(super) fn dependencies_go_down(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for (file, manifest) in manifests(files) {
        let name = package(&manifest);
        let Some(floor) = floor(&name) else {
            findings
                .push(format!("{}: crate `{name}` stands on no floor yet: give it one in xtask", file.path));
            continue;
        };
        for used in dependencies(&manifest, &["dependencies", "dev-dependencies", "build-dependencies"]) {
            if self::floor(&used).is_some_and(|below| below >= floor) {
                findings.push(format!(
                    "{}: `{name}` may not use `{used}`: dependencies go down the floors",
                    file.path
                ));
            }
        }
    }
    findings
}

pub(super) fn pure_crates_do_no_io(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for (file, manifest) in manifests(files) {
        let name = package(&manifest);
        if !PURE.contains(&name.as_str()) {
            continue;
        }
        for used in dependencies(&manifest, &["dependencies"]) {
            if IO.contains(&used.as_str()) {
                findings.push(format!("{}: `{name}` is pure and may not use `{used}`", file.path));
            }
        }
    }
    findings
}

/// The manifests of `crates/*`. One that cannot be read as TOML never gets this far: cargo has refused it.
fn manifests(files: &[File]) -> impl Iterator<Item = (&File, Table)> {
    files.iter().filter_map(|file| {
        let folder = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        if folder.contains('/') {
            return None;
        }
        Some((file, file.text.parse().ok()?))
    })
}

fn package(manifest: &Table) -> String {
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

/// The real names of the crates in these sections, also in those for one platform only.
fn dependencies(manifest: &Table, sections: &[&str]) -> Vec<String> {
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(manifest).chain(platforms.filter_map(Value::as_table));
    let mut names = Vec::new();
    for table in tables {
        for section in sections {
            for (key, value) in table.get(*section).and_then(Value::as_table).into_iter().flatten() {
                let renamed = value.get("package").and_then(Value::as_str);
                names.push(renamed.unwrap_or(key).to_owned());
            }
        }
    }
    names
}
