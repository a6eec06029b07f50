//! The rule that a stage of the pipeline leaves a work item and calls no other stage.

use super::source::File;

const STAGES: &[&str] = &["accept", "decide", "submit", "receipt", "inbound", "notify", "expire"];

pub(super) fn stages_do_not_import_each_other(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let Some((stage, depth)) = stage(&file.path) else { continue };
        for other in
            roots_used(file, depth).iter().filter(|used| STAGES.contains(&used.as_str()) && *used != stage)
        {
            findings.push(format!("{}: stage `{stage}` may not use stage `{other}`", file.path));
        }
    }
    findings
}

/// The stage that a file belongs to, and how many steps below the root of its crate the file stands.
fn stage(path: &str) -> Option<(&str, usize)> {
    let module = path.strip_prefix("crates/pipeline/src/")?.strip_suffix(".rs")?;
    let stage = module.split('/').next()?;
    STAGES.contains(&stage).then(|| (stage, module.split('/').count()))
}

/// The first names after `crate::`, or after as many `super::` as lead to the same place.
fn roots_used(file: &File, depth: usize) -> Vec<String> {
    let code = file.production().into_iter().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.flat_map(str::chars).filter(|character| !character.is_whitespace()).collect();
    let up = "super::".repeat(depth);
    let mut roots = Vec::new();
    for root in ["crate::", up.as_str()] {
        for (at, _) in code.match_indices(root) {
            roots.extend(first_names(&code[at + root.len()..]));
        }
    }
    roots
}

/// `submit::Outcome` names `submit`; `{retry, submit::{Outcome, Slot}}` names `retry` and `submit`.
fn first_names(path: &str) -> Vec<String> {
    let Some(list) = path.strip_prefix('{') else {
        return vec![first_name(path)];
    };
    let mut names = vec![first_name(list)];
    let mut open = 1;
    for (at, character) in list.char_indices() {
        match character {
            '{' => open += 1,
            '}' => open -= 1,
            ',' if open == 1 => names.push(first_name(&list[at + 1..])),
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    names
}

fn first_name(path: &str) -> String {
    path.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}
