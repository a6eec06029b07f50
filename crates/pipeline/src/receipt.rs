//! Stage four: a vendor says what became of a part. It is answered only once that is stored.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use connectors::ReceiptReport;
use domain::{ConnectionId, Stage};
use store::write::Receipt;
use store::{Write, Written};

use crate::core::Core;
use crate::observe::VendorError;
use crate::worker;
use crate::writer::{NotWritten, Urgency};

/// Receipts of a connection, in one batch. What cannot be taken is dropped, and the vendor repeats it.
pub(crate) fn received(core: &Arc<Core>, connection: &ConnectionId, batch: &mut Vec<ReceiptReport>) {
    let refused = !core.writer.takes_receipts();
    // Told when it begins and when it ends: vendors repeat what is refused, a thousand times a second where it is much.
    match (core.receipts_are_refused.swap(refused, Ordering::Relaxed), refused) {
        (false, true) => {
            tracing::warn!(%connection, is_writing = core.writer.is_writing(), "receipts are refused until more can be written");
        }
        (true, false) => tracing::info!(%connection, "receipts are taken again"),
        (true, true) | (false, false) => {}
    }
    if refused {
        batch.clear();
        return;
    }
    let received_at = core.clock.now();
    for report in batch.drain(..) {
        let is_final = report.news.verdict.is_some();
        let error = report.is_error.then(|| (report.news.word.clone(), report.news.class));
        let receipt = Receipt {
            connection: connection.clone(),
            vendor_id: report.vendor_id,
            news: report.news,
            received_at,
        };
        let after = Arc::clone(core);
        let reply = report.reply;
        let operator = report.operator;
        let connection = connection.clone();
        let then = move |result: Result<Written, NotWritten>| {
            if let (Some((code, class)), Ok(written)) = (&error, &result) {
                let told = if let Written::Applied { record, .. } = written {
                    Some(record.message.id)
                } else {
                    None
                };
                after.observer.vendor_error(VendorError {
                    connection: &connection,
                    stage: Stage::Receipt,
                    code,
                    class: *class,
                    message: told,
                    at: received_at,
                });
            }
            match &result {
                Ok(Written::Held) => after.observer.receipt_held(&connection),
                Ok(Written::Applied { record, .. }) if is_final => {
                    observe(&after, record);
                    after.feedback.receipt(record, &connection, received_at);
                }
                Ok(_) => {}
                // Unanswered: the vendor sends it again.
                Err(_) => return,
            }
            if let (Some(operator), Ok(Written::Applied { record, .. })) = (operator, &result) {
                after.operators.learn(&record.message.to, &operator, received_at);
            }
            reply.stored();
            worker::follow(&after, result);
        };
        core.writer.write(Urgency::Offer, Write::Receipt(receipt), Box::new(then));
    }
}

fn observe(core: &Core, record: &domain::Record) {
    let latest = record.attempts.iter().max_by_key(|attempt| attempt.receipt_at);
    if let Some((attempt, at)) = latest.and_then(|attempt| Some((attempt, attempt.receipt_at?))) {
        let since = attempt.dispatched_at.unwrap_or(at);
        core.observer.receipt(&attempt.route, attempt.status(), at.since(since));
    }
}
