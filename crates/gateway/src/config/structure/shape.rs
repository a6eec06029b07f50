//! What a schema says of a value: the part of JSON Schema that our structs generate.

use serde_json::{Map, Value as Json};

use super::super::tree::{Node, Step, Value};

/// A schema with what its references lead to.
#[derive(Clone, Copy)]
pub(super) struct Schemas<'a> {
    pub(super) root: &'a Json,
}

/// One schema, references followed.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a>(&'a Map<String, Json>);

/// Which of several schemas a value is meant for.
pub(super) enum Branch<'a> {
    /// There is only the one.
    Only,
    One(&'a Json),
    /// The value's `kind` should tell and does not; these there are.
    Kinds(Vec<&'a str>),
    /// None takes the value; what they would take.
    None(String),
}

impl<'a> Schemas<'a> {
    /// None for a schema that takes anything.
    pub(super) fn shape(self, schema: &'a Json) -> Option<Shape<'a>> {
        let mut schema = schema;
        // A reference to a reference is possible, a circle is not generated.
        for _ in 0..8 {
            match schema.get("$ref").and_then(Json::as_str) {
                Some(reference) => schema = self.root.pointer(reference.strip_prefix('#')?)?,
                None => return schema.as_object().map(Shape),
            }
        }
        None
    }

    /// The branch whose `kind` the value names, or else one that takes a value like it, by preference one whose
    /// required keys it has.
    pub(super) fn branch(self, node: &Node, shape: Shape<'a>) -> Branch<'a> {
        let Some(branches) = shape.branches() else { return Branch::Only };
        let fitting: Vec<&'a Json> = branches
            .iter()
            .filter(|branch| self.shape(branch).is_some_and(|shape| shape.accepts(node)))
            .collect();
        let Some(&first) = fitting.first() else {
            let expected = branches.iter().filter_map(|branch| self.expected(branch)).collect::<Vec<_>>();
            return Branch::None(expected.join(" or "));
        };
        let kinds: Vec<&'a str> = fitting.iter().filter_map(|branch| self.shape(branch)?.kind()).collect();
        if !kinds.is_empty() {
            let named = node.get(&Step::Key("kind".to_owned())).map(Node::json);
            let named = named.as_ref().and_then(Json::as_str);
            let meant = fitting.iter().find(|branch| {
                self.shape(branch).and_then(Shape::kind).is_some_and(|kind| Some(kind) == named)
            });
            return meant.map_or(Branch::Kinds(kinds), |branch| Branch::One(branch));
        }
        let has_required = |branch: &&&'a Json| {
            self.shape(branch).is_some_and(|shape| {
                let mut required = shape.required().peekable();
                required.peek().is_some()
                    && required.all(|key| node.get(&Step::Key(key.to_owned())).is_some())
            })
        };
        Branch::One(fitting.iter().find(has_required).copied().unwrap_or(first))
    }

    fn expected(self, schema: &'a Json) -> Option<String> {
        let shape = self.shape(schema)?;
        let expected = match shape.branches() {
            Some(branches) => {
                branches.iter().filter_map(|branch| self.expected(branch)).collect::<Vec<_>>().join(" or ")
            }
            None => shape.expected(),
        };
        (!expected.is_empty()).then_some(expected)
    }

    /// A value of the right shape, for a place where none was given.
    pub(super) fn stand_in(self, schema: &'a Json) -> Json {
        let Some(shape) = self.shape(schema) else { return Json::Null };
        if let Some(first) = shape.branches().and_then(<[Json]>::first) {
            return self.stand_in(first);
        }
        if let Some(word) = shape.words().first() {
            return Json::from(*word);
        }
        match shape.kinds().first() {
            Some(&"object") => {
                let inner = |key: &str| {
                    shape
                        .properties()
                        .and_then(|all| all.get(key))
                        .map_or(Json::Null, |inner| self.stand_in(inner))
                };
                shape.required().map(|key| (key.to_owned(), inner(key))).collect()
            }
            Some(&"array") => Json::Array(Vec::new()),
            Some(&"string") => Json::from(match shape.text("format") {
                Some("span") => "1s",
                Some("rate") => "1/s",
                Some(_) | None => "",
            }),
            Some(&"boolean") => Json::Bool(false),
            Some(&("integer" | "number")) => Json::from(1),
            Some(_) | None => Json::Null,
        }
    }
}

impl<'a> Shape<'a> {
    pub(super) fn properties(self) -> Option<&'a Map<String, Json>> {
        self.0.get("properties")?.as_object()
    }

    /// Whether no other keys than those of `properties` are allowed.
    pub(super) fn is_closed(self) -> bool {
        self.0.get("additionalProperties") == Some(&Json::Bool(false))
    }

    pub(super) fn required(self) -> impl Iterator<Item = &'a str> {
        self.0.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
    }

    pub(super) fn items(self) -> Option<&'a Json> {
        self.0.get("items")
    }

    fn text(self, key: &str) -> Option<&'a str> {
        self.0.get(key)?.as_str()
    }

    /// The `kind` that a value of this shape names.
    fn kind(self) -> Option<&'a str> {
        self.properties()?.get("kind")?.get("const")?.as_str()
    }

    /// Alternatives, unless they are only words: those are one enumeration.
    fn branches(self) -> Option<&'a [Json]> {
        let branches = self.alternatives()?;
        let is_word = |branch: &Json| branch.get("const").is_some() || branch.get("enum").is_some();
        (!branches.iter().all(is_word)).then_some(branches)
    }

    fn alternatives(self) -> Option<&'a [Json]> {
        self.0.get("anyOf").or_else(|| self.0.get("oneOf"))?.as_array().map(Vec::as_slice)
    }

    /// The words that a value may be: of an `enum`, or of alternatives that are one word each.
    fn words(self) -> Vec<&'a str> {
        let several = |schema: &'a Json| schema.get("enum").and_then(Json::as_array).into_iter().flatten();
        let own = self.0.get("enum").and_then(Json::as_array).into_iter().flatten();
        let alternatives = self.alternatives().unwrap_or_default().iter();
        let of_alternatives =
            alternatives.flat_map(|branch| branch.get("const").into_iter().chain(several(branch)));
        own.chain(self.0.get("const")).chain(of_alternatives).filter_map(Json::as_str).collect()
    }

    fn kinds(self) -> Vec<&'a str> {
        match self.0.get("type") {
            Some(Json::String(kind)) => vec![kind],
            Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
            Some(_) | None if self.branches().is_none() && !self.words().is_empty() => vec!["string"],
            Some(_) | None => Vec::new(),
        }
    }

    /// Whether the value is of the right kind, whatever it holds.
    pub(super) fn accepts(self, node: &Node) -> bool {
        let kinds = self.kinds();
        let takes = |kind: &str| kinds.contains(&kind);
        kinds.is_empty()
            || match &node.value {
                Value::Table(_) => takes("object"),
                Value::Array(_) => takes("array"),
                Value::Leaf(Json::String(_)) => takes("string"),
                Value::Leaf(Json::Bool(_)) => takes("boolean"),
                Value::Leaf(Json::Number(number)) => {
                    takes("number") || (takes("integer") && !number.is_f64())
                }
                Value::Leaf(Json::Null | Json::Array(_) | Json::Object(_)) | Value::Unusable(_) => false,
            }
    }

    /// What a value of the right kind would be, for people.
    pub(super) fn expected(self) -> String {
        let words = self.words();
        if !words.is_empty() {
            return format!("one of {}", words.join(", "));
        }
        let kinds = self.kinds().into_iter().filter_map(|kind| {
            Some(match kind {
                "object" => match self.required().map(|key| format!("{key} = …")).collect::<Vec<_>>() {
                    keys if keys.is_empty() => "a table".to_owned(),
                    keys => format!("{{ {} }}", keys.join(", ")),
                },
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

    /// What is wrong with a value of the right kind, as far as the schema tells.
    pub(super) fn refuses(self, leaf: &Json) -> Option<String> {
        match leaf {
            Json::String(text) => self.refuses_text(text),
            Json::Number(number) => self.refuses_number(number.as_f64()?),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
        }
    }

    fn refuses_text(self, text: &str) -> Option<String> {
        let words = self.words();
        if !words.is_empty() && !words.contains(&text) {
            return Some(format!("`{}` is not one of {}", shortened(text), words.join(", ")));
        }
        match self.text("format")? {
            "span" => domain::time::parse_duration(text).err().map(|error| error.to_string()),
            "rate" => text.parse::<domain::setting::Rate>().err().map(|error| error.to_string()),
            _ => None,
        }
    }

    fn refuses_number(self, number: f64) -> Option<String> {
        let bound = |name: &str| self.0.get(name).and_then(Json::as_f64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        let is_low = least.is_some_and(|least| number < least);
        let is_high = most.is_some_and(|most| number > most);
        if !is_low && !is_high {
            return None;
        }
        let least = least.map_or_else(String::new, |least| format!(" from {least}"));
        let most = most.map_or_else(String::new, |most| format!(" to {most}"));
        Some(format!("{number} is out of range: expected a number{least}{most}"))
    }
}

/// As much of a text as a line of a report holds.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
