//! Holds the tree against the schema: unknown and missing keys, wrong kinds of values, all of them at once.
//!
//! Only the shape is checked here. What a text has to look like is said by whoever reads it, in words of its own.

use serde_json::{Map, Value as Json};

use super::report::Report;
use super::tree::{Node, Step, Value};

pub(super) fn check(tree: &Node, report: &mut Report) {
    let schema = super::schema::schema();
    let mut walk = Walk { root: &schema, tree, path: Vec::new(), report };
    walk.value(tree, &schema);
}

struct Walk<'a> {
    root: &'a Json,
    tree: &'a Node,
    path: Vec<Step>,
    report: &'a mut Report,
}

impl<'a> Walk<'a> {
    fn value(&mut self, node: &Node, schema: &'a Json) {
        let Some(schema) = self.resolved(schema) else { return };
        if let Some(branch) = self.branch(node, schema) {
            match branch {
                Branch::One(schema) => self.value(node, schema),
                Branch::None(expected) => self.problem(format!("expected {expected}, found {}", node.kind())),
            }
            return;
        }
        if !accepts_kind(schema, node) {
            self.problem(format!("expected {}, found {}", expected(schema), node.kind()));
            return;
        }
        match &node.value {
            Value::Table(_) => self.table(node, schema),
            Value::Array(items) => {
                let Some(inner) = schema.get("items") else { return };
                for (index, item) in items.iter().enumerate() {
                    self.within(Step::Index(index), |walk| walk.value(item, inner));
                }
            }
            Value::Leaf(leaf) => self.leaf(leaf, schema),
        }
    }

    fn table(&mut self, node: &Node, schema: &'a Map<String, Json>) {
        let Value::Table(entries) = &node.value else { return };
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return };
        let is_closed = schema.get("additionalProperties") == Some(&Json::Bool(false));
        for (key, inner) in entries {
            self.within(Step::Key(key.clone()), |walk| match properties.get(key) {
                Some(property) => walk.value(inner, property),
                None if is_closed => walk.unknown(key, properties),
                None => {}
            });
        }
        for required in schema.get("required").and_then(Json::as_array).into_iter().flatten() {
            let Some(key) = required.as_str() else { continue };
            if !entries.contains_key(key) {
                self.within(Step::Key(key.to_owned()), |walk| walk.problem("is missing"));
            }
        }
    }

    fn unknown(&mut self, key: &str, properties: &Map<String, Json>) {
        let nearest = properties
            .keys()
            .map(|known| (strsim::damerau_levenshtein(key, known), known))
            .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
            .min();
        match nearest {
            Some((_, known)) => self.problem(format!("unknown key: did you mean `{known}`?")),
            None => {
                let known = properties.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                self.problem(format!("unknown key: known here are {known}"));
            }
        }
    }

    fn leaf(&mut self, leaf: &Json, schema: &Map<String, Json>) {
        let words: Vec<&str> = words(schema);
        if let Some(found) = leaf.as_str().filter(|found| !words.is_empty() && !words.contains(found)) {
            let found: String = found.chars().take(40).collect();
            self.problem(format!("`{found}` is not one of {}", words.join(", ")));
        }
        if let Some(number) = leaf.as_f64() {
            let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
            let (least, most) = (bound("minimum"), bound("maximum"));
            if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
                let least = least.map_or_else(String::new, |least| format!(" from {least}"));
                let most = most.map_or_else(String::new, |most| format!(" to {most}"));
                self.problem(format!("{number} is out of range: expected a number{least}{most}"));
            }
        }
        if let (Some(text), Some(format)) = (leaf.as_str(), schema.get("format").and_then(Json::as_str)) {
            let problem = match format {
                "span" => domain::time::parse_duration(text).err().map(|error| error.to_string()),
                "rate" => text.parse::<domain::setting::Rate>().err().map(|error| error.to_string()),
                _ => None,
            };
            if let Some(problem) = problem {
                self.problem(problem);
            }
        }
    }

    /// Which of several schemas the value is meant for: the one whose `kind` it names, or else the only one that takes
    /// a value of its kind, preferring one whose required keys it has.
    fn branch(&self, node: &Node, schema: &'a Map<String, Json>) -> Option<Branch<'a>> {
        let branches = schema.get("anyOf").or_else(|| schema.get("oneOf"))?.as_array()?;
        // Alternatives that are only words are one enumeration.
        if branches.iter().all(|branch| branch.get("const").is_some() || branch.get("enum").is_some()) {
            return None;
        }
        let fitting = branches.iter().filter(|branch| {
            self.resolved(branch)
                .is_some_and(|branch| accepts_kind(branch, node) || branch.contains_key("anyOf"))
        });
        let fitting: Vec<&'a Json> = fitting.collect();
        let by_const = fitting.iter().find(|branch| self.names_kind(node, branch));
        let by_keys = fitting.iter().find(|branch| self.has_required(node, branch));
        match by_const.or(by_keys).or(fitting.first()) {
            Some(branch) => Some(Branch::One(branch)),
            None => {
                let expected = branches.iter().filter_map(|branch| Some(expected(self.resolved(branch)?)));
                Some(Branch::None(expected.collect::<Vec<_>>().join(" or ")))
            }
        }
    }

    fn names_kind(&self, node: &Node, branch: &'a Json) -> bool {
        let Some(branch) = self.resolved(branch) else { return false };
        let constant = branch.get("properties").and_then(|properties| properties.get("kind")?.get("const"));
        let found = node.get(&Step::Key("kind".to_owned())).map(Node::json);
        constant.is_some() && constant == found.as_ref()
    }

    fn has_required(&self, node: &Node, branch: &'a Json) -> bool {
        let Some(branch) = self.resolved(branch) else { return false };
        let required = branch.get("required").and_then(Json::as_array);
        required.is_some_and(|required| {
            required.iter().filter_map(Json::as_str).all(|key| node.get(&Step::Key(key.to_owned())).is_some())
        })
    }

    /// The schema's object, references followed; None for a schema that takes anything.
    fn resolved(&self, schema: &'a Json) -> Option<&'a Map<String, Json>> {
        let mut schema = schema;
        // A reference to a reference is possible, a circle is not generated.
        for _ in 0..8 {
            match schema.get("$ref").and_then(Json::as_str) {
                Some(reference) => schema = self.root.pointer(reference.strip_prefix('#')?)?,
                None => return schema.as_object(),
            }
        }
        None
    }

    fn within(&mut self, step: Step, check: impl FnOnce(&mut Self)) {
        self.path.push(step);
        check(self);
        self.path.pop();
    }

    fn problem(&mut self, message: impl Into<String>) {
        self.report.problems.push(self.tree.problem(&self.path, message));
    }
}

enum Branch<'a> {
    One(&'a Json),
    /// None takes the value; what they would take.
    None(String),
}

/// The words that a value may be: of an `enum`, or of alternatives that are one word each.
fn words(schema: &Map<String, Json>) -> Vec<&str> {
    let own = schema.get("enum").and_then(Json::as_array).into_iter().flatten();
    let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Json::as_array);
    let of_alternatives = alternatives.into_iter().flatten().flat_map(|branch| {
        let several = branch.get("enum").and_then(Json::as_array).into_iter().flatten();
        branch.get("const").into_iter().chain(several)
    });
    own.chain(schema.get("const")).chain(of_alternatives).filter_map(Json::as_str).collect()
}

fn kinds(schema: &Map<String, Json>) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(kind)) => vec![kind],
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
        Some(_) | None if !words(schema).is_empty() => vec!["string"],
        Some(_) | None => Vec::new(),
    }
}

fn accepts_kind(schema: &Map<String, Json>, node: &Node) -> bool {
    let kinds = kinds(schema);
    let takes = |kind: &str| kinds.contains(&kind);
    kinds.is_empty()
        || match &node.value {
            Value::Table(_) => takes("object"),
            Value::Array(_) => takes("array"),
            Value::Leaf(Json::String(_)) => takes("string"),
            Value::Leaf(Json::Bool(_)) => takes("boolean"),
            Value::Leaf(Json::Number(number)) => takes("number") || (takes("integer") && !number.is_f64()),
            Value::Leaf(Json::Null | Json::Array(_) | Json::Object(_)) => true,
        }
}

fn expected(schema: &Map<String, Json>) -> String {
    let keys = || {
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
        required.filter_map(Json::as_str).map(|key| format!("{key} = …")).collect::<Vec<_>>().join(", ")
    };
    let kinds = kinds(schema).into_iter().filter_map(|kind| {
        Some(match kind {
            "object" if schema.contains_key("required") => format!("{{ {} }}", keys()),
            "object" => "a table".to_owned(),
            "array" => "a list".to_owned(),
            "string" => "a string".to_owned(),
            "boolean" => "true or false".to_owned(),
            "integer" => "a whole number".to_owned(),
            "number" => "a number".to_owned(),
            _ => return None,
        })
    });
    kinds.collect::<Vec<_>>().join(" or ")
}
