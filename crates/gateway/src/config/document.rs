//! The routing document alone: from a text, from JSON, or from files that may hold a whole configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use routing::Settings;
use serde_json::Value as Json;

use super::files::{self, text_of};
use super::parse::parse;
use super::report::{Problem, Report};
use super::structure;
use super::tree::{Node, Place, Step, Value};
use crate::tables::Sources;

/// The keys that a routing document has.
const KEYS: [&str; 5] = ["routes", "rate_cards", "exchange_rates", "caps", "policy"];

/// # Errors
/// With all that is wrong with its shape, each at its line. Whether it can be obeyed is another question.
pub fn from_toml(text: &str) -> Result<Settings, Report> {
    let parsed = parse(text, Path::new("document"));
    let mut report = Report { problems: parsed.problems, ..Report::default() };
    if report.has_problems() {
        return Err(report);
    }
    refuse_others(&parsed.tree, &mut report);
    read(parsed.tree, report).map(|(settings, _)| settings)
}

/// # Errors
/// As `from_toml`, each at its key.
pub fn from_json(json: Json) -> Result<Settings, Report> {
    let tree = Node::new(json, &Place { file: Path::new("document").into(), line: 1 });
    let mut report = Report::default();
    refuse_others(&tree, &mut report);
    read(tree, report).map(|(settings, _)| settings)
}

/// Of a file with all that it includes, or of the TOML files of a folder; the other parts of a configuration are left
/// alone.
///
/// # Errors
/// With every problem of all files.
pub fn from_files(path: &Path) -> Result<Sources, Report> {
    let mut report = Report::default();
    let mut tree: Option<Node> = None;
    let mut is_whole = true;
    for file in toml_files(path, &mut report) {
        match (files::read(&file, &mut report), &mut tree) {
            (Some(more), Some(tree)) => tree.merge(more, &mut Vec::new(), &mut report),
            (Some(first), None) => tree = Some(first),
            (None, _) => is_whole = false,
        }
    }
    let tree = match tree {
        Some(tree) if is_whole && !report.has_problems() => tree,
        Some(_) | None => {
            report.sort();
            return Err(report);
        }
    };
    let mut tree = tree;
    if let Value::Table(table) = &mut tree.value {
        // What is no key of a configuration either stays, to be told: it is likely one of these, misspelled.
        let others = super::schema::keys();
        table.retain(|key, _| KEYS.contains(&key.as_str()) || !others.contains(key));
    }
    let (settings, tree) = read(tree, report)?;
    let mut report = Report::default();
    let mut price_files: BTreeMap<String, Arc<str>> = BTreeMap::new();
    for (index, card) in settings.rate_cards.iter().enumerate() {
        let Some(file) = &card.file else { continue };
        let at = [Step::Key("rate_cards".to_owned()), Step::Index(index), Step::Key("file".to_owned())];
        match text_of(&tree.locate(&at).folder().join(file)) {
            Ok(text) => drop(price_files.insert(card.id.clone(), text.into())),
            Err(message) => report.problems.push(tree.problem(&at, message)),
        }
    }
    if report.has_problems() { Err(report) } else { Ok(Sources::new(settings, price_files)) }
}

fn toml_files(path: &Path, report: &mut Report) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut refuse = |message: String| {
        let at = Problem { file: path.to_owned(), line: 1, key: String::new(), message };
        report.problems.push(at);
    };
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            refuse(format!("the folder cannot be read: {error}"));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        refuse("the folder has no TOML file".to_owned());
    }
    files
}

fn refuse_others(tree: &Node, report: &mut Report) {
    let Value::Table(table) = &tree.value else { return };
    for (key, node) in table.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
        let message = format!("is no part of a routing document: that is {}", KEYS.join(", "));
        report.problems.push(node.at.problem(key.clone(), message));
    }
}

/// The tree with its shape put right stands beside the settings, for places in it.
fn read(tree: Node, mut report: Report) -> Result<(Settings, Node), Report> {
    let (tree, _) = structure::check(tree, &mut report);
    if report.has_problems() {
        report.sort();
        return Err(report);
    }
    match serde_path_to_error::deserialize::<_, Settings>(tree.json()) {
        Ok(settings) => Ok((settings, tree)),
        Err(error) => {
            let steps: Vec<Step> = error
                .path()
                .iter()
                .filter_map(|segment| match segment {
                    serde_path_to_error::Segment::Map { key } => Some(Step::Key(key.clone())),
                    serde_path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
                    serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => None,
                })
                .collect();
            report.problems.push(tree.problem(&steps, error.inner().to_string()));
            Err(report)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(report: &Report) -> Vec<String> {
        report.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_that_is_wrong_with_a_text_is_told_at_its_line() {
        let text = "[server]\nlisten = \"127.0.0.1:1\"\n[[routes]]\nid = \"acme-de\"\nconection = \"acme\"\n\
                    [policy]\ndefault_class = 7\n";
        let report = from_toml(text).unwrap_err();
        let told = told(&report);
        for part in [
            "document:1: server: is no part",
            "document:5: routes[0].conection: ",
            "document:7: policy.default_class: ",
        ] {
            assert!(told.iter().any(|line| line.starts_with(part)), "{part}: {told:#?}");
        }
        assert_eq!(from_toml("[[routes\n").unwrap_err().problems.len(), 1);
    }

    #[test]
    fn json_and_text_say_the_same() {
        let of_json = from_json(json!({ "routes": [{ "id": "a", "connection": "b", "countries": ["DE"] }] }));
        let of_text = from_toml("[[routes]]\nid = \"a\"\nconnection = \"b\"\ncountries = [\"DE\"]\n");
        assert_eq!(of_json.unwrap(), of_text.unwrap());
        let report = from_json(json!({ "policy": { "rules": [{ "id": "a" }] } })).unwrap_err();
        assert!(told(&report)[0].contains("policy.rules[0]"), "{report}");
    }

    #[test]
    fn a_folder_is_read_with_its_price_files_and_nothing_else_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "a.toml",
            "[[apps]]\nid = \"shop\"\n[[rate_cards]]\nid = \"acme\"\ncurrency = \"EUR\"\nfile = \"acme.csv\"\n",
        );
        write("b.toml", "[[routes]]\nid = \"a\"\nconnection = \"b\"\n");
        let missing = from_files(folder.path()).unwrap_err();
        assert!(told(&missing)[0].contains("rate_cards[0].file"), "{missing}");
        write("acme.csv", "country,price\nDE,0.0450\n");
        let sources = from_files(folder.path()).unwrap();
        assert_eq!((sources.document.routes.len(), sources.document.rate_cards.len()), (1, 1));
        assert_eq!(&*sources.price_files["acme"], "country,price\nDE,0.0450\n");
    }

    #[test]
    fn a_misspelled_part_of_a_file_is_told_and_not_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        std::fs::write(&file, "[[apps]]\nid = \"shop\"\n[[polcy.rules]]\nid = \"all\"\n[route]\nid = 1\n")
            .unwrap();
        let report = from_files(&file).unwrap_err();
        assert!(
            told(&report).iter().any(|line| line.contains("polcy") && line.contains("`policy`")),
            "{report}"
        );
        assert!(
            told(&report).iter().any(|line| line.contains("route") && line.contains("`routes`")),
            "{report}"
        );
    }
}
