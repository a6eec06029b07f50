//! Applications: each sends its messages, repeats what was not answered, takes some back, and tells of some others.

use std::sync::Arc;
use std::time::Duration;

use domain::{AppId, Channel, Class, MessageId};
use pipeline::{Acceptance, Conversion, Refused, Request, Stepped};
use store::write::Idempotency;
use tokio::time::Instant;

use crate::world::World;

/// Sends `count` messages within `within`.
pub(crate) async fn run(world: Arc<World>, app: AppId, count: u64, within: Duration) {
    let gap = u64::try_from(within.as_millis()).unwrap() / count;
    for number in 0..count {
        // Several at once, now and then.
        if !world.chance(300) {
            tokio::time::sleep(world.millis(0, 2 * gap)).await;
        }
        world.spawn(follow(Arc::clone(&world), draw(&world, &app, number)));
    }
}

fn draw(world: &World, app: &AppId, number: u64) -> Request {
    let mut text = format!("{number} from {app}. ");
    if world.chance(200) {
        text.push_str(&"a long text ".repeat(usize::try_from(world.between(15, 35)).unwrap()));
    }
    let send_at = world.chance(150).then(|| world.wall().plus(world.millis(500, 15_000)));
    let validity = world.chance(400).then(|| {
        Duration::from_secs(if send_at.is_some() { world.between(20, 60) } else { world.between(2, 60) })
    });
    let class = match world.between(0, 3) {
        0 => Some(Class::Otp),
        1 => Some(Class::Transactional),
        2 => Some(Class::Marketing),
        _ => None,
    };
    let key = format!("{app}-{number}");
    let idempotency = world.chance(700).then(|| Idempotency { key: key.into(), fingerprint: [7; 32] });
    let callback_url = world.chance(200).then(|| format!("http://{app}.example/called/{number}").into());
    Request {
        app: app.clone(),
        to: format!("+49151123456{:02}", world.between(0, 9)),
        from: None,
        channel: Channel::Sms,
        class,
        text,
        validity,
        send_at,
        max_price: None,
        reference: None,
        metadata: None,
        callback_url,
        no_probe: world.chance(100),
        by_smpp: None,
        id: None,
        idempotency,
    }
}

async fn follow(world: Arc<World>, request: Request) {
    let Some(message) = accepted(&world, &request).await else { return };
    if world.chance(100) {
        tokio::time::sleep(world.millis(0, 1500)).await;
        cancel(&world, message).await;
    }
    if world.chance(150) {
        tokio::time::sleep(world.millis(100, 10_000)).await;
        convert(&world, message).await;
    }
}

/// Asks until it is told that the message is accepted, as long as it may without sending twice.
async fn accepted(world: &World, request: &Request) -> Option<MessageId> {
    for _ in 0..20 {
        let Some(process) = world.process() else {
            tokio::time::sleep(world.millis(50, 1000)).await;
            continue;
        };
        let sending = process.pipeline.send(request.clone());
        drop(process);
        let patience = world.millis(100, 8000);
        let before = Instant::now();
        let answer = tokio::time::timeout(patience, sending.accepted()).await;
        match answer {
            Ok(Ok(Acceptance { record, replayed })) => {
                let id = record.message.id;
                world.note(|| format!("{} is told that {id} is accepted, replayed: {replayed}", request.app));
                let process = world.process();
                if process.is_some_and(|process| process.record(id).is_none()) {
                    world.complain(format!("{id} is accepted and is not in the store"));
                }
                let key = request
                    .idempotency
                    .as_ref()
                    .map(|idempotency| (request.app.clone(), idempotency.key.to_string()));
                world.judge.acknowledged(id, key);
                return Some(id);
            }
            Ok(Err(Refused::NotWritten(_) | Refused::KeyInFlight)) | Err(_) => {}
            // The clock may have jumped since the request was made.
            Ok(Err(Refused::BadSchedule)) => return None,
            Ok(Err(refused)) => {
                world.complain(format!("{request:?} was refused: {refused}"));
                return None;
            }
        }
        world.note(|| format!("no answer for {:?} after {:?}", request.text.get(..12), before.elapsed()));
        // Without a key a repeat would be another message.
        request.idempotency.as_ref()?;
        tokio::time::sleep(world.millis(10, 1500)).await;
    }
    None
}

async fn cancel(world: &World, message: MessageId) {
    let Some(process) = world.process() else { return };
    let cancelling = process.ask(|pipeline| async move { pipeline.cancel(message).await });
    drop(process);
    // When the process ends meanwhile there is no answer, and whether it was taken back shows later.
    if let Ok(Ok(Ok(Stepped::Done(_)))) = tokio::time::timeout(Duration::from_secs(3), cancelling).await {
        world.note(|| format!("{message} is taken back"));
        world.judge.seen(|seen| seen.cancelled.insert(message));
    }
}

async fn convert(world: &World, message: MessageId) {
    let Some(process) = world.process() else { return };
    let conversion = Conversion { converted: world.chance(500), at: world.wall() };
    let converting = process.ask(move |pipeline| async move { pipeline.convert(message, conversion).await });
    drop(process);
    if let Ok(Ok(Ok(Stepped::Done(_)))) = tokio::time::timeout(Duration::from_secs(3), converting).await {
        world.note(|| format!("{message} is converted: {}", conversion.converted));
        world.judge.seen(|seen| seen.converted.insert(message, conversion.converted));
    }
}
