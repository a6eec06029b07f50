//! `proxy = "socks5://proxy.example.com:1080"`, or a table with `url` and `password`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use percent_encoding::percent_decode_str;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::Password;
use super::validate::is_host;

/// Whom we ask to connect us to the vendor. Names are looked up by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub kind: ProxyKind,
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub login: Option<Login>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    Socks5,
    /// By the method CONNECT.
    Http,
}

/// Who we are to the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Password,
}

/// The table's form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Proxy")]
struct Table {
    /// `socks5://` or `http://`, a user and an `@` where the proxy asks for one, and its host and port.
    url: String,
    /// The password of the user.
    #[serde(default)]
    password: Option<Password>,
}

/// What is wrong with it. It never shows the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadProxy {
    #[error("expected a proxy such as socks5://proxy.example.com:1080 or http://user@proxy.example.com:3128")]
    Unreadable,
    #[error("the proxy's port is missing")]
    NoPort,
    #[error("the user and the password may have 255 octets each, and need each other")]
    Login,
}

/// The most octets of a user or a password in SOCKS.
const LONGEST: usize = 255;

impl Proxy {
    /// Whether a proxy's URL has a password written into it.
    #[must_use]
    pub fn url_holds_password(url: &str) -> bool {
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        authority.rsplit_once('@').is_some_and(|(userinfo, _)| userinfo.contains(':'))
    }

    fn read(url: &str, password: Option<Password>) -> Result<Self, BadProxy> {
        let uri: Uri = url.parse().map_err(|_| BadProxy::Unreadable)?;
        let kind = match uri.scheme_str() {
            // The h says that the proxy looks names up, which it always does here.
            Some("socks5" | "socks5h") => ProxyKind::Socks5,
            Some("http") => ProxyKind::Http,
            Some(_) | None => return Err(BadProxy::Unreadable),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(BadProxy::Unreadable);
        }
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if !is_host(host) {
            return Err(BadProxy::Unreadable);
        }
        let port = uri.port_u16().filter(|port| *port != 0).ok_or(BadProxy::NoPort)?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo);
        Ok(Self { kind, host: host.to_owned(), port, login: login(userinfo, password)? })
    }
}

fn login(userinfo: Option<&str>, password: Option<Password>) -> Result<Option<Login>, BadProxy> {
    let (user, inside) = match userinfo {
        Some(userinfo) => {
            userinfo.split_once(':').map_or((userinfo, None), |(user, inside)| (user, Some(inside)))
        }
        None if password.is_some() => return Err(BadProxy::Login),
        None => return Ok(None),
    };
    let decoded = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8().map_err(|_| BadProxy::Login)?;
        Ok(decoded.into_owned())
    };
    let password = match (inside, password) {
        (Some(inside), None) => Password::from(decoded(inside)?),
        (None, Some(password)) => password,
        (Some(_), Some(_)) | (None, None) => return Err(BadProxy::Login),
    };
    let user = decoded(user)?;
    if user.is_empty() || user.len() > LONGEST || password.reveal().len() > LONGEST {
        return Err(BadProxy::Login);
    }
    Ok(Some(Login { user, password }))
}

impl FromStr for Proxy {
    type Err = BadProxy;

    fn from_str(url: &str) -> Result<Self, BadProxy> {
        Self::read(url, None)
    }
}

impl<'de> Deserialize<'de> for Proxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UrlOrTable)
    }
}

struct UrlOrTable;

impl<'de> Visitor<'de> for UrlOrTable {
    type Value = Proxy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL, or a table with url and password")
    }

    fn visit_str<E: de::Error>(self, url: &str) -> Result<Proxy, E> {
        url.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Proxy, A::Error> {
        let Table { url, password } = Table::deserialize(MapAccessDeserializer::new(table))?;
        Proxy::read(&url, password).map_err(de::Error::custom)
    }
}

impl JsonSchema for Proxy {
    fn schema_name() -> Cow<'static, str> {
        "ProxyOrUrl".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<Table>();
        json_schema!({ "anyOf": [{ "type": "string" }, table] })
    }
}

/// Host and port, as logs name it.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Proxy, String> {
        #[derive(Debug, Deserialize)]
        struct File {
            proxy: Proxy,
        }
        toml::from_str(&format!("proxy = {value}"))
            .map(|file: File| file.proxy)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_is_read() {
        let proxy = read("\"socks5://proxy.example.com:1080\"").unwrap();
        assert_eq!((proxy.kind, proxy.login.as_ref()), (ProxyKind::Socks5, None));
        assert_eq!(proxy.to_string(), "proxy.example.com:1080");
        let proxy = read("\"http://[::1]:3128/\"").unwrap();
        assert_eq!((proxy.kind, proxy.host.as_str()), (ProxyKind::Http, "::1"));
        assert_eq!(proxy.to_string(), "[::1]:3128");
        let by_url = read("\"socks5h://us%40er:pa%3Ass@10.0.0.1:1080\"").unwrap();
        let login = by_url.login.as_ref().unwrap();
        assert_eq!((login.user.as_str(), login.password.reveal()), ("us@er", "pa:ss"));
        let by_table = read("{ url = \"socks5://us%40er@10.0.0.1:1080\", password = \"pa:ss\" }").unwrap();
        assert_eq!(by_url, by_table);
        assert!(!format!("{by_url:?}").contains("pa:ss"));
    }

    #[test]
    fn what_is_no_proxy_is_told_and_never_shown() {
        for bad in [
            "\"secret\"",
            "\"ftp://secret.example:21\"",
            "\"http://secret.example\"",
            "\"http://secret.example:0\"",
            "\"http://secret.example:80/path\"",
            "\"socks5://user@secret.example:1080\"",
            "\"socks5://:secret@example.com:1080\"",
            "\"socks5://a b:secret@example.com:1080\"",
            "{ url = \"socks5://example.com:1080\", password = \"secret\" }",
            "{ url = \"socks5://user:secret@example.com:1080\", password = \"secret\" }",
        ] {
            let error = read(bad).unwrap_err();
            let told = error.lines().last().unwrap();
            assert!(!told.contains("secret"), "{told}");
        }
        assert!(read("{ uri = \"socks5://example.com:1080\" }").is_err());
    }

    #[test]
    fn a_password_in_a_url_is_noticed() {
        assert!(Proxy::url_holds_password("socks5://user:pass@host:1080"));
        assert!(!Proxy::url_holds_password("socks5://user@host:1080"));
        assert!(!Proxy::url_holds_password("http://host:3128"));
    }
}
