//! A vendor: what it does with a text, what it says of it, and what it tells later. It outlives every process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use connectors::ReceiptReport;
use connectors::connector::Reply;
use domain::attempt::Verdict;
use domain::record::ReceiptNews;
use domain::{ConnectionId, ErrorClass};
use tokio::sync::oneshot;

use crate::judge::Place;
use crate::policy::Terms;
use crate::world::World;

pub(crate) struct Vendor {
    pub(crate) terms: Terms,
    /// Ids are counted, so those of two vendors are alike.
    ids: AtomicU64,
}

/// What the vendor makes of one part.
pub(crate) enum Reaction {
    Accepted {
        vendor_id: String,
    },
    Rejected,
    Busy,
    /// Nothing is ever said.
    Mute,
    /// Its answer comes after the patience of the connection.
    Late {
        vendor_id: String,
    },
    /// The line breaks.
    Cut,
}

impl Vendor {
    pub(crate) fn new(terms: Terms) -> Self {
        Self { terms, ids: AtomicU64::new(1) }
    }

    pub(crate) fn receive(self: &Arc<Self>, world: &Arc<World>, place: Place) -> Reaction {
        let drawn = if world.is_calm() { 1000 } else { world.between(0, 999) };
        match drawn {
            0..40 => Reaction::Rejected,
            40..80 => Reaction::Busy,
            80..95 => Reaction::Mute,
            95..110 => Reaction::Cut,
            110..130 => {
                self.take(world, place);
                Reaction::Mute
            }
            130..160 => {
                self.take(world, place);
                Reaction::Cut
            }
            160..200 => Reaction::Late { vendor_id: self.take(world, place) },
            _ => Reaction::Accepted { vendor_id: self.take(world, place) },
        }
    }

    /// The text is the vendor's now.
    fn take(self: &Arc<Self>, world: &Arc<World>, place: Place) -> String {
        let id = self.ids.fetch_add(1, Ordering::Relaxed).to_string();
        world.note(|| format!("{} takes {place:?} as {id}", self.terms.connection));
        world.judge.seen(|seen| seen.taken.insert(place, false));
        world.spawn(Arc::clone(self).tell(Arc::clone(world), place, id.clone()));
        if world.misfortune(10) {
            let unknown = format!("nobody-{id}");
            let news = news(Some(Verdict::Delivered));
            world.spawn(Arc::clone(self).deliver(Arc::clone(world), unknown, news, Duration::ZERO));
        }
        id
    }

    /// What it says of a text after it took it.
    async fn tell(self: Arc<Self>, world: Arc<World>, place: Place, id: String) {
        if world.misfortune(60) {
            return;
        }
        if world.chance(150) {
            let delay = world.millis(0, 500);
            Arc::clone(&self).deliver(Arc::clone(&world), id.clone(), news(None), delay).await;
        }
        let verdict = match world.between(0, 99) {
            0..15 => Verdict::Undelivered,
            15..20 => Verdict::Expired,
            _ => Verdict::Delivered,
        };
        let delay = match world.between(0, 9) {
            // Before its own response, as often as not.
            0..2 => Duration::ZERO,
            2..9 => world.millis(50, 5000),
            _ => world.millis(5000, 30_000),
        };
        let fails = verdict != Verdict::Delivered;
        tokio::time::sleep(delay).await;
        if fails {
            world.judge.seen(|seen| seen.taken.insert(place, true));
        }
        let class = world.error_class().filter(|class| fails && *class != ErrorClass::UnknownOutcome);
        let said = ReceiptNews { class, ..news(Some(verdict)) };
        if world.misfortune(80) {
            let again = world.millis(0, 3000);
            let delivery = Arc::clone(&self).deliver(Arc::clone(&world), id.clone(), said.clone(), again);
            world.spawn(delivery);
        }
        Arc::clone(&self).deliver(Arc::clone(&world), id.clone(), said, Duration::ZERO).await;
        if fails && world.chance(100) {
            let delay = world.millis(100, 5000);
            self.deliver(world, id, news(Some(Verdict::Delivered)), delay).await;
        }
    }

    /// Sends a receipt until it is answered.
    async fn deliver(
        self: Arc<Self>,
        world: Arc<World>,
        vendor_id: String,
        news: ReceiptNews,
        delay: Duration,
    ) {
        tokio::time::sleep(delay).await;
        loop {
            let connection = &self.terms.connection;
            let events = world.process().and_then(|process| process.events_of(connection));
            if let Some(events) = events {
                let (answer, answered) = oneshot::channel();
                let reply = Answering {
                    world: Arc::clone(&world),
                    connection: connection.clone(),
                    vendor_id: vendor_id.clone(),
                    news: news.clone(),
                    answer,
                };
                let report = ReceiptReport {
                    vendor_id: vendor_id.as_str().into(),
                    news: news.clone(),
                    done_at: None,
                    is_error: false,
                    operator: None,
                    reply: Box::new(reply),
                };
                events.receipts(connection, &mut vec![report]);
                drop(events);
                if let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(5), answered).await {
                    return;
                }
            }
            tokio::time::sleep(world.millis(500, 2000)).await;
        }
    }
}

fn news(verdict: Option<Verdict>) -> ReceiptNews {
    let word = match verdict {
        None => "ENROUTE",
        Some(Verdict::Delivered) => "DELIVRD",
        Some(Verdict::Undelivered) => "UNDELIV",
        Some(Verdict::Expired) => "EXPIRED",
    };
    ReceiptNews { verdict, word: word.into(), class: None }
}

struct Answering {
    world: Arc<World>,
    connection: ConnectionId,
    vendor_id: String,
    news: ReceiptNews,
    answer: oneshot::Sender<()>,
}

impl Reply for Answering {
    fn stored(self: Box<Self>) {
        let Self { world, connection, vendor_id, news, answer } = *self;
        world.note(|| format!("receipt {vendor_id} {} is answered", news.word));
        world.judge.receipt_answered(&connection, &vendor_id, &news.word, news.verdict);
        // The vendor may have given up waiting.
        answer.send(()).ok();
    }
}
