use std::{
    fmt,
    fs::File,
    io::Read,
    path::Path,
    sync::mpsc::{Receiver, sync_channel},
};

use super::{
    Answers, Ending, Frames, Input, Item, RecordingError, Totals, about::About, bytes::Taker,
    item::is_answer,
};

/// Frames that are unpacked ahead: 4 MiB at most.
const AHEAD: usize = 8;

/// A recording that is read: input by input, each with the answers to what is asked
/// while it is taken in.
pub struct Recording {
    about: About,
    next: Box<dyn FnMut() -> Step>,
    answers: Answers,
    frame: Frame,
    /// The frame before, while an input of it waits for answers of this one.
    held: Frame,
    ending: Option<Ending>,
    lost: u64,
    inputs: u64,
}

/// A frame, or the end.
type Step = Result<Reached, RecordingError>;

enum Reached {
    /// A frame, with the inputs that were lost up to its end.
    Frame(Frame, u64),
    /// The end, likewise.
    End(Ending, u64),
}

/// Items, and how far they were taken.
#[derive(Default)]
struct Frame {
    items: Vec<u8>,
    at: usize,
    /// Number of the frame.
    number: u64,
    /// Byte of the file where it ends.
    end: u64,
}

impl Recording {
    /// Opens a file, and unpacks it in a thread of its own.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let file = File::open(path).map_err(|source| RecordingError::Open {
            path: path.to_owned(),
            source,
        })?;
        let (about, mut frames) = Frames::open(file)?;
        let (sender, receiver) = sync_channel(AHEAD);
        std::thread::Builder::new()
            .name(String::from("unpacking"))
            .spawn(move || {
                loop {
                    let step = step(&mut frames);
                    let more = matches!(step, Ok(Reached::Frame(..)));
                    // Whoever replays may have stopped.
                    if sender.send(step).is_err() || !more {
                        break;
                    }
                }
            })
            .map_err(RecordingError::Thread)?;
        Ok(Self::new(about, Box::new(move || received(&receiver))))
    }

    /// Reads from anywhere, without a thread.
    pub fn read(source: impl Read + 'static) -> Result<Self, RecordingError> {
        let (about, mut frames) = Frames::open(source)?;
        Ok(Self::new(about, Box::new(move || step(&mut frames))))
    }

    /// A recording of frames that hold these items, without a file: for tests.
    #[must_use]
    pub fn of_frames(about: About, frames: Vec<Vec<u8>>) -> Self {
        let total = Totals {
            frames: frames.len() as u64,
            ..Totals::default()
        };
        let mut frames = (0..).zip(frames);
        let next = move || {
            Ok(match frames.next() {
                Some((number, items)) => {
                    let frame = Frame {
                        items,
                        number,
                        ..Frame::default()
                    };
                    Reached::Frame(frame, 0)
                }
                None => Reached::End(Ending::Whole(total), 0),
            })
        };
        Self::new(about, Box::new(next))
    }

    fn new(about: About, next: Box<dyn FnMut() -> Step>) -> Self {
        Self {
            about,
            next,
            answers: Answers::new(),
            frame: Frame::default(),
            held: Frame::default(),
            ending: None,
            lost: 0,
            inputs: 0,
        }
    }

    /// Who recorded.
    #[must_use]
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// A hand on the answers to the input that was read last.
    #[must_use]
    pub fn answers(&self) -> Answers {
        self.answers.clone()
    }

    /// The next input; `None` at the end.
    pub fn next_input(&mut self) -> Result<Option<Input<'_>>, RecordingError> {
        self.answers.next_input();
        let start = loop {
            match self.frame.first() {
                None if self.advance()? => {}
                None => return Ok(None),
                Some(first) if !is_answer(first) => break self.frame.at,
                // The input that it belongs to was lost.
                Some(_) => drop(self.frame.take()?),
            }
        };
        drop(self.frame.take()?);
        let mut is_held = false;
        loop {
            match self.frame.first() {
                Some(first) if is_answer(first) => {
                    if let Item::Answer(answer) = self.frame.take()? {
                        self.answers.add(answer);
                    }
                }
                Some(_) => break,
                None => {
                    let before = std::mem::take(&mut self.frame);
                    if !is_held {
                        self.held = before;
                        is_held = true;
                    }
                    if !self.advance()? {
                        break;
                    }
                }
            }
        }
        self.inputs += 1;
        let frame = if is_held { &self.held } else { &self.frame };
        match frame.item_at(start)? {
            (Item::Input(input), _) => Ok(Some(input)),
            (Item::Answer(_), _) => Err(frame.malformed(start)),
        }
    }

    /// How it ended; `None` before the end was reached.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Inputs that are missing in what was read so far.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Inputs read so far.
    #[must_use]
    pub const fn inputs(&self) -> u64 {
        self.inputs
    }

    /// Bytes of the file up to the end of the frame that is read.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.frame.end
    }

    /// Goes on to the next frame; false at the end.
    fn advance(&mut self) -> Result<bool, RecordingError> {
        if self.ending.is_some() {
            return Ok(false);
        }
        match (self.next)()? {
            Reached::Frame(frame, lost) => {
                self.frame = frame;
                self.lost = lost;
                Ok(true)
            }
            Reached::End(ending, lost) => {
                self.ending = Some(ending);
                self.lost = lost;
                Ok(false)
            }
        }
    }
}

impl Frame {
    /// First byte of the next item.
    fn first(&self) -> Option<u8> {
        self.items.get(self.at).copied()
    }

    /// Takes the next item.
    fn take(&mut self) -> Result<Item<'_>, RecordingError> {
        let start = self.at;
        let (_, end) = self.item_at(start)?;
        self.at = end;
        Ok(self.item_at(start)?.0)
    }

    /// The item that begins there, and where it ends.
    fn item_at(&self, start: usize) -> Result<(Item<'_>, usize), RecordingError> {
        let mut taker = Taker(self.items.get(start..).unwrap_or_default());
        let item = Item::take(&mut taker).map_err(|_| self.malformed(start))?;
        Ok((item, self.items.len() - taker.0.len()))
    }

    fn malformed(&self, at: usize) -> RecordingError {
        RecordingError::Damaged {
            number: self.number,
            offset: self.end,
            reason: format!("no item begins at byte {at} of what it holds, before this offset"),
        }
    }
}

fn step<R: Read>(frames: &mut Frames<R>) -> Step {
    let items = frames.next_frame()?;
    Ok(match (items, frames.ending()) {
        (Some(items), _) => {
            let frame = Frame {
                items,
                at: 0,
                number: frames.last(),
                end: frames.offset(),
            };
            Reached::Frame(frame, frames.lost())
        }
        (None, Some(ending)) => Reached::End(ending, frames.lost()),
        (None, None) => Reached::End(
            Ending::Cut {
                frames: frames.last(),
                offset: frames.offset(),
            },
            frames.lost(),
        ),
    })
}

fn received(frames: &Receiver<Step>) -> Step {
    frames.recv().unwrap_or_else(|_| {
        Err(RecordingError::End {
            reason: String::from("the thread that unpacks it has ended"),
        })
    })
}

impl fmt::Debug for Recording {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Recording")
            .field("about", &self.about)
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}
