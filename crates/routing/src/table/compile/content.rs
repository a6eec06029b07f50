//! Compiles what routes say of content.

use domain::plan::Exclusion;
use domain::segment::MAX_SENT;
use regex::{Regex, RegexBuilder};

use crate::problem::Path;
use crate::settings::{Content, RewriteText, Route};
use crate::table::compile::Compiler;
use crate::table::compile::senders::Scoped;
use crate::table::content::{Addition, ContentPolicies, ContentPolicy, From, Rewriting};

/// What keeps the work on one text small.
const MOST_REWRITES: usize = 20;
/// Signs of a text in the settings.
const LONGEST_TEXT: usize = 400;
/// Octets of a pattern when it is compiled: some thousand steps.
const LARGEST_PATTERN: usize = 64 * 1024;
/// How deep the groups of a pattern may stand in each other.
const DEEPEST_PATTERN: u32 = 50;
/// Octets that a pattern may keep of what it has worked out; with fewer it is slower, and still takes one pass.
const REMEMBERED: usize = 256 * 1024;

impl Compiler<'_> {
    /// None where a route says nothing of content.
    pub(super) fn content(&mut self, path: &Path, route: &Route) -> Option<Box<ContentPolicies>> {
        let list = path.key("content_by");
        let mut by = Vec::with_capacity(route.content_by.len());
        for (at, entry) in route.content_by.iter().enumerate() {
            let here = list.index(at);
            let scoped = Scoped {
                countries: entry.countries.as_ref(),
                operators: entry.operators.as_ref(),
                classes: entry.classes.as_ref(),
            };
            let scope = self.scope(&here, &scoped, "content");
            by.push((scope, self.content_policy(&here, &entry.content())));
        }
        let otherwise = self.content_policy(&path.key("content"), &route.content);
        let says_something = !by.is_empty() || route.content != Content::default();
        says_something.then(|| Box::new(ContentPolicies { by: by.into(), otherwise }))
    }

    fn content_policy(&mut self, path: &Path, content: &Content) -> ContentPolicy {
        let Content { rewrite, prefix, suffix, transliterate, encodings, must_match, max_segments } = content;
        let before = self.problems.len();
        if rewrite.len() > MOST_REWRITES {
            let message = format_args!("has {} entries, and may have {MOST_REWRITES}", rewrite.len());
            self.problems.add(path.key("rewrite"), message);
        }
        let mut rewritings = Vec::with_capacity(rewrite.len());
        for (at, entry) in rewrite.iter().enumerate() {
            rewritings.extend(self.rewriting(&path.key("rewrite").index(at), entry));
        }
        for (key, text) in [("prefix", prefix), ("suffix", suffix)] {
            let Some(text) = text else { continue };
            if text.is_empty() {
                self.problems.add(path.key(key), "is empty: leave it out");
            }
            self.check_text(&path.key(key), text);
        }
        if let Some(encodings) = encodings {
            self.refuse_empty(&path.key("encodings"), encodings);
        }
        let must_match = must_match.as_deref().and_then(|text| self.pattern(&path.key("must_match"), text));
        if max_segments.is_some_and(|most| most == 0 || usize::from(most) > MAX_SENT) {
            self.problems.add(path.key("max_segments"), format_args!("must be between 1 and {MAX_SENT}"));
        }
        let policy = ContentPolicy {
            rewrite: rewritings.into(),
            prefix: Addition::new(prefix.as_deref().unwrap_or_default(), transliterate.is_some()),
            suffix: Addition::new(suffix.as_deref().unwrap_or_default(), transliterate.is_some()),
            transliterates: transliterate.is_some(),
            encodings: encodings.clone().map(Into::into),
            must_match,
            max_segments: *max_segments,
        };
        if self.problems.len() == before {
            self.refuse_additions(path, &policy);
        }
        policy
    }

    /// A prefix and a suffix that no text of the route could leave with.
    fn refuse_additions(&mut self, path: &Path, policy: &ContentPolicy) {
        match policy.additions_misfit() {
            None => {}
            Some(Exclusion::Encoding) => {
                let key = if policy.prefix.text.is_empty() && policy.suffix.text.is_empty() {
                    // The empty text is in GSM 03.38.
                    return;
                } else if policy.prefix.text.is_empty() {
                    "suffix"
                } else {
                    "prefix"
                };
                let message =
                    "no text could be sent with it: it is not in the `encodings` that the route carries";
                self.problems.add(path.key(key), message);
            }
            Some(_) => {
                let message =
                    "no text could be sent: the prefix and the suffix alone take more segments than that";
                self.problems.add(path.key("max_segments"), message);
            }
        }
    }

    fn rewriting(&mut self, path: &Path, entry: &RewriteText) -> Option<Rewriting> {
        let RewriteText { from, pattern, to } = entry;
        self.check_text(&path.key("to"), to);
        let from = match (from, pattern) {
            (Some(from), None) => {
                if from.is_empty() {
                    self.problems.add(path.key("from"), "is empty: say what is rewritten");
                }
                self.check_text(&path.key("from"), from);
                From::Literal(from.as_str().into())
            }
            (None, Some(pattern)) => {
                let here = path.key("pattern");
                let pattern = self.pattern(&here, pattern)?;
                if pattern.is_match("") {
                    let message =
                        "fits where there is nothing, and so everywhere: `prefix` and `suffix` add to a text";
                    self.problems.add(here, message);
                }
                self.check_references(&path.key("to"), to, &pattern);
                From::Pattern(pattern)
            }
            (Some(_), Some(_)) => {
                self.problems.add(path.clone(), "has `from` and `pattern`: leave one of them out");
                return None;
            }
            (None, None) => {
                self.problems.add(path.clone(), "say what is rewritten: a text as `from`, or a `pattern`");
                return None;
            }
        };
        Some(Rewriting { from, to: to.as_str().into() })
    }

    fn check_text(&mut self, path: &Path, text: &str) {
        let signs = text.chars().count();
        if signs > LONGEST_TEXT {
            self.problems.add(path.clone(), format_args!("has {signs} signs, and may have {LONGEST_TEXT}"));
        }
        if let Some(c) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r')) {
            let message = format_args!("has a control character (U+{:04X})", u32::from(c));
            self.problems.add(path.clone(), message);
        }
    }

    fn pattern(&mut self, path: &Path, text: &str) -> Option<Regex> {
        let signs = text.chars().count();
        if signs > LONGEST_TEXT {
            self.problems.add(path.clone(), format_args!("has {signs} signs, and may have {LONGEST_TEXT}"));
            return None;
        }
        if text.is_empty() {
            self.problems.add(path.clone(), "is empty, and would fit every text");
            return None;
        }
        let built = RegexBuilder::new(text)
            .size_limit(LARGEST_PATTERN)
            .nest_limit(DEEPEST_PATTERN)
            .dfa_size_limit(REMEMBERED)
            .build();
        self.problems.keep(path.clone(), built.map_err(|error| in_one_line(&error, text)))
    }

    /// A group that the pattern does not have would be nothing, and nobody would notice.
    fn check_references(&mut self, path: &Path, to: &str, pattern: &Regex) {
        let names: Vec<&str> = pattern.capture_names().flatten().collect();
        for name in references(to) {
            let is_known = match name.parse::<usize>() {
                Ok(number) => number < pattern.captures_len(),
                Err(_) => names.contains(&name),
            };
            if !is_known {
                let message = format_args!(
                    "the pattern has no group `{name}`: write ${{1}} when letters or digits follow, and $$ for a dollar sign"
                );
                self.problems.add(path.clone(), message);
            }
        }
    }
}

/// The groups that a text names, as the engine reads it: `$1`, `$name`, `${name}`.
fn references(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = rest.get(at + 1..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|open| open.split_once('}')) {
            found.push(name);
            rest = after;
        } else {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            found.extend((!name.is_empty()).then_some(name));
            rest = after;
        }
    }
    found
}

fn in_one_line(error: &regex::Error, pattern: &str) -> String {
    if let regex::Error::CompiledTooBig(_) = error {
        return format!("`{pattern}` is too large: repeat less, or write [a-z] in the place of \\w");
    }
    let words = error.to_string();
    let because = words.lines().rev().find_map(|line| line.strip_prefix("error: "));
    format!("`{pattern}` is not a regular expression: {}", because.unwrap_or(&words))
}
