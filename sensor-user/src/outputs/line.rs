use bytes::Bytes;

use super::{Record, RecordBuilder};
use crate::{
    capture::{DecodeError, PathSource, decode},
    event::RecordPath,
    state::ProcessTable,
};

/// A record as a line of JSON, its newline included.
#[must_use]
pub fn json_line(record: &Record) -> Option<Bytes> {
    match serde_json::to_vec(record) {
        Ok(mut line) => {
            line.push(b'\n');
            Some(Bytes::from(line))
        }
        Err(error) => {
            tracing::error!(%error, "a record cannot be written as JSON");
            None
        }
    }
}

/// The line of a record as it came from the kernel, its paths as they are in
/// it: the whole way from bytes to output without the file system's part.
/// For tests and tools; the agent resolves paths.
pub fn render(
    bytes: &[u8],
    builder: &RecordBuilder,
    table: &ProcessTable,
) -> Result<Option<Bytes>, DecodeError> {
    let event = decode(bytes)?;
    let unresolved = |path: RecordPath<'_>| [path.base, path.path].concat();
    let files = event.act.files();
    let path = files.map(|(subject, _)| unresolved(subject.path));
    let target = files.and_then(|(_, second)| second).map(unresolved);
    let record = builder.event(
        &event,
        table,
        None,
        path.as_deref().map(|path| (path, PathSource::Argument)),
        target.as_deref().map(|path| (path, PathSource::Argument)),
    );
    Ok(json_line(&record))
}
