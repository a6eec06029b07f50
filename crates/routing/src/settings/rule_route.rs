//! A route in a rule's list: its id alone, or its id and a weight.

use std::borrow::Cow;
use std::fmt;

use domain::RouteId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRoute {
    pub id: String,
    /// What `weighted` gives it, in relation to the others.
    pub weight: Option<u32>,
}

/// By hand, because an untagged enum answers every slip with "did not match any variant".
impl<'de> Deserialize<'de> for RuleRoute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Weighted {
            id: String,
            weight: Option<u32>,
        }

        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = RuleRoute;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a route, or { id = \"…\", weight = … }")
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<RuleRoute, E> {
                Ok(RuleRoute { id: id.to_owned(), weight: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RuleRoute, A::Error> {
                let Weighted { id, weight } = Weighted::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RuleRoute { id, weight })
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl Serialize for RuleRoute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(weight) = self.weight else { return serializer.serialize_str(&self.id) };
        let mut fields = serializer.serialize_struct("RuleRoute", 2)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("weight", &weight)?;
        fields.end()
    }
}

impl JsonSchema for RuleRoute {
    fn schema_name() -> Cow<'static, str> {
        "RuleRoute".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let id = generator.subschema_for::<RouteId>();
        json_schema!({
            "oneOf": [
                id,
                {
                    "type": "object",
                    "properties": { "id": id, "weight": { "type": "integer", "minimum": 0 } },
                    "required": ["id"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
