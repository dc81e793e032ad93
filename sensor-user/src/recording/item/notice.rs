//! Acts on files that the kernel notified of.

use crate::{
    capture::{Deed, NoticedAct},
    event::{FileId, FileSubject, Open, OpenFlags, RecordPath, Rename, Symlink, Unlink, Watched},
    recording::bytes::{Malformed, Taker, put_number, put_optional, put_signed, put_string},
};

const OPEN: u8 = 0;
const UNLINK: u8 = 1;
const RENAME: u8 = 2;
const SYMLINK: u8 = 3;

pub(super) fn put(out: &mut Vec<u8>, act: &NoticedAct<'_>) {
    let NoticedAct { deed, flags } = act;
    put_number(out, (*flags).into());
    match deed {
        Deed::Open(Open {
            subject,
            flags,
            created,
            watched,
        }) => {
            out.push(OPEN);
            put_subject(out, subject);
            put_number(out, flags.0.into());
            out.push(u8::from(*created));
            out.push(match watched {
                None => 0,
                Some(Watched::Identity) => 1,
                Some(Watched::Name) => 2,
            });
        }
        Deed::Unlink(Unlink { subject, directory }) => {
            out.push(UNLINK);
            put_subject(out, subject);
            out.push(u8::from(*directory));
        }
        Deed::Rename(Rename { subject, to, flags }) => {
            out.push(RENAME);
            put_subject(out, subject);
            put_path(out, *to);
            put_number(out, (*flags).into());
        }
        Deed::Symlink(Symlink { subject, leads_to }) => {
            out.push(SYMLINK);
            put_subject(out, subject);
            put_string(out, leads_to);
        }
    }
}

pub(super) fn take<'a>(from: &mut Taker<'a>) -> Result<NoticedAct<'a>, Malformed> {
    let flags = from.narrow()?;
    let tag = from.byte()?;
    let subject = take_subject(from)?;
    let deed = match tag {
        OPEN => Deed::Open(Open {
            subject,
            flags: OpenFlags(from.narrow()?),
            created: from.flag()?,
            watched: match from.byte()? {
                0 => None,
                1 => Some(Watched::Identity),
                2 => Some(Watched::Name),
                _ => return Err(Malformed),
            },
        }),
        UNLINK => Deed::Unlink(Unlink {
            subject,
            directory: from.flag()?,
        }),
        RENAME => Deed::Rename(Rename {
            subject,
            to: take_path(from)?,
            flags: from.narrow()?,
        }),
        SYMLINK => Deed::Symlink(Symlink {
            subject,
            leads_to: from.string()?,
        }),
        _ => return Err(Malformed),
    };
    Ok(NoticedAct { deed, flags })
}

fn put_subject(out: &mut Vec<u8>, subject: &FileSubject<'_>) {
    let FileSubject {
        path,
        file,
        mode,
        result,
    } = subject;
    put_path(out, *path);
    put_number(out, file.device.into());
    put_number(out, file.inode);
    put_optional(out, mode.map(u32::from));
    out.push(u8::from(result.is_some()));
    if let Some(result) = result {
        put_signed(out, (*result).into());
    }
}

fn take_subject<'a>(from: &mut Taker<'a>) -> Result<FileSubject<'a>, Malformed> {
    let path = take_path(from)?;
    let file = FileId {
        device: from.narrow()?,
        inode: from.number()?,
    };
    let mode = from.optional()?.map(u16::try_from).transpose();
    let result = from.flag()?.then(|| from.signed()).transpose()?;
    Ok(FileSubject {
        path,
        file,
        mode: mode.map_err(|_| Malformed)?,
        result: result
            .map(i32::try_from)
            .transpose()
            .map_err(|_| Malformed)?,
    })
}

fn put_path(out: &mut Vec<u8>, path: RecordPath<'_>) {
    put_string(out, path.base);
    put_string(out, path.path);
}

fn take_path<'a>(from: &mut Taker<'a>) -> Result<RecordPath<'a>, Malformed> {
    Ok(RecordPath {
        base: from.string()?,
        path: from.string()?,
    })
}
