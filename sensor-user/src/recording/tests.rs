use std::{
    fs,
    io::Read as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use proptest::prelude::*;

use super::{
    frame::{FrameKind, HEAD, Head, PREFIX, prologue},
    test_support::{about, answers, follow, inputs, items, recorded, replayed, tape, unrecorded},
    *,
};
use crate::capture::{FindCgroup as _, FoundCgroup};

/// Inputs of all sorts in three frames.
fn small() -> Vec<u8> {
    recorded(|tape| {
        for (number, input) in inputs().iter().enumerate() {
            tape.input(input);
            tape.answer(&answers()[number % answers().len()]);
            if number % 4 == 3 {
                tape.flush();
            }
        }
    })
}

fn shown() -> Vec<String> {
    inputs().iter().map(|input| format!("{input:?}")).collect()
}

/// Where each frame begins, and the file ends.
fn frame_starts(bytes: &[u8]) -> Vec<usize> {
    let about = u32::from_le_bytes(bytes[12..16].try_into().unwrap());
    let mut at = PREFIX + about as usize;
    let mut starts = vec![at];
    while at < bytes.len() {
        let head = Head::from_bytes(bytes[at..at + HEAD].try_into().unwrap()).unwrap();
        at += HEAD + head.stored as usize;
        starts.push(at);
    }
    starts
}

/// A recording whose frames hold this, whatever it is.
fn made_of(frames: &[&[u8]]) -> Vec<u8> {
    let mut bytes = prologue(&about()).unwrap();
    for (sequence, raw) in (0..).zip(frames) {
        let stored = packed(raw);
        bytes.extend(head(sequence, raw.len(), &stored).to_bytes());
        bytes.extend(stored);
    }
    bytes
}

fn packed(raw: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(raw, 1).unwrap()
}

fn head(sequence: u64, raw: usize, stored: &[u8]) -> Head {
    Head {
        kind: FrameKind::Items,
        sequence,
        raw: u32::try_from(raw).unwrap(),
        stored: u32::try_from(stored.len()).unwrap(),
        lost_before: 0,
        checksum: crc32fast::hash(stored),
    }
}

fn error_of(bytes: &[u8]) -> String {
    replayed(bytes).1.unwrap_err().to_string()
}

#[test]
fn what_is_recorded_is_read_again() {
    let bytes = small();
    let (inputs, ending) = replayed(&bytes);
    assert_eq!(inputs, shown());
    let Ending::Whole(totals) = ending.unwrap() else {
        panic!("it was cut")
    };
    assert_eq!(
        (totals.frames, totals.inputs, totals.records, totals.lost),
        (3, shown().len() as u64, 2, 0)
    );
    let mut recording = Recording::read(std::io::Cursor::new(bytes)).unwrap();
    assert_eq!(*recording.about(), about());
    let last = recording.inputs();
    while recording.next_input().unwrap().is_some() {}
    assert_eq!(recording.inputs(), last + shown().len() as u64);
}

#[test]
fn an_answer_belongs_to_the_input_before_it() {
    let bytes = recorded(|tape| {
        // Of an input that was lost.
        tape.answer(&Answer::Unrecorded(unrecorded(9)));
        tape.input(&Input::Reading);
        for answer in answers() {
            tape.answer(&answer);
            // However the frames are cut.
            tape.flush();
        }
        tape.input(&Input::Scanned);
    });
    let mut recording = Recording::read(std::io::Cursor::new(bytes)).unwrap();
    let mut answers = recording.answers();
    assert_eq!(recording.next_input().unwrap(), Some(Input::Reading));
    assert_eq!(follow(&mut answers, b"/a/b"), Some(b"/c".to_vec()));
    assert_eq!(follow(&mut answers, b"/gone"), None);
    assert_eq!(answers.missing(), 0);
    let mut told = Vec::new();
    answers.unrecorded_of(unrecorded(2).process, &mut told);
    assert_eq!(told, [unrecorded(2)]);
    answers.unrecorded(&mut told);
    assert_eq!(told, [unrecorded(2), unrecorded(1)]);

    assert_eq!(recording.next_input().unwrap(), Some(Input::Scanned));
    answers.unrecorded(&mut told);
    assert_eq!(told.len(), 2);
    assert_eq!(follow(&mut answers, b"/a/b"), None);
    assert_eq!(answers.missing(), 1);
    // A cgroup keeps its id.
    assert_eq!(answers.find(9), FoundCgroup::Path(b"/x".to_vec()));
    assert_eq!(answers.find(10), FoundCgroup::Gone);
    assert_eq!(answers.find(11), FoundCgroup::Unknown);
    assert_eq!(answers.missing(), 1);
    assert_eq!(answers.find(12), FoundCgroup::Unknown);
    assert_eq!(answers.missing(), 2);
    assert_eq!(recording.next_input().unwrap(), None);
}

#[test]
fn wherever_it_is_cut_whole_frames_are_read_and_the_cut_is_told() {
    let bytes = small();
    let starts = frame_starts(&bytes);
    assert_eq!(starts.len(), 5);
    for length in 0..bytes.len() {
        let (inputs, ending) = replayed(&bytes[..length]);
        if length < starts[0] {
            assert!(inputs.is_empty());
            match ending.unwrap_err() {
                RecordingError::Foreign => assert_eq!(length, 0),
                RecordingError::NoHeader { found } => assert_eq!(found, length as u64),
                other => panic!("{length}: {other}"),
            }
            continue;
        }
        let whole = starts.iter().filter(|&&start| start <= length).count() - 1;
        assert_eq!(
            ending.unwrap(),
            Ending::Cut {
                frames: whole as u64,
                offset: starts[whole] as u64
            },
            "{length}"
        );
        let expected = (whole * 4).min(shown().len());
        assert_eq!(inputs, shown()[..expected], "{length}");
    }
}

#[test]
fn a_flipped_bit_is_found_and_its_frame_is_named() {
    let bytes = small();
    let starts = frame_starts(&bytes);
    for at in 0..bytes.len() {
        for bit in [0, 3, 7] {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << bit;
            let (inputs, ending) = replayed(&bent);
            let error = ending.unwrap_err();
            let frame = starts.iter().filter(|&&start| start <= at).count();
            let Some(frame) = frame.checked_sub(1) else {
                assert!(inputs.is_empty(), "{at}: {error}");
                continue;
            };
            let RecordingError::Damaged { number, offset, .. } = &error else {
                panic!("{at}: {error}")
            };
            assert_eq!(
                (*number, *offset),
                (frame as u64, starts[frame] as u64),
                "{error}"
            );
            // An input that waits for the answers of the next frame is not given out.
            let before = (frame * 4).saturating_sub(1).min(inputs.len());
            assert_eq!(inputs, shown()[..inputs.len()]);
            assert_eq!(inputs.len(), before, "{at}");
        }
    }
}

#[test]
fn lengths_beyond_the_bounds_are_refused_before_room_is_made() {
    let stored = packed(&[0; 16]);
    let whole = head(0, 16, &stored);
    for (head, expected) in [
        (
            Head {
                raw: u32::MAX,
                ..whole
            },
            "4294967295 bytes uncompressed, allowed are 524288",
        ),
        (
            Head {
                stored: u32::MAX,
                ..whole
            },
            "4294967295 bytes compressed, allowed are",
        ),
        (
            Head { raw: 17, ..whole },
            "16 bytes unpacked, its head says 17",
        ),
        (Head { raw: 15, ..whole }, "cannot be unpacked"),
        (
            Head {
                sequence: 1,
                ..whole
            },
            "it says that it is frame 1",
        ),
    ] {
        let mut bytes = prologue(&about()).unwrap();
        let at = bytes.len();
        bytes.extend(head.to_bytes());
        bytes.extend(&stored);
        let error = error_of(&bytes);
        assert!(
            error.starts_with(&format!("frame 0 at offset {at} is damaged: "))
                && error.contains(expected),
            "{error}"
        );
    }
    let mut bytes = prologue(&about()).unwrap();
    bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = error_of(&bytes);
    assert!(
        error.contains("4294967295 bytes, allowed are 65536"),
        "{error}"
    );
}

#[test]
fn what_unpacks_to_more_than_it_says_is_refused() {
    let bomb = vec![0; 64 << 20];
    let stored = packed(&bomb);
    assert!(stored.len() < STORED_MAX);
    let mut bytes = prologue(&about()).unwrap();
    bytes.extend(head(0, RAW_MAX, &stored).to_bytes());
    bytes.extend(stored);
    let error = error_of(&bytes);
    assert!(error.contains("cannot be unpacked"), "{error}");
}

#[test]
fn lengths_within_items_are_bounded_by_their_frame() {
    // A record and a cgroup of 2^63 bytes, and a process without an end.
    let long = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1];
    for item in [
        [&[4][..], &long].concat(),
        [&[1, 7][..], &long].concat(),
        vec![2; 40],
        vec![6, 1, 1, 1, 0xff],
        vec![0],
        vec![0x7f],
        vec![0xff],
    ] {
        let error = error_of(&made_of(&[&[7], &item]));
        assert!(error.contains("no item begins at byte 0"), "{error}");
        assert!(error.starts_with("frame 1 at offset "), "{error}");
    }
}

#[test]
fn a_version_or_a_file_of_another_kind_is_refused() {
    let mut bytes = small();
    bytes[8] = 2;
    let error = error_of(&bytes);
    assert!(
        error.contains("version 2") && error.contains("reads version 1"),
        "{error}"
    );
    for foreign in [&b""[..], b"{\"schema\"", b"SNSRREX\x1a"] {
        assert!(error_of(foreign).contains("no recording"), "{foreign:?}");
    }
}

#[test]
fn zeros_at_the_end_are_a_cut_and_anything_else_is_not() {
    let bytes = small();
    let starts = frame_starts(&bytes);
    let mut cut = bytes[..starts[2]].to_vec();
    for zeros in [1, HEAD, 100_000] {
        cut.resize(starts[2] + zeros, 0);
        let ending = replayed(&cut).1.unwrap();
        assert_eq!(
            ending,
            Ending::Cut {
                frames: 2,
                offset: starts[2] as u64
            }
        );
    }
    cut.push(1);
    assert!(error_of(&cut).starts_with("frame 2 at offset"));
    let error = error_of(&[&bytes[..], b"more"].concat());
    assert!(
        error.starts_with("4 bytes or more follow the end"),
        "{error}"
    );
}

#[test]
fn a_frame_that_is_missing_in_the_middle_is_told() {
    let bytes = small();
    let starts = frame_starts(&bytes);
    let without = [&bytes[..starts[1]], &bytes[starts[2]..]].concat();
    let error = error_of(&without);
    assert!(
        error.contains("frame 1") && error.contains("it is frame 2"),
        "{error}"
    );
}

#[test]
fn the_file_is_for_its_owner_and_is_not_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording");
    // One that was never begun leaves nothing.
    drop(RecordingFile::create(&path, false).unwrap());
    assert!(!path.exists());
    tape(&path).finish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);

    let error = RecordingFile::create(&path, false).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(path.to_str().unwrap()) && text.contains("--force"),
        "{text}"
    );
    fs::write(&path, "x".repeat(100_000)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    // What is there is kept until something comes in its place.
    drop(RecordingFile::create(&path, true).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().len(), 100_000);
    let file = RecordingFile::create(&path, true).unwrap();
    let tape = file.begin(&about()).unwrap();
    tape.input(&Input::Reading);
    tape.finish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(replayed(&fs::read(&path).unwrap()).0, ["Reading"]);
}

#[test]
fn what_is_flushed_is_there_when_the_sensor_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording");
    let tape = tape(&path);
    tape.input(&Input::Reading);
    tape.flush();
    tape.input(&Input::Scanned);
    while tape.progress().inputs < 1 {
        std::thread::yield_now();
    }
    let (inputs, ending) = replayed(&fs::read(&path).unwrap());
    assert_eq!(inputs, ["Reading"]);
    assert!(matches!(ending, Ok(Ending::Cut { frames: 1, .. })));
}

#[test]
fn what_finds_no_room_in_the_queue_is_counted_and_told() {
    let (mut reader, pipe) = std::io::pipe().unwrap();
    let file = fs::File::from(std::os::fd::OwnedFd::from(pipe));
    let tape = Tape::new(writer::start(file, 0).unwrap());
    // Nobody reads: the thread is stuck with a frame that the pipe has no room for.
    let mut state = 88_172_645_463_325_252_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        // Marsaglia's xorshift: nothing that could be packed.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state & 0xff) as u8
    })
    .take(200_000)
    .collect();
    let sent = QUEUE_FRAMES as u64 + 20;
    for _ in 0..sent {
        tape.input(&Input::Record(&noise));
        tape.flush();
    }
    let lost = tape.progress().lost;
    assert!((19..=20).contains(&lost), "{lost}");
    let mut bytes = prologue(&about()).unwrap();
    let rest = std::thread::spawn(move || {
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    });
    // Now there is room.
    while tape.progress().records < 2 {
        std::thread::yield_now();
    }
    tape.input(&Input::Reading);
    let totals = tape.finish().unwrap();
    drop(tape);
    let bytes = rest.join().unwrap();
    assert_eq!((totals.inputs + totals.lost, totals.lost), (sent + 1, lost));

    let mut recording = Recording::read(std::io::Cursor::new(bytes)).unwrap();
    while recording.next_input().unwrap().is_some() {}
    assert_eq!(recording.lost(), lost);
    assert_eq!(recording.inputs(), sent + 1 - lost);
    assert_eq!(recording.ending(), Some(Ending::Whole(totals)));
}

#[test]
fn a_full_disk_is_told() {
    let device = std::path::Path::new("/dev/full");
    let error = RecordingFile::create(device, true)
        .unwrap()
        .begin(&about())
        .unwrap_err();
    assert!(error.to_string().contains("/dev/full"), "{error}");
    let file = fs::OpenOptions::new().write(true).open(device).unwrap();
    let tape = Tape::new(writer::start(file, 0).unwrap());
    tape.input(&Input::Reading);
    let error = tape.finish().unwrap_err();
    assert!(
        error.to_string().contains("end of the recording"),
        "{error}"
    );
    assert_eq!(tape.progress().lost, 1);
}

#[test]
fn large_inputs_go_where_there_is_room_or_are_counted() {
    let large = vec![7; RAW_MAX - 100];
    let larger = vec![8; RAW_MAX];
    let bytes = recorded(|tape| {
        tape.input(&Input::Record(&[1; 1_000]));
        tape.input(&Input::Record(&large));
        tape.input(&Input::Record(&larger));
        tape.input(&Input::Reading);
        assert_eq!(tape.progress().lost, 1);
    });
    let mut recording = Recording::read(std::io::Cursor::new(bytes)).unwrap();
    let mut lengths = Vec::new();
    while let Some(input) = recording.next_input().unwrap() {
        lengths.push(match input {
            Input::Record(record) => record.len(),
            _ => 0,
        });
    }
    assert_eq!(lengths, [1_000, large.len(), 0]);
    assert_eq!(recording.lost(), 1);
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = replayed(&bytes);
        // With a head that says so, nothing stands before the items.
        let (inputs, _) = replayed(&made_of(&[&bytes]));
        prop_assert!(inputs.len() <= bytes.len());
    }

    #[test]
    fn no_change_of_items_makes_it_panic(
        at in 0..4_000_usize,
        value: u8,
        length in 0..4_000_usize,
    ) {
        let mut items = items(inputs());
        let at = at % items.len();
        items[at] = value;
        items.truncate(items.len() - length % items.len());
        let _ = replayed(&made_of(&[&items]));
    }
}
