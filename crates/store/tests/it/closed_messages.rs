//! The small form of the example of that name: many closed messages stay small on disk.

use store::sqlite::{self, Options};

#[path = "../../examples/traffic/run.rs"]
#[expect(dead_code, reason = "the examples measure more than a test can assert")]
mod run;

use run::{BATCH, Run, bytes_in};

#[test]
fn a_closed_message_takes_little_room() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader) = sqlite::open(folder.path(), &Options::default()).unwrap();
    let mut run = Run::default();
    // Four days, so that sealed files are closed and opened in between.
    let batches = 20_000_usize.div_ceil(BATCH);
    for batch in 0..batches {
        run.now += 4 * 24 * 3_600_000 / i64::try_from(batches).unwrap();
        run.commit(&mut writer);
        if batch % 16 == 0 {
            run.tidy(&mut writer);
        }
    }
    run.drain(&mut writer);
    drop((writer, reader));
    let bytes = bytes_in(folder.path()) / run.sent as u64;
    assert!(bytes <= 1200, "{bytes} bytes per message");
    let verified = sqlite::verify(folder.path(), &mut |_| {}).unwrap();
    assert_eq!((verified.messages, verified.problems), (run.sent as u64, vec![]));
}
