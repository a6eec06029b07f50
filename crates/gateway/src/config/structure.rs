//! Holds the tree against the schema: unknown and missing keys, wrong kinds of values, all of them at once.
//!
//! What comes out has the schema's shape whatever went in: a misspelled key is under its right name, and a stand-in
//! takes the place of what is needed and missing. So the rest can be read and checked, too, and problems of all kinds
//! are told together; `build` holds back those that only a stand-in has. Only the shape is checked here: what a text
//! has to look like is said by whoever reads it, in words of its own.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::report::Report;
use super::told::Told;
use super::tree::{Node, Place, Step, Value, written};

mod shape;

use shape::{Branch, Schemas, Shape};

/// The tree in the right shape, and of what it is said that it was wrong.
pub(super) fn check(tree: Node, report: &mut Report) -> (Node, Told) {
    let schema = super::schema::schema();
    let at = tree.at.clone();
    let mut walk =
        Walk { schemas: Schemas { root: &schema }, path: Vec::new(), told: Told::default(), report };
    let whole = walk.value(tree, &schema);
    (whole.unwrap_or_else(|| Node::new(walk.schemas.stand_in(&schema), &at)), walk.told)
}

struct Walk<'a> {
    schemas: Schemas<'a>,
    path: Vec<Step>,
    told: Told,
    report: &'a mut Report,
}

impl<'a> Walk<'a> {
    /// None for a value that cannot be used, once that is told.
    fn value(&mut self, node: Node, schema: &'a Json) -> Option<Node> {
        let Some(shape) = self.schemas.shape(schema) else { return Some(node) };
        if let Value::Unusable(why) = node.value {
            self.problem(&node.at, why);
            return None;
        }
        match self.schemas.branch(&node, shape) {
            Branch::Only => {}
            Branch::One(schema) => return self.value(node, schema),
            // Whatever it is meant to be, it keeps its id.
            Branch::Kinds(kinds) => {
                self.kind(&node, &kinds);
                return Some(node);
            }
            Branch::None(expected) => {
                self.problem(&node.at, format!("expected {expected}, found {}", node.kind()));
                return None;
            }
        }
        if !shape.accepts(&node) {
            self.problem(&node.at, format!("expected {}, found {}", shape.expected(), node.kind()));
            return None;
        }
        let at = node.at;
        let value = match node.value {
            Value::Table(entries) => Value::Table(self.table(entries, &at, shape)),
            Value::Array(items) => Value::Array(self.array(items, shape)),
            Value::Leaf(leaf) => {
                if let Some(problem) = shape.refuses(&leaf) {
                    self.problem(&at, problem);
                    return None;
                }
                Value::Leaf(leaf)
            }
            Value::Unusable(_) => return None,
        };
        Some(Node { at, value })
    }

    fn table(
        &mut self,
        mut entries: BTreeMap<String, Node>,
        at: &Place,
        shape: Shape<'a>,
    ) -> BTreeMap<String, Node> {
        let Some(properties) = shape.properties() else { return entries };
        if shape.is_closed() {
            let unknown: Vec<String> =
                entries.keys().filter(|key| !properties.contains_key(*key)).cloned().collect();
            for key in unknown {
                let Some(node) = entries.remove(&key) else { continue };
                let nearest = nearest(&key, properties.keys());
                let message = match nearest {
                    Some(known) => format!("unknown key: did you mean `{known}`?"),
                    None => {
                        let known = properties.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                        format!("unknown key: known here are {known}")
                    }
                };
                self.within(Step::Key(key), |walk| walk.problem(&node.at, message));
                if let Some(known) = nearest.filter(|known| !entries.contains_key(*known)) {
                    entries.insert(known.clone(), node);
                }
            }
        }
        let mut right = BTreeMap::new();
        for (key, node) in entries {
            let node = match properties.get(&key) {
                Some(property) => self.within(Step::Key(key.clone()), |walk| walk.value(node, property)),
                None => Some(node),
            };
            right.extend(node.map(|node| (key, node)));
        }
        for key in shape.required() {
            if right.contains_key(key) {
                continue;
            }
            self.within(Step::Key(key.to_owned()), |walk| {
                // One that was there and could not be used is told already.
                if !walk.told.covers(&written(&walk.path)) {
                    walk.problem(at, "is missing");
                }
            });
            let stand_in = properties.get(key).map_or(Json::Null, |property| self.schemas.stand_in(property));
            right.insert(key.to_owned(), Node::new(stand_in, at));
        }
        right
    }

    fn array(&mut self, items: Vec<Node>, shape: Shape<'a>) -> Vec<Node> {
        let Some(inner) = shape.items() else { return items };
        let mut right = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let at = item.at.clone();
            let item = self.within(Step::Index(index), |walk| walk.value(item, inner));
            // The others keep their places.
            right.push(item.unwrap_or_else(|| Node::new(self.schemas.stand_in(inner), &at)));
        }
        right
    }

    /// The `kind` that tells what the rest of a table has to be like is missing or none that there is.
    fn kind(&mut self, node: &Node, kinds: &[&str]) {
        let step = Step::Key("kind".to_owned());
        let found = node.get(&step);
        let kinds = kinds.join(", ");
        let message = match found.map(Node::json) {
            None => format!("is missing: one of {kinds}"),
            Some(Json::String(kind)) => format!("`{}` is not one of {kinds}", shape::shortened(&kind)),
            Some(_) => format!("expected one of {kinds}"),
        };
        let at = found.unwrap_or(node).at.clone();
        self.within(step, |walk| walk.problem(&at, message));
    }

    fn within<T>(&mut self, step: Step, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let done = work(self);
        self.path.pop();
        done
    }

    fn problem(&mut self, at: &Place, message: impl Into<String>) {
        let key = written(&self.path);
        self.told.add(key.clone());
        self.report.problems.push(at.problem(key, message));
    }
}

/// Farther apart, a key is another one and not a slip of the pen.
fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let distances = known.map(|known| (strsim::damerau_levenshtein(key, known), known));
    distances.filter(|(distance, known)| *distance <= 1 + known.len() / 4).min().map(|(_, known)| known)
}
