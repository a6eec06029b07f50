//! Whose a number is: the buyer's lists, providers that are asked, what receipts said, and the numbering plan at last.
//!
//! A question to a provider belongs to nobody who waits for it: whoever has waited long enough goes on without, and the
//! answer serves the next message. What was learnt is kept in memory and written in batches; what a crash loses of it is
//! found out again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::message::OperatorSource;
use domain::number::Country;
use domain::{Class, Price, Recipient, Timestamp};
use parking_lot::Mutex;
use pipeline::{Asked, Clock, Known, NumberingPlan, Pipeline};
use routing::operator::Operator;
use rustc_hash::FxHashMap;
use store::{Learnt, Reader};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::metrics::Metrics;

mod cache;
pub mod list;
pub mod provider;

pub(crate) use cache::Fact;
use cache::{Cache, Facts};
use list::{Assigned, List, Network};
use provider::{Answer, Provider};

/// What the configuration says of operators.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Lists in files, in the order of their precedence, each with when the file was changed last.
    pub files: Vec<(Arc<List>, Timestamp)>,
    /// In the order in which they are asked.
    pub providers: Vec<provider::Settings>,
    pub waits: Waits,
    /// How many numbers are remembered.
    pub remembered: usize,
    /// How long what a receipt said is believed.
    pub receipts_hold: Duration,
}

/// How long a message may wait for an answer, by its class. Zero: it does not wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    pub otp: Duration,
    pub transactional: Duration,
    pub marketing: Duration,
}

impl Waits {
    fn of(&self, class: Class) -> Duration {
        match class {
            Class::Otp => self.otp,
            Class::Transactional => self.transactional,
            Class::Marketing => self.marketing,
        }
    }
}

/// Messages that wait for answers at once; more go on without.
const MAX_WAITING: usize = 4096;
/// What waits to be written; more is only remembered.
const MAX_UNWRITTEN: usize = 100_000;
const WRITE_EVERY: Duration = Duration::from_millis(500);
/// Every so many writes what is too old or too much is dropped from the store.
const PRUNE_EVERY: u64 = 60;

pub struct Operators {
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    settings: ArcSwap<Settings>,
    providers: ArcSwap<Vec<Arc<Provider>>>,
    /// Those that were imported, the latest of each kind.
    imports: ArcSwap<Vec<(Arc<List>, Timestamp)>>,
    /// Locked for moments.
    cache: Mutex<Cache>,
    /// The numbers that are being asked about, each with what ends when it is known. Locked for moments.
    questions: Mutex<FxHashMap<u64, watch::Receiver<()>>>,
    waiting: AtomicUsize,
    /// The questions; they end with the process at the latest.
    tasks: Mutex<JoinSet<()>>,
    unwritten: Mutex<Vec<Learnt>>,
}

/// All that is known of a number, the best first.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) best: Option<Known>,
    /// What providers and receipts said, as far as it is remembered, also when it no longer holds.
    pub(crate) facts: Facts,
    /// What the provider that is asked first takes for a question.
    pub(crate) cost: Option<Price>,
    /// Whether there is one.
    pub(crate) can_ask: bool,
}

/// Other settings, with all that could have failed behind them.
pub(crate) struct Prepared {
    settings: Settings,
    /// None: those of before.
    providers: Option<Vec<Arc<Provider>>>,
}

impl Operators {
    /// With what the store has kept.
    ///
    /// # Errors
    /// When the store cannot be read or a provider's client cannot be made.
    pub fn load(
        settings: Settings,
        reader: &dyn Reader,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Arc<Self>> {
        let mut cache = Cache::new(settings.remembered);
        // The newest comes first, and what is put last stays longest.
        for learnt in reader.learnt(clock.now(), settings.remembered / 2)?.into_iter().rev() {
            let source = learnt.source;
            cache.put(learnt.number, source, fact(learnt));
        }
        let imports =
            reader.operator_lists()?.into_iter().filter_map(|stored| match list::read(&stored.text) {
                Ok(list) => Some((Arc::new(list), stored.imported_at)),
                Err(_) => {
                    tracing::error!(
                        kind = stored.kind.as_str(),
                        "an imported list of operators is not understood any more: import it again"
                    );
                    None
                }
            });
        Ok(Arc::new(Self {
            clock,
            metrics,
            providers: ArcSwap::from_pointee(providers(&settings)?),
            imports: ArcSwap::from_pointee(imports.collect()),
            settings: ArcSwap::from_pointee(settings),
            cache: Mutex::new(cache),
            questions: Mutex::default(),
            waiting: AtomicUsize::new(0),
            tasks: Mutex::default(),
            unwritten: Mutex::default(),
        }))
    }

    /// What other settings come to. Nothing has changed yet.
    ///
    /// # Errors
    /// When a provider's client cannot be made.
    pub(crate) fn prepare(&self, settings: Settings) -> anyhow::Result<Prepared> {
        let is_other = settings.providers != self.settings.load().providers;
        let providers = is_other.then(|| providers(&settings)).transpose()?;
        Ok(Prepared { settings, providers })
    }

    /// Puts other settings in place. Providers that stay as they are keep their standing.
    pub(crate) fn reconfigure(&self, prepared: Prepared) {
        let Prepared { settings, providers } = prepared;
        if let Some(providers) = providers {
            self.providers.store(Arc::new(providers));
        }
        self.cache.lock().resize(settings.remembered);
        self.settings.store(Arc::new(settings));
    }

    /// Puts an imported list in the place of the one of its kind.
    pub(crate) fn import(&self, list: Arc<List>, at: Timestamp) {
        self.imports.rcu(|imports| {
            let mut others: Vec<_> =
                imports.iter().filter(|(other, _)| other.kind() != list.kind()).cloned().collect();
            others.push((Arc::clone(&list), at));
            others
        });
    }

    /// What the lists call networks: an import goes before a file, a file before those after it.
    pub(crate) fn networks(&self) -> BTreeMap<Operator, Network> {
        let mut networks = BTreeMap::new();
        self.in_lists(|list, _| {
            if let List::Networks(of_list) = list {
                for (operator, network) in of_list {
                    networks.entry(*operator).or_insert_with(|| network.clone());
                }
            }
            None::<()>
        });
        networks
    }

    pub(crate) fn picture(&self, to: &Recipient, country: Option<Country>) -> Picture {
        let now = self.clock.now();
        let facts = number_of(to).and_then(|number| self.cache.lock().get(number).cloned());
        let providers = self.providers.load();
        let first = providers.iter().find(|provider| provider.serves(country, None));
        Picture {
            best: self.known(to, now),
            facts: facts.unwrap_or_default(),
            cost: first.and_then(|provider| provider.cost(country)),
            can_ask: first.is_some(),
        }
    }

    /// Asks the providers now, whatever is known. Waits for as long as that takes.
    pub(crate) async fn ask_now(self: &Arc<Self>, to: &Recipient, country: Option<Country>) {
        let Some(number) = number_of(to) else { return };
        if let Some(mut known) = self.question(number, to, country, None) {
            // It ends when the question does.
            known.changed().await.ok();
        }
    }

    /// Writes what was learnt, every now and then, until it is dropped.
    pub(crate) async fn keep_written(self: Arc<Self>, pipeline: Pipeline) {
        let mut every = tokio::time::interval(WRITE_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut writes = 0_u64;
        loop {
            every.tick().await;
            let prune = writes.is_multiple_of(PRUNE_EVERY);
            writes += u64::from(self.write(&pipeline, prune).await);
        }
    }

    /// Whether there was anything to write. What cannot be written now is still remembered.
    pub(crate) async fn write(&self, pipeline: &Pipeline, prune: bool) -> bool {
        let learnt = std::mem::take(&mut *self.unwritten.lock());
        if learnt.is_empty() {
            return false;
        }
        let count = learnt.len();
        let keep = prune.then(|| self.settings.load().remembered);
        match pipeline.keep_learnt(learnt, keep).await {
            Ok(()) => self.metrics.operators_written(count),
            Err(error) => tracing::debug!(%error, "what was learnt of operators is not written"),
        }
        true
    }

    /// What ends when the number is known. None when nobody can be asked now.
    fn question(
        self: &Arc<Self>,
        number: u64,
        to: &Recipient,
        country: Option<Country>,
        class: Option<Class>,
    ) -> Option<watch::Receiver<()>> {
        let mut questions = self.questions.lock();
        if let Some(asked) = questions.get(&number) {
            return Some(asked.clone());
        }
        let now = Instant::now();
        let providers: Vec<_> = self
            .providers
            .load()
            .iter()
            .filter(|provider| provider.serves(country, class))
            .cloned()
            .collect();
        if !providers.iter().any(|provider| provider.is_free(now)) {
            return None;
        }
        let (known, asked) = watch::channel(());
        questions.insert(number, asked.clone());
        drop(questions);
        let question =
            Question { operators: Arc::clone(self), number, to: to.clone(), country, _known: known };
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(question.ask(providers));
        Some(asked)
    }

    fn remember(&self, number: u64, source: OperatorSource, fact: Fact) {
        let learnt = Learnt {
            number,
            source,
            operator: fact.operator.map(|operator| operator.code().into()),
            known_at: fact.at,
            holds_until: fact.holds_until,
            said_by: (*fact.said_by).into(),
            ported: fact.ported,
        };
        self.cache.lock().put(number, source, fact);
        let mut unwritten = self.unwritten.lock();
        if unwritten.len() < MAX_UNWRITTEN {
            unwritten.push(learnt);
        }
    }

    /// The first that is found in any list.
    fn in_lists<T>(&self, mut find: impl FnMut(&List, Timestamp) -> Option<T>) -> Option<T> {
        let (imports, settings) = (self.imports.load(), self.settings.load());
        imports.iter().chain(&settings.files).find_map(|(list, at)| find(list, *at))
    }

    /// The best that is known without asking anybody.
    fn known(&self, to: &Recipient, now: Timestamp) -> Option<Known> {
        let digits = digits_of(to)?;
        self.by_number(digits)
            .or_else(|| self.learnt(number_of(to)?, now))
            .or_else(|| self.by_prefix(digits))
            .or_else(|| pipeline::Operators::of(&NumberingPlan, to, now))
    }

    fn by_number(&self, digits: &str) -> Option<Known> {
        self.in_lists(|list, at| match list {
            List::Numbers(numbers) => imported(numbers.number(digits), at),
            List::Prefixes(_) | List::Networks(_) => None,
        })
    }

    fn by_prefix(&self, digits: &str) -> Option<Known> {
        self.in_lists(|list, at| match list {
            List::Prefixes(prefixes) => imported(Assigned::prefix(prefixes, digits), at),
            List::Numbers(_) | List::Networks(_) => None,
        })
    }

    /// What a provider said if that holds, else what a receipt did.
    fn learnt(&self, number: u64, now: Timestamp) -> Option<Known> {
        let mut cache = self.cache.lock();
        let facts = cache.get(number)?;
        let known = |fact: &Option<Fact>, source| {
            let fact = fact.as_ref().filter(|fact| fact.holds_until > now)?;
            Some(Known { operator: fact.operator?, source, at: Some(fact.at) })
        };
        known(&facts.lookup, OperatorSource::Lookup)
            .or_else(|| known(&facts.receipt, OperatorSource::Receipt))
    }

    fn was_asked(&self, number: u64, now: Timestamp) -> bool {
        let mut cache = self.cache.lock();
        let lookup = cache.get(number).and_then(|facts| facts.lookup.as_ref());
        lookup.is_some_and(|fact| fact.holds_until > now)
    }
}

/// How acceptance and receipts reach it.
pub struct Door(pub Arc<Operators>);

impl pipeline::Operators for Door {
    fn of(&self, to: &Recipient, now: Timestamp) -> Option<Known> {
        self.0.known(to, now)
    }

    fn ask(&self, to: &Recipient, country: Option<Country>, class: Class, now: Timestamp) -> Option<Asked> {
        let operators = &self.0;
        if operators.providers.load().is_empty() {
            return None;
        }
        let number = number_of(to)?;
        if operators.was_asked(number, now) || operators.by_number(digits_of(to)?).is_some() {
            return None;
        }
        let mut known = operators.question(number, to, country, Some(class))?;
        let wait = operators.settings.load().waits.of(class);
        if wait.is_zero() {
            return None;
        }
        let waiting = Waiting::begin(operators)?;
        Some(Box::pin(async move {
            // Known, or not in time: the message goes on either way.
            tokio::time::timeout(wait, known.changed()).await.ok();
            drop(waiting);
        }))
    }

    fn learn(&self, to: &Recipient, operator: &str, at: Timestamp) {
        let (Some(number), Ok(operator)) = (number_of(to), operator.parse()) else { return };
        let holds_until = at.plus(self.0.settings.load().receipts_hold);
        let fact =
            Fact { operator: Some(operator), at, holds_until, said_by: "receipt".into(), ported: None };
        self.0.remember(number, OperatorSource::Receipt, fact);
    }
}

/// A number that is being asked about. However it ends, whoever waits goes on.
struct Question {
    operators: Arc<Operators>,
    number: u64,
    to: Recipient,
    country: Option<Country>,
    _known: watch::Sender<()>,
}

impl Question {
    /// One provider after the other, until one knows.
    async fn ask(self, providers: Vec<Arc<Provider>>) {
        let Some(digits) = digits_of(&self.to) else { return };
        for provider in providers {
            let began = Instant::now();
            let Some(turn) = provider.turn(began) else { continue };
            let answer = provider.ask(digits, turn).await;
            let settings = &provider.settings;
            let cost = provider.cost(self.country).filter(|_| !matches!(answer, Answer::Failed(_)));
            self.operators.metrics.lookup(&settings.id, answer.as_str(), began.elapsed(), cost);
            let (operator, ported, ttl) = match answer {
                Answer::Found { operator, ported } => (Some(operator), ported, settings.ttl),
                Answer::Absent => (None, None, settings.negative_ttl),
                Answer::Failed(failure) => {
                    tracing::debug!(provider = %settings.id, reason = %failure, "a lookup failed");
                    continue;
                }
            };
            let at = self.operators.clock.now();
            let said_by = Arc::clone(&settings.id);
            let fact = Fact { operator, at, holds_until: at.plus(ttl), said_by, ported };
            self.operators.remember(self.number, OperatorSource::Lookup, fact);
            return;
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.operators.questions.lock().remove(&self.number);
    }
}

/// One of those who wait for an answer.
struct Waiting(Arc<Operators>);

impl Waiting {
    /// None when too many do.
    fn begin(operators: &Arc<Operators>) -> Option<Self> {
        let waiting = Self(Arc::clone(operators));
        (operators.waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn providers(settings: &Settings) -> anyhow::Result<Vec<Arc<Provider>>> {
    settings.providers.iter().map(|one| Ok(Arc::new(Provider::new(one.clone())?))).collect()
}

fn imported(operator: Option<Operator>, at: Timestamp) -> Option<Known> {
    Some(Known { operator: operator?, source: OperatorSource::Import, at: Some(at) })
}

fn fact(learnt: Learnt) -> Fact {
    Fact {
        operator: learnt.operator.and_then(|code| code.parse().ok()),
        at: learnt.known_at,
        holds_until: learnt.holds_until,
        said_by: (*learnt.said_by).into(),
        ported: learnt.ported,
    }
}

fn digits_of(to: &Recipient) -> Option<&str> {
    to.as_str().strip_prefix('+')
}

fn number_of(to: &Recipient) -> Option<u64> {
    digits_of(to)?.parse().ok()
}

#[cfg(test)]
mod tests;
