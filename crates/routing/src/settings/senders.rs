//! Whom a route's messages may appear to come from.

use std::borrow::Cow;
use std::fmt;

use domain::address::SenderKind;
use domain::{Class, Sender};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::ser::{SerializeStruct as _, Serializer};
use serde::{Deserialize, Serialize};

use super::{is_default, schema};

/// Nothing given: every sender is carried as it is, and a missing one is left to the vendor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Senders {
    /// Every message comes from this one, whatever the application asked for. It stands alone.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(with = "Option<Sender>")]
    pub forced: Option<String>,
    /// Senders that others take the place of, before anything else is looked at.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rewrite: Vec<Rewrite>,
    /// The kinds that the route carries as they are; absent, without `allow_senders` and without a pool: all. An empty
    /// list puts the default or the pool in every place.
    #[serde(skip_serializing_if = "is_default")]
    pub allow: Option<Vec<SenderKind>>,
    /// Senders that the route carries whatever their kind: as they are written, or with `*` for any signs.
    #[serde(skip_serializing_if = "is_default")]
    pub allow_senders: Option<Vec<String>>,
    /// Takes the place of a sender that is missing or not allowed. Without it and without a pool, a message whose
    /// sender is not allowed does not take the route.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(with = "Option<Sender>")]
    pub default: Option<String>,
    /// In the place of `default`: each recipient keeps its member, also when others are added or removed. Its members
    /// are allowed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pool: Vec<PoolMember>,
}

/// Senders for some of a route's messages: `countries`, `operators` and `classes` say for which. The first entry that
/// fits a message decides instead of the route's `senders`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendersBy {
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::countries")]
    pub countries: Option<Vec<String>>,
    /// MCC and MNC of the recipient's network, such as 262-01.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::operators")]
    pub operators: Option<Vec<String>>,
    #[serde(skip_serializing_if = "is_default")]
    pub classes: Option<Vec<Class>>,
    /// As in `senders`.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(with = "Option<Sender>")]
    pub forced: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rewrite: Vec<Rewrite>,
    #[serde(skip_serializing_if = "is_default")]
    pub allow: Option<Vec<SenderKind>>,
    #[serde(skip_serializing_if = "is_default")]
    pub allow_senders: Option<Vec<String>>,
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(with = "Option<Sender>")]
    pub default: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub pool: Vec<PoolMember>,
}

/// One sender in the place of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// As it is written, or with `*` for any signs.
    pub from: String,
    #[schemars(with = "Sender")]
    pub to: String,
}

/// A sender of a pool: alone, or with the weight of its share; 1 when nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolMember {
    pub sender: String,
    pub weight: Option<u32>,
}

impl SendersBy {
    /// What it says of senders.
    #[must_use]
    pub fn senders(&self) -> Senders {
        let Self { forced, rewrite, allow, allow_senders, default, pool, .. } = self.clone();
        Senders { forced, rewrite, allow, allow_senders, default, pool }
    }
}

/// By hand, because an untagged enum answers every slip with "did not match any variant".
impl<'de> Deserialize<'de> for PoolMember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Weighted {
            sender: String,
            weight: Option<u32>,
        }

        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = PoolMember;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sender, or { sender = \"…\", weight = … }")
            }

            fn visit_str<E: Error>(self, sender: &str) -> Result<PoolMember, E> {
                Ok(PoolMember { sender: sender.to_owned(), weight: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PoolMember, A::Error> {
                let Weighted { sender, weight } = Weighted::deserialize(MapAccessDeserializer::new(map))?;
                Ok(PoolMember { sender, weight })
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl Serialize for PoolMember {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(weight) = self.weight else { return serializer.serialize_str(&self.sender) };
        let mut fields = serializer.serialize_struct("PoolMember", 2)?;
        fields.serialize_field("sender", &self.sender)?;
        fields.serialize_field("weight", &weight)?;
        fields.end()
    }
}

impl JsonSchema for PoolMember {
    fn schema_name() -> Cow<'static, str> {
        "PoolMember".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let sender = generator.subschema_for::<Sender>();
        json_schema!({
            "oneOf": [
                sender,
                {
                    "type": "object",
                    "properties": { "sender": sender, "weight": { "type": "integer", "minimum": 0 } },
                    "required": ["sender"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
