//! A file of what happened to the messages, one JSON line each, appended before it counts.
//!
//! A journal and not SQLite: the only access is "append" and "read everything at start", the
//! live state is small, and a lane must not wait for another lane's transaction. Sends are forced
//! to the disk. Receives and deletions are only handed to the operating system, which survives
//! the end of the process by whatever signal; what a power cut takes of them comes back as one
//! more delivery, which every receiver bears anyway.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const NAME: &str = "lanes.jsonl";

/// What happened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op")]
pub enum Event {
    /// The next message gets a larger sequence number than this.
    Sequence { sequence: u64 },
    /// A message came.
    Sent {
        lane: String,
        sequence: u64,
        group: String,
        body: String,
        #[serde(default)]
        receives: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hidden_until: Option<Timestamp>,
    },
    /// A deduplication id came.
    Seen {
        lane: String,
        dedup: String,
        at: Timestamp,
    },
    /// A message was delivered.
    Received { sequence: u64, receives: u32 },
    /// A delivered message was put off.
    Hidden { sequence: u64, until: Timestamp },
    /// A message is gone.
    Deleted { sequence: u64 },
    /// A dead letter became a new message at the end of its lane.
    Redriven { sequence: u64, to: u64 },
}

/// Why the lanes of a folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be read or written.
    #[error("the lanes' folder cannot be read or written")]
    Io(#[from] io::Error),
    /// Somebody else has it open.
    #[error("another program has the lanes open; stop it, or ask it over HTTP")]
    InUse,
    /// A line before the last one is not ours.
    #[error("line {line} of the lanes' journal is damaged; move `lanes.jsonl` away to start empty")]
    Damaged {
        /// Which, from 1.
        line: usize,
    },
}

/// The open file.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    file: File,
    /// Bytes that are known to be whole lines.
    length: u64,
    lines: usize,
    /// Held for as long as the journal is open; the system lets go of it when the process ends.
    _lock: File,
}

impl Journal {
    /// Opens or creates the journal of a folder and reads what is in it.
    pub fn open(folder: &Path) -> Result<(Self, Vec<Event>), OpenError> {
        std::fs::create_dir_all(folder)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("lanes.lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(folder.join(NAME))?;
        let (events, length) = read(&file)?;
        let journal = Self {
            folder: folder.to_owned(),
            file,
            length,
            lines: events.len(),
            _lock: lock,
        };
        // What a crash left of a half-written line must not swallow the next one.
        journal.file.set_len(length)?;
        Ok((journal, events))
    }

    /// Appends the events, all or none.
    pub fn append(&mut self, events: &[Event]) -> io::Result<()> {
        let bytes = lines(events)?;
        if let Err(error) = self.file.write_all(&bytes) {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        self.lines += events.len();
        Ok(())
    }

    /// Another handle of the file, for forcing it to the disk without holding up the lanes.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Whether far more happened than is left of it.
    pub const fn is_bloated(&self, live: usize) -> bool {
        self.lines > 20_000 && self.lines / 4 > live
    }

    /// Replaces what happened by what is left of it.
    pub fn rewrite(&mut self, events: &[Event]) -> io::Result<()> {
        let new = self.folder.join("lanes.jsonl.new");
        let bytes = lines(events)?;
        let mut file = OpenOptions::new().append(true).create(true).open(&new)?;
        file.set_len(0)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, self.folder.join(NAME))?;
        // From here on the old file has no name: nothing may fail before appends go to the new.
        self.file = file;
        self.length = bytes.len() as u64;
        self.lines = events.len();
        File::open(&self.folder)?.sync_all()
    }
}

fn lines(events: &[Event]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for event in events {
        serde_json::to_writer(&mut bytes, event)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Every whole line, and how many bytes they are. A last line without its end was never
/// acknowledged to anybody.
fn read(file: &File) -> Result<(Vec<Event>, u64), OpenError> {
    let mut reader = BufReader::new(file);
    let mut events = Vec::new();
    let mut length = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let bytes = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok((events, length));
        }
        let event = serde_json::from_slice(&line).map_err(|_| OpenError::Damaged {
            line: events.len() + 1,
        })?;
        events.push(event);
        length += bytes as u64;
    }
}
