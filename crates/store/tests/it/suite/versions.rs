//! Versions of the routing document: they read back, one is active, their texts are kept once, and tables are found.

use domain::{OverrideId, Timestamp};
use sha2::{Digest as _, Sha256};
use store::versions::{Deed, Named, Origin, Source, State, Summary};
use store::{Change, Changed, Published, Version, Versions, Write, Writer, Written};

use super::{Backend, Store};
use crate::sample::{Ids, NOON, write};

const PRICES: &str = "country,price\nDE,0.0450\n";

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn deed(at: Timestamp) -> Deed {
    Deed { at, by: "ops".into() }
}

fn version(number: u64, state: State) -> Version {
    let summary = Summary {
        number,
        state,
        source: Source::Api,
        hash: [u8::try_from(number).unwrap(); 32],
        based_on: number.checked_sub(1).filter(|base| *base > 0),
        equals: None,
        comment: "cheaper".into(),
        created: deed(NOON),
        activated: (state == State::Active).then(|| deed(NOON)),
        share: (state == State::RollingOut).then_some(250),
    };
    let texts = vec![Named { name: "acme".into(), hash: hash(PRICES) }];
    Version { summary, document: format!("{{\"n\":{number}}}").into(), texts }
}

fn change(writer: &mut dyn Writer, what: Versions) {
    let what = Changed::Versions(Box::new(what));
    let written = write(writer, NOON, [Write::Change(Box::new(Change { what, entry: "{}".into() }))]);
    assert!(matches!(&written[..], [Written::Noted]), "{written:?}");
}

pub(crate) fn versions_read_back_and_one_of_them_is_active(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    assert_eq!(reader.active_version().unwrap(), None);
    let first = Versions {
        put: vec![version(1, State::Active)],
        texts: vec![PRICES.into()],
        imported: Some([1; 32]),
        ..Versions::default()
    };
    change(&mut *writer, first);
    change(&mut *writer, Versions { put: vec![version(2, State::Draft)], ..Versions::default() });
    assert_eq!(reader.active_version().unwrap(), Some(version(1, State::Active)));
    let second = Versions { put: vec![version(2, State::Active)], supersede: Some(1), ..Versions::default() };
    change(&mut *writer, second);
    drop((writer, reader));

    let Store { reader, .. } = backend.open();
    assert_eq!(reader.active_version().unwrap(), Some(version(2, State::Active)));
    let was = reader.version(1).unwrap().unwrap();
    assert_eq!((was.summary.state, was.summary.activated), (State::Superseded, Some(deed(NOON))));
    assert_eq!(reader.version(3).unwrap(), None);
    let numbers = |before, limit| -> Vec<u64> {
        reader.versions(before, limit).unwrap().iter().map(|one| one.number).collect()
    };
    assert_eq!((numbers(u64::MAX, 10), numbers(2, 10), numbers(u64::MAX, 1)), (vec![2, 1], vec![1], vec![2]));
    assert_eq!(reader.text(hash(PRICES)).unwrap().as_deref(), Some(PRICES));
    assert_eq!(reader.text([0; 32]).unwrap(), None);
    assert_eq!(reader.imported_routing().unwrap(), Some([1; 32]));
}

pub(crate) fn one_version_may_be_rolled_out_beside_the_active_one(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    assert_eq!(reader.rolling_out().unwrap(), None);
    let put = vec![version(1, State::Active), version(2, State::RollingOut), version(3, State::Draft)];
    change(&mut *writer, Versions { put, texts: vec![PRICES.into()], ..Versions::default() });
    drop((writer, reader));
    let Store { mut writer, reader } = backend.open();
    assert_eq!(reader.rolling_out().unwrap(), Some(version(2, State::RollingOut)));
    assert_eq!(reader.active_version().unwrap(), Some(version(1, State::Active)));
    change(&mut *writer, Versions { put: vec![version(2, State::Draft)], ..Versions::default() });
    assert_eq!(reader.rolling_out().unwrap(), None);
}

pub(crate) fn a_table_is_found_by_its_number_as_it_was_first(backend: &impl Backend) {
    let mut ids = Ids::new();
    let overrides = [1, 2].map(|_| OverrideId::from_u128(ids.at(NOON).as_u128())).to_vec();
    let base = Published { number: 7, of: Origin::Version { number: 1, inputs: "{}".into() }, at: NOON };
    let steered = Published { number: u64::MAX, of: Origin::Overrides { base: 7, overrides }, at: NOON };
    let Store { mut writer, .. } = backend.open();
    change(&mut *writer, Versions { published: Some(base.clone()), ..Versions::default() });
    write(&mut *writer, NOON, [Write::Published(steered.clone())]);
    let again = Published { at: Timestamp::from_millis(0), ..base.clone() };
    write(&mut *writer, NOON, [Write::Published(again)]);
    drop(writer);
    let Store { reader, .. } = backend.open();
    assert_eq!(reader.published(7).unwrap(), Some(base));
    assert_eq!(reader.published(u64::MAX).unwrap(), Some(steered));
    assert_eq!(reader.published(8).unwrap(), None);
}
