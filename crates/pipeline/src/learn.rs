//! What becomes of messages reaches the adaptive engine, and what it believes reaches decisions.
//!
//! Whoever has news leaves it in a queue, which takes no lock and wakes nobody while messages flow. One task owns the
//! engine, empties the queue several times a second, and publishes what is believed: once a second, and at once when a
//! verdict or a circuit changes it. Waiting messages are planned anew when their turn comes, so that moves them, too.
//! News that the queue has no room for is lost: one observation among many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::attempt::{Attempt, Outcome, State, Verdict as Said};
use domain::plan::{DrawFlags, Probing};
use domain::record::Answer as Submitted;
use domain::{ConnectionId, Message, Record, Timestamp, Verdict, VerdictId};
use routing::learning::{Answer, ArmStats, Destination, Learner, News, Stage, Turned, Vendors, What};
use store::{Adaptive, Reader, VerdictQuery, Write};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::commitments::Agreements;
use crate::core::Core;
use crate::writer::Urgency;

/// News that wait at most: some seconds of a busy gateway.
const ROOM: usize = 65_536;
/// How often news is heard.
const HEAR: Duration = Duration::from_millis(100);
/// How often the engine judges.
const TICK: Duration = Duration::from_secs(1);
/// How often what was learned is saved, and how many bytes a second that may come to.
const SAVE: Duration = Duration::from_secs(10);
const SAVED_A_SECOND: usize = 256 * 1024;

/// Where news is left, and questions are asked.
pub(crate) struct Feedback {
    sender: mpsc::Sender<News>,
    questions: mpsc::Sender<Question>,
    lost: AtomicU64,
}

/// What is known of every arm.
type Question = oneshot::Sender<Vec<ArmStats>>;

/// The other end of `Feedback`.
pub(crate) struct Heard {
    news: mpsc::Receiver<News>,
    questions: mpsc::Receiver<Question>,
}

impl Feedback {
    pub(crate) fn new() -> (Self, Heard) {
        let (sender, news) = mpsc::channel(ROOM);
        let (ask, questions) = mpsc::channel(1);
        (Self { sender, questions: ask, lost: AtomicU64::new(0) }, Heard { news, questions })
    }

    /// What the engine knows of every arm that has had traffic. None once the gateway ends.
    pub(crate) async fn stats(&self) -> Option<Vec<ArmStats>> {
        let (question, answer) = oneshot::channel();
        self.questions.send(question).await.ok()?;
        answer.await.ok()
    }

    /// How many news there was no room for.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn tell(&self, message: &Message, at: Timestamp, what: What) {
        let news = News {
            at,
            app: message.app.clone(),
            class: message.class,
            to: Destination::new(message.country, message.operator.as_deref()),
            what,
        };
        if self.sender.try_send(news).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A message is to be sent, and the engine had these to choose from.
    pub(crate) fn wanted(&self, message: &Message, allowed: Vendors) {
        if allowed != Vendors::default() {
            self.tell(message, message.created_at, What::Wanted { allowed });
        }
    }

    /// An answer to a submit is stored.
    pub(crate) fn answered(&self, record: &Record, attempt: &Attempt, answer: Told, now: Timestamp) {
        let connection = attempt.connection.clone();
        let is_own = record.plan.as_ref().and_then(|plan| plan.probing) == Some(Probing::TestNumber);
        let is_test = is_own && attempt.drawn.is_some_and(|drawn| drawn.flags.contains(DrawFlags::PROBE));
        let told = |answer| What::Answered {
            connection: connection.clone(),
            // Of the text that it sent.
            segments: u8::try_from(attempt.parts.len()).unwrap_or(u8::MAX),
            answer,
            is_test,
        };
        match (answer, attempt.outcome) {
            (Told::Busy, _) => self.tell(&record.message, now, told(Answer::Throttled)),
            (Told::Final, Some(outcome)) if attempt.state == State::Answered => {
                let at = attempt.answered_at.unwrap_or(now);
                let answer = match outcome {
                    Outcome::Accepted => Answer::Accepted,
                    Outcome::Rejected => Answer::Rejected,
                    Outcome::Unknown => Answer::Failed,
                };
                self.tell(&record.message, at, told(answer));
                // A receipt that came before its response was applied with it.
                if attempt.receipt_at.is_some_and(|receipt_at| receipt_at >= at) {
                    self.receipt_of(record, attempt);
                }
            }
            (Told::Final | Told::LineLost, _) => {}
        }
    }

    /// A receipt is stored that was received at that instant.
    pub(crate) fn receipt(&self, record: &Record, connection: &ConnectionId, received_at: Timestamp) {
        // One that was stored earlier says nothing new.
        let is_new = |attempt: &&Attempt| {
            attempt.connection == *connection && attempt.receipt_at.is_some_and(|at| at >= received_at)
        };
        if let Some(attempt) = record.attempts.iter().rfind(is_new) {
            self.receipt_of(record, attempt);
        }
    }

    fn receipt_of(&self, record: &Record, attempt: &Attempt) {
        let (Some(said), Some(at), Some(sent_at)) =
            (attempt.receipt, attempt.receipt_at, attempt.answered_at)
        else {
            return;
        };
        let delivered = match said {
            Said::Delivered => true,
            Said::Undelivered | Said::Expired => false,
        };
        let what = What::Receipt { connection: attempt.connection.clone(), sent_at, delivered };
        self.tell(&record.message, at, what);
    }

    /// The application said whether its user acted.
    pub(crate) fn converted(&self, record: &Record, converted: bool, now: Timestamp) {
        let accepted = || record.attempts.iter().filter(|attempt| attempt.outcome == Some(Outcome::Accepted));
        let delivered = accepted().rfind(|attempt| attempt.receipt == Some(Said::Delivered));
        let of = delivered.or_else(|| accepted().next_back());
        let of = of.and_then(|attempt| Some((attempt.connection.clone(), attempt.answered_at?)));
        self.tell(&record.message, now, What::Conversion { of, converted });
    }
}

/// What an answer to a submit says of the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Busy,
    /// The line broke: its connection knows that better, and as soon.
    LineLost,
    /// What the parts come to together.
    Final,
}

impl Told {
    pub(crate) fn of(answer: &Submitted) -> Self {
        match answer {
            Submitted::Busy { .. } => Self::Busy,
            Submitted::Unknown { line_lost: true } | Submitted::NotSent => Self::LineLost,
            Submitted::Accepted { .. }
            | Submitted::Rejected { .. }
            | Submitted::Unclear { .. }
            | Submitted::Unknown { line_lost: false } => Self::Final,
        }
    }
}

/// What an earlier run learned, or nothing.
pub(crate) fn load(table: &Arc<routing::Table>, reader: &dyn Reader, now: Timestamp) -> Learner {
    let anew = || Learner::new(Arc::clone(table), now, 0);
    let saved = match reader.adaptive_state() {
        Ok(Some(saved)) => saved,
        Ok(None) => return anew(),
        Err(error) => {
            tracing::error!(%error, "what the adaptive engine learned cannot be read: it learns anew");
            return anew();
        }
    };
    match Learner::restore(&saved.bytes, Arc::clone(table), now) {
        Ok(learner) => {
            tracing::info!(saved_at = %saved.saved_at, verdicts = learner.open().len(), "what the adaptive engine learned is taken up");
            learner
        }
        Err(reason) => {
            tracing::warn!(saved_at = %saved.saved_at, %reason, "what the adaptive engine learned is discarded: it learns anew");
            anew()
        }
    }
}

/// Ends the verdicts that the store has and the engine does not know: a crash took the moment in which it was raised, or
/// what was learned was discarded. What of it still holds is found anew.
pub(crate) fn end_unknown(core: &Core, learner: &Learner) {
    let query = VerdictQuery { is_open: Some(true), limit: usize::MAX, ..VerdictQuery::default() };
    let open = match core.reader.verdicts(&query) {
        Ok(open) => open,
        Err(error) => {
            tracing::error!(%error, "the verdicts of the last run cannot be read: they stay as they are");
            return;
        }
    };
    let now = core.clock.now();
    let is_known = |verdict: &Verdict| learner.open().iter().any(|known| known.id == verdict.id);
    for mut verdict in open.into_iter().filter(|verdict| !is_known(verdict)) {
        tracing::info!(verdict = %verdict.id, kind = %verdict.kind, scope = %verdict.scope, "a verdict of the last run is not known any more");
        verdict.recovered_at = Some(now);
        write(core, Adaptive::Verdict(Box::new(verdict)));
    }
}

/// Owns the engine until `stop` is told or dropped; then what was learned is saved.
pub(crate) async fn run(core: Arc<Core>, learner: Learner, heard: Heard, stop: oneshot::Receiver<()>) {
    let now = Instant::now();
    let table = core.tables.load().base.version();
    let mut task = Task {
        core,
        learner,
        heard,
        table,
        agreements: Arc::default(),
        judged_at: now,
        save_at: now + SAVE,
        save_not_before: now,
        is_busy: false,
        has_news: false,
    };
    task.warn_of_many();
    let mut stop = stop;
    loop {
        let is_over = tokio::select! {
            biased;
            _ = &mut stop => true,
            () = task.wait() => false,
        };
        task.hear();
        if is_over {
            task.save();
            return;
        }
        task.judge();
    }
}

struct Task {
    core: Arc<Core>,
    learner: Learner,
    heard: Heard,
    /// The version of the table that the learner knows.
    table: u64,
    /// What it knows to be agreed with vendors.
    agreements: Arc<Agreements>,
    judged_at: Instant,
    save_at: Instant,
    /// Sooner it is not saved, however much there is to say: it may be large.
    save_not_before: Instant,
    /// The last look found news.
    is_busy: bool,
    /// Since what was learned was last saved.
    has_news: bool,
}

impl Task {
    /// While nothing is told, the first news wakes; while there is news, nobody has to.
    async fn wait(&mut self) {
        if self.is_busy {
            tokio::time::sleep(HEAR).await;
            return;
        }
        let left = TICK.saturating_sub(self.judged_at.elapsed()).max(HEAR);
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            Some(question) = self.heard.questions.recv() => self.answer(question),
            Some(news) = self.heard.news.recv() => {
                self.learner.hear(&news);
                (self.is_busy, self.has_news) = (true, true);
                tokio::time::sleep(HEAR).await;
            }
        }
    }

    fn answer(&self, question: Question) {
        // Whoever asked may have gone.
        drop(question.send(self.learner.stats()));
    }

    fn hear(&mut self) {
        let mut count = 0;
        while count < ROOM
            && let Ok(news) = self.heard.news.try_recv()
        {
            self.learner.hear(&news);
            count += 1;
        }
        if let Ok(question) = self.heard.questions.try_recv() {
            self.answer(question);
        }
        self.is_busy = count > 0;
        self.has_news |= self.is_busy;
    }

    fn judge(&mut self) {
        let now = self.core.clock.now();
        let table = Arc::clone(&self.core.tables.load().base);
        if table.version() != self.table {
            self.table = table.version();
            self.learner.configure(table, now);
            self.warn_of_many();
        }
        let agreements = self.core.commitments.agreements();
        if !Arc::ptr_eq(&agreements, &self.agreements) {
            self.learner.agree(agreements.throughput.clone());
            self.agreements = agreements;
        }
        let new_id = || VerdictId::from_u128(self.core.new_id(now).as_u128());
        let is_due = self.judged_at.elapsed() >= TICK;
        let turned = if is_due {
            self.judged_at = Instant::now();
            self.learner.favour(self.core.commitments.paces().as_ref().clone());
            self.learner.tick(now, new_id)
        } else {
            self.learner.turned(now, new_id)
        };
        if let Some(beliefs) = self.learner.publish() {
            // In between there is another version when a circuit turned, and the same when a message of a new kind came:
            // for that nobody waits.
            let is_other = beliefs.version() != self.core.beliefs.load().version();
            self.core.beliefs.store(Arc::new(beliefs));
            if !turned.is_empty() || (is_other && !is_due) {
                self.core.dispatch.all_changed();
            }
        }
        if !turned.is_empty() {
            // A crash is not to bring back what a verdict says of the moment before.
            (self.save_at, self.has_news) = (self.save_not_before, true);
        }
        for turned in turned {
            conclude(&self.core, turned);
        }
        if self.has_news && Instant::now() >= self.save_at {
            self.save();
        }
    }

    fn save(&mut self) {
        let state = self.learner.save(self.core.clock.now());
        let seconds = u64::try_from(state.len() / SAVED_A_SECOND).unwrap_or(u64::MAX);
        self.save_not_before = Instant::now() + Duration::from_secs(seconds);
        self.save_at = self.save_not_before.max(Instant::now() + SAVE);
        self.has_news = false;
        write(&self.core, Adaptive::State(state.into()));
    }

    fn warn_of_many(&self) {
        let count = self.learner.not_told_apart();
        if count > 0 {
            tracing::warn!(count, "connections are not learned about: the adaptive engine tells 128 apart");
        }
    }
}

/// A verdict is told, kept and counted.
fn conclude(core: &Core, turned: Turned) {
    let Turned { verdict, stage } = turned;
    let Verdict { id, kind, scope, .. } = &verdict;
    match stage {
        Stage::Raised => {
            tracing::warn!(verdict = %id, %kind, %scope, because = verdict.explanation(), "a verdict is raised");
        }
        Stage::Revised => {
            tracing::warn!(verdict = %id, %kind, %scope, because = verdict.explanation(), "a verdict is revised");
        }
        Stage::Recovered => {
            tracing::info!(verdict = %id, %kind, %scope, raised_at = %verdict.raised_at, "a verdict is over");
        }
    }
    core.observer.verdict(verdict.kind, stage);
    write(core, Adaptive::Verdict(Box::new(verdict)));
}

fn write(core: &Core, learned: Adaptive) {
    let then = |written: Result<_, crate::writer::NotWritten>| {
        if let Err(not_written) = written {
            tracing::warn!(%not_written, "what the adaptive engine has to say is not written");
        }
    };
    core.writer.write(Urgency::Offer, Write::Adaptive(learned), Box::new(then));
}
