//! What two configurations say differently, key by key.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

/// Keys whose values differ, each with what one of the two says: null where it says nothing.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    pub before: BTreeMap<String, Json>,
    pub after: BTreeMap<String, Json>,
}

/// More than this is another configuration and no change of one.
const MOST: usize = 1000;

/// Tables of a list are told apart by their `id`, so that one more in front is one change.
#[must_use]
pub fn difference(before: &Json, after: &Json) -> Difference {
    let mut difference = Difference::default();
    compare(&mut difference, "", Some(before), Some(after));
    let more = difference.before.len().saturating_sub(MOST);
    if more > 0 {
        for side in [&mut difference.before, &mut difference.after] {
            let last = side.keys().nth(MOST).cloned();
            if let Some(last) = last {
                side.split_off(&last);
            }
            side.insert("…".to_owned(), Json::from(format!("{more} more")));
        }
    }
    difference
}

fn compare(difference: &mut Difference, path: &str, before: Option<&Json>, after: Option<&Json>) {
    if before == after {
        return;
    }
    if let (Some(before), Some(after)) = (before, after) {
        let both = match (before, after) {
            (Json::Object(before), Json::Object(after)) => Some((by_key(before), by_key(after))),
            (Json::Array(before), Json::Array(after)) => by_id(before).zip(by_id(after)),
            _ => None,
        };
        if let Some((before, after)) = both {
            let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() || key.starts_with('[') {
                    format!("{path}{key}")
                } else {
                    format!("{path}.{key}")
                };
                compare(difference, &path, before.get(key).copied(), after.get(key).copied());
            }
            return;
        }
    }
    difference.before.insert(path.to_owned(), before.cloned().unwrap_or_default());
    difference.after.insert(path.to_owned(), after.cloned().unwrap_or_default());
}

fn by_key(table: &Map<String, Json>) -> BTreeMap<String, &Json> {
    table.iter().map(|(key, value)| (key.clone(), value)).collect()
}

/// None when one of them has no id, or two have the same: then the list is compared as a whole.
fn by_id(list: &[Json]) -> Option<BTreeMap<String, &Json>> {
    let named = list.iter().map(|item| Some((format!("[{}]", item.get("id")?.as_str()?), item)));
    let named: BTreeMap<String, &Json> = named.collect::<Option<_>>()?;
    (named.len() == list.len()).then_some(named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told_under_its_name() {
        let before = json!({
            "server": { "listen": "127.0.0.1:8080" },
            "apps": [{ "id": "shop", "smpp": { "max_binds": 4 } }, { "id": "bank" }],
            "routes": [{ "id": "a", "countries": ["DE"] }],
        });
        let after = json!({
            "server": { "listen": "127.0.0.1:8080" },
            "apps": [{ "id": "news" }, { "id": "shop", "smpp": { "max_binds": 8 } }],
            "routes": [{ "id": "a", "countries": ["DE", "AT"] }],
        });
        let Difference { before, after } = difference(&before, &after);
        let keys: Vec<&str> = before.keys().map(String::as_str).collect();
        assert_eq!(keys, ["apps[bank]", "apps[news]", "apps[shop].smpp.max_binds", "routes[a].countries"]);
        assert_eq!((&before["apps[news]"], &after["apps[news]"]), (&Json::Null, &json!({ "id": "news" })));
        assert_eq!((&before["apps[bank]"], &after["apps[bank]"]), (&json!({ "id": "bank" }), &Json::Null));
        assert_eq!(after["apps[shop].smpp.max_binds"], 8);
        assert_eq!(after["routes[a].countries"], json!(["DE", "AT"]));
    }

    #[test]
    fn what_is_the_same_differs_in_nothing() {
        let one = json!({ "apps": [{ "id": "shop" }] });
        assert_eq!(difference(&one, &one), Difference::default());
    }

    #[test]
    fn another_configuration_altogether_is_cut_short() {
        let numbers = |add: usize| {
            let entries = (0..MOST + 7).map(|n| (format!("k{n:05}"), json!(n + add)));
            Json::Object(entries.collect())
        };
        let told = difference(&numbers(0), &numbers(1));
        assert_eq!((told.before.len(), told.after.len()), (MOST + 1, MOST + 1));
        assert_eq!(told.after["…"], "7 more");
    }
}
