//! What a gateway would have learned in the minutes before the test: so that the test need not last that long.

use std::path::Path;
use std::sync::Arc;

use domain::{AppId, Class, ConnectionId, Timestamp, VerdictId};
use gateway::clock::SystemClock;
use pipeline::Clock as _;
use routing::learning::{Answer, Destination, Learner, News, What};
use store::sqlite;
use store::{Adaptive, Write, Writer as _};

use crate::setup::Setup;

const SECONDS: i64 = 300;
/// Messages a second for each vendor, operator and class.
const EACH: i64 = 3;

/// Leaves it in the store of the gateway that will start in this folder.
pub(super) fn save(folder: &Path, setup: &Setup) {
    let file = folder.join("strowger.toml");
    std::fs::write(&file, setup.file()).unwrap();
    let (config, _) = gateway::config::load(&file).unwrap();
    let now = SystemClock::default().now().as_millis();
    let begin = now - SECONDS * 1000;
    let mut learner = Learner::new(Arc::clone(&config.routing.table), Timestamp::from_millis(begin), 1);
    let mut later: Vec<News> = Vec::new();
    for second in 0..SECONDS {
        for nth in 0..EACH {
            let at = begin + second * 1000 + nth * 300;
            for connection in ["acme-main", "borealis-main"] {
                for operator in ["26201", "26202"] {
                    for class in [Class::Otp, Class::Transactional] {
                        let converts = class == Class::Otp && (second + nth) % 5 != 0;
                        later.extend(life(&mut learner, at, connection, (operator, class), converts));
                    }
                }
            }
        }
        let until = Timestamp::from_millis(begin + second * 1000 + 1000);
        later.sort_by_key(|news| news.at);
        let due = later.partition_point(|news| news.at <= until);
        later.drain(..due).for_each(|news| learner.hear(&news));
        let turned = learner.tick(until, || VerdictId::from_u128(1));
        assert_eq!(turned, [], "nothing happens while it is trained");
    }
    let at = Timestamp::from_millis(now);
    let state = Write::Adaptive(Adaptive::State(learner.save(at).into()));
    let path = folder.join("data");
    std::fs::create_dir_all(&path).unwrap();
    let (mut writer, _reader) = sqlite::open(&path, &sqlite::Options::default()).unwrap();
    writer.commit(&mut vec![state], at).unwrap();
}

/// A message is accepted; what comes of it later is returned.
fn life(
    learner: &mut Learner,
    at: i64,
    connection: &str,
    (operator, class): (&str, Class),
    converts: bool,
) -> Vec<News> {
    let connection = ConnectionId::new(connection).unwrap();
    let news = |after: i64, what| News {
        at: Timestamp::from_millis(at + after),
        app: AppId::new("shop").unwrap(),
        class,
        to: Destination::new("DE".parse().ok(), Some(operator)),
        what,
    };
    let sent_at = Timestamp::from_millis(at);
    learner.hear(&news(
        0,
        What::Answered {
            connection: connection.clone(),
            segments: 1,
            answer: Answer::Accepted,
            is_test: false,
        },
    ));
    let receipt = What::Receipt { connection: connection.clone(), sent_at, delivered: true };
    let conversion = What::Conversion { of: Some((connection, sent_at)), converted: true };
    let conversion = converts.then(|| news(600 + at % 2400, conversion));
    [Some(news(60, receipt)), conversion].into_iter().flatten().collect()
}
