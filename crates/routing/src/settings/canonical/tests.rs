//! What is written is read again as it was.

use std::time::Duration;

use domain::address::SenderKind;
use domain::plan::{FailoverOn, OnUnknown};
use domain::setting::Span;
use domain::{Channel, Class, Encoding};
use proptest::prelude::*;

use super::*;
use crate::settings::{
    Adaptive, Alphabet, Cap, Commitments, Content, ContentBy, ExchangeRate, Expect, Failover, Given, Hours,
    HoursWindow, Match, Pass, Per, Period, Pin, Policy, PolicyTest, PoolMember, PriceEntry, RateCard,
    Rewrite, RewriteText, Route, Rule, RuleRoute, Senders, SendersBy, Strategy as Order, Surcharge, Worth,
};

#[test]
fn the_canonical_text_reads_like_a_file() {
    let written = r#"
        [policy]
        default_class = "transactional"
        [[policy.rules]]
        routes = ["acme-de", { id = "borealis-de", weight = 5 }]
        id = "otp"
        validity = "600s"
        failover = { max_attempts = 3, wait_at_most = "5s" }
        match = { country = ["DE"], class = ["otp"] }
        [[rate_cards]]
        id = "acme"
        currency = "EUR"
        prices = [{ country = "DE", price = "0.0450" }, { price = "0.05", country = "AT" }]
        [[routes]]
        id = "acme-de"
        connection = "acme"
        channel = "sms"
        senders = { allow = [], default = "SH\"OP" }
    "#;
    let expected = r#"[[routes]]
id = "acme-de"
connection = "acme"
senders = { allow = [], default = "SH\"OP" }

[[rate_cards]]
id = "acme"
currency = "EUR"
prices = [
  { country = "DE", price = "0.0450" },
  { country = "AT", price = "0.05" },
]

[[policy.rules]]
id = "otp"
match = { class = ["otp"], country = ["DE"] }
routes = ["acme-de", { id = "borealis-de", weight = 5 }]
failover = { wait_at_most = "5s" }
validity = "10m"
"#;
    assert_eq!(text(&parse(written).unwrap()), expected);
    assert_eq!(text(&Settings::default()), "");
}

fn word() -> impl Strategy<Value = String> {
    "[a-z]{1,6}|\\PC{0,5}|[\"\\\\\n\t\u{1}\u{7f}]{1,3}"
}

fn manager() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(vec!["git".to_owned(), "terraform".to_owned()]))
}

fn words() -> impl Strategy<Value = Option<Vec<String>>> {
    prop::option::of(prop::collection::vec(word(), 0..4))
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![0..10_000_000_u64, (0..1000_u64).prop_map(|days| days * 86_400_000)]
        .prop_map(|ms| Span(Duration::from_millis(ms)))
}

fn some<T: Clone + std::fmt::Debug + 'static>(values: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    prop::sample::subsequence(values, 0..=values.len())
}

fn senders() -> impl Strategy<Value = Senders> {
    let kinds = some(&[SenderKind::Alphanumeric, SenderKind::Numeric, SenderKind::ShortCode]);
    let rewrite = (word(), word()).prop_map(|(from, to)| Rewrite { from, to });
    let member =
        (word(), prop::option::of(any::<u32>())).prop_map(|(sender, weight)| PoolMember { sender, weight });
    let maybe = || prop::option::of(word());
    let lists = (prop::collection::vec(rewrite, 0..3), prop::collection::vec(member, 0..3));
    (maybe(), lists, prop::option::of(kinds), words(), maybe()).prop_map(
        |(forced, (rewrite, pool), allow, allow_senders, default)| Senders {
            forced,
            rewrite,
            allow,
            allow_senders,
            default,
            pool,
        },
    )
}

fn senders_by() -> impl Strategy<Value = SendersBy> {
    (words(), words(), prop::option::of(some(&Class::ALL)), senders()).prop_map(
        |(countries, operators, classes, senders)| {
            let Senders { forced, rewrite, allow, allow_senders, default, pool } = senders;
            SendersBy { countries, operators, classes, forced, rewrite, allow, allow_senders, default, pool }
        },
    )
}

fn content() -> impl Strategy<Value = Content> {
    let maybe = || prop::option::of(word());
    let rewrite =
        (maybe(), maybe(), word()).prop_map(|(from, pattern, to)| RewriteText { from, pattern, to });
    let encodings = prop::option::of(some(&[Encoding::Gsm7, Encoding::Ucs2]));
    let transliterate = prop::option::of(Just(Alphabet::Gsm7));
    let limits = (transliterate, encodings, maybe(), prop::option::of(any::<u8>()));
    (prop::collection::vec(rewrite, 0..3), maybe(), maybe(), limits).prop_map(
        |(rewrite, prefix, suffix, (transliterate, encodings, must_match, max_segments))| Content {
            rewrite,
            prefix,
            suffix,
            transliterate,
            encodings,
            must_match,
            max_segments,
        },
    )
}

fn content_by() -> impl Strategy<Value = ContentBy> {
    (words(), words(), prop::option::of(some(&Class::ALL)), content()).prop_map(
        |(countries, operators, classes, content)| {
            let Content { rewrite, prefix, suffix, transliterate, encodings, must_match, max_segments } =
                content;
            ContentBy {
                countries,
                operators,
                classes,
                rewrite,
                prefix,
                suffix,
                transliterate,
                encodings,
                must_match,
                max_segments,
            }
        },
    )
}

fn routes() -> impl Strategy<Value = Vec<Route>> {
    let pass = some(&[Pass::Priority, Pass::ServiceType, Pass::Addresses, Pass::Tlvs]);
    let channel = prop::sample::select(Channel::ALL.to_vec());
    let by = prop::collection::vec(senders_by(), 0..3);
    let policies = (senders(), by, content(), prop::collection::vec(content_by(), 0..3));
    let last = (pass, manager());
    let route = (word(), word(), channel, words(), prop::option::of(word()), policies, last);
    let route = route.prop_map(|(id, connection, channel, countries, rate_card, policies, last)| {
        let (pass, managed_by) = last;
        let (senders, senders_by, content, content_by) = policies;
        Route {
            id,
            connection,
            channel,
            countries,
            rate_card,
            senders,
            senders_by,
            content,
            content_by,
            pass,
            managed_by,
        }
    });
    prop::collection::vec(route, 0..4)
}

fn rate_cards() -> impl Strategy<Value = Vec<RateCard>> {
    let maybe = || prop::option::of(word());
    let per = || prop::sample::select(vec![Per::Segment, Per::Message]);
    let price = (maybe(), maybe(), maybe(), word(), maybe()).prop_map(
        |(country, mcc, mnc, price, effective_from)| PriceEntry { country, mcc, mnc, price, effective_from },
    );
    let surcharge = (word(), per(), maybe(), maybe(), maybe(), word(), maybe()).prop_map(
        |(name, per, country, mcc, mnc, price, effective_from)| Surcharge {
            name,
            per,
            country,
            mcc,
            mnc,
            price,
            effective_from,
        },
    );
    let lists = (prop::collection::vec(price, 0..4), prop::collection::vec(surcharge, 0..3));
    let card = (word(), word(), per(), maybe(), lists, manager()).prop_map(
        |(id, currency, per, file, (prices, surcharges), managed_by)| RateCard {
            id,
            currency,
            per,
            file,
            prices,
            surcharges,
            managed_by,
        },
    );
    prop::collection::vec(card, 0..3)
}

fn hours() -> impl Strategy<Value = Hours> {
    let window = (words(), word(), word()).prop_map(|(days, from, to)| HoursWindow { days, from, to });
    (word(), prop::collection::vec(window, 0..3)).prop_map(|(zone, windows)| Hours { zone, windows })
}

fn exchange_rates() -> impl Strategy<Value = Vec<ExchangeRate>> {
    let rate = (word(), word(), word(), prop::option::of(word()), manager()).prop_map(
        |(from, to, rate, effective_from, managed_by)| ExchangeRate {
            from,
            to,
            rate,
            effective_from,
            managed_by,
        },
    );
    prop::collection::vec(rate, 0..3)
}

fn caps() -> impl Strategy<Value = Vec<Cap>> {
    let kinds = some(&[SenderKind::Alphanumeric, SenderKind::Numeric, SenderKind::ShortCode]);
    let per = prop::sample::select(vec![Period::Second, Period::Minute, Period::Hour, Period::Day]);
    let maybe = || prop::option::of(word());
    let of = (word(), maybe(), maybe(), manager());
    let cap = (of, prop::option::of(kinds), prop::option::of(some(&Class::ALL)), any::<u32>(), per);
    let cap = cap.prop_map(|((id, connection, route, managed_by), sender_kind, class, limit, per)| Cap {
        id,
        connection,
        route,
        sender_kind,
        class,
        limit,
        per,
        managed_by,
    });
    prop::collection::vec(cap, 0..3)
}

fn matches() -> impl Strategy<Value = Match> {
    let channel = prop::option::of(prop::sample::select(Channel::ALL.to_vec()));
    let class = prop::option::of(some(&Class::ALL));
    let time = prop::option::of(hours());
    let kinds =
        prop::option::of(some(&[SenderKind::Alphanumeric, SenderKind::Numeric, SenderKind::ShortCode]));
    let encodings = prop::option::of(some(&[Encoding::Gsm7, Encoding::Ucs2]));
    let content = (kinds, encodings, prop::option::of(any::<bool>()));
    (channel, class, words(), words(), words(), words(), words(), time, content).prop_map(
        |(channel, class, country, operator, app, sender, recipient_prefix, time, content)| Match {
            channel,
            class,
            country,
            operator,
            app,
            sender,
            recipient_prefix,
            time,
            sender_kind: content.0,
            encoding: content.1,
            has_link: content.2,
        },
    )
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let order = prop::sample::select(vec![
        Order::Priority,
        Order::Weighted,
        Order::LeastCost,
        Order::QualityFloor,
        Order::Adaptive,
    ]);
    let listed = (word(), prop::option::of(any::<u32>())).prop_map(|(id, weight)| RuleRoute { id, weight });
    let on = some(&[
        FailoverOn::Rejected,
        FailoverOn::Busy,
        FailoverOn::Unavailable,
        FailoverOn::Undelivered,
        FailoverOn::NoReceipt,
    ]);
    let failover = (on, span(), prop::option::of(span()), any::<u8>()).prop_map(
        |(on, wait_at_most, no_receipt_after, max_attempts)| Failover {
            on,
            wait_at_most,
            no_receipt_after,
            max_attempts,
        },
    );
    let on_unknown = prop::sample::select(vec![OnUnknown::Resend, OnUnknown::NextRoute, OnUnknown::Hold]);
    let limits = (prop::option::of(word()), prop::option::of(word()));
    let terms = (on_unknown, failover, limits, any::<bool>(), span(), manager());
    let rule = (word(), matches(), order, prop::collection::vec(listed, 0..4), terms).prop_map(
        |(id, matches, strategy, routes, terms)| {
            let (on_unknown, failover, (max_price, quality_floor), probes, validity, managed_by) = terms;
            Rule {
                id,
                matches,
                strategy,
                routes,
                on_unknown,
                failover,
                max_price,
                quality_floor,
                probes,
                validity,
                managed_by,
            }
        },
    );
    prop::collection::vec(rule, 0..4)
}

fn pins() -> impl Strategy<Value = Vec<Pin>> {
    let pin = (word(), words(), words(), words(), word(), any::<bool>(), manager()).prop_map(
        |(id, recipient_prefix, operator, app, route, only, managed_by)| Pin {
            id,
            recipient_prefix,
            operator,
            app,
            route,
            only,
            managed_by,
        },
    );
    prop::collection::vec(pin, 0..3)
}

fn tests() -> impl Strategy<Value = Vec<PolicyTest>> {
    let given = (word(), word(), prop::option::of(word()), prop::option::of(word())).prop_map(
        |(to, app, from, text)| {
            let (operator, at) = (from.clone(), text.clone());
            Given { to, app, channel: Channel::Sms, class: None, from, text, operator, at }
        },
    );
    let names = || prop::option::of(prop::collection::vec(word(), 0..3));
    let expect = (prop::option::of(word()), names(), names(), prop::option::of(any::<bool>())).prop_map(
        |(rule, routes, excluded, no_route)| Expect {
            first: rule.clone(),
            text: rule.clone(),
            rule,
            routes,
            excluded,
            no_route,
        },
    );
    let test = (word(), given, expect, manager()).prop_map(|(name, given, expect, managed_by)| PolicyTest {
        name,
        given,
        expect,
        managed_by,
    });
    prop::collection::vec(test, 0..3)
}

fn adaptive() -> impl Strategy<Value = Adaptive> {
    let worth = || {
        prop::option::of(
            (word(), prop::option::of(span())).prop_map(|(value, within)| Worth { value, within }),
        )
    };
    let numbers = prop::collection::vec(word(), 0..3);
    (prop::option::of(word()), worth(), worth(), worth(), numbers).prop_map(
        |(currency, otp, transactional, marketing, test_numbers)| Adaptive {
            currency,
            otp,
            transactional,
            marketing,
            test_numbers,
        },
    )
}

fn commitments() -> impl Strategy<Value = Commitments> {
    let classes = prop::option::of(prop::collection::vec(prop::sample::select(Class::ALL.to_vec()), 0..3));
    (prop::option::of(word()), classes)
        .prop_map(|(worth_at_most, class)| Commitments { worth_at_most, class })
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let default_class = prop::sample::select(Class::ALL.to_vec());
    let first = (default_class, adaptive(), commitments(), pins());
    (routes(), rate_cards(), exchange_rates(), caps(), first, rules(), tests()).prop_map(
        |(
            routes,
            rate_cards,
            exchange_rates,
            caps,
            (default_class, adaptive, commitments, pins),
            rules,
            tests,
        )| {
            Settings {
                routes,
                rate_cards,
                exchange_rates,
                caps,
                policy: Policy { default_class, adaptive, commitments, pins, rules, tests },
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(settings in settings()) {
        let written = text(&settings);
        let read = parse(&written);
        prop_assert_eq!(read.as_ref(), Ok(&settings), "{}", written);
        prop_assert_eq!(text(&settings), read.map(|read| text(&read)).unwrap_or_default());
    }
}
