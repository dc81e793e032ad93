//! Acts of one process on another.

use sensor_common::{TargetRecord, flags};

use super::{DecodeError, process_id, reader::Body};
use crate::event::{Ptrace, RemoteWrite, Signal, Target};

fn parts(body: Body<'_>) -> Result<(TargetRecord, Target), DecodeError> {
    let (record, _) = body.split::<TargetRecord>()?;
    let target = Target {
        process: process_id(record.tgid, record.start_time),
        from_argument: body.has(flags::TARGET_FROM_ARGUMENT),
        result: body.result(record.result),
    };
    Ok((record, target))
}

pub(super) fn signal(body: Body<'_>) -> Result<Signal, DecodeError> {
    let (record, target) = parts(body)?;
    Ok(Signal {
        target,
        number: record.code,
    })
}

pub(super) fn ptrace(body: Body<'_>) -> Result<Ptrace, DecodeError> {
    let (record, target) = parts(body)?;
    Ok(Ptrace {
        target,
        request: record.code,
        address: record.value,
    })
}

pub(super) fn remote_write(body: Body<'_>) -> Result<RemoteWrite, DecodeError> {
    let (record, target) = parts(body)?;
    Ok(RemoteWrite {
        target,
        bytes: record.value,
    })
}

#[cfg(test)]
mod tests {
    use sensor_common::RecordKind;

    use super::*;
    use crate::{
        capture::{decode, test_support::record},
        event::Act,
    };

    #[test]
    fn a_target_tells_where_its_number_is_from() {
        let fixed = TargetRecord {
            start_time: 0,
            tgid: 12,
            code: 16,
            value: 0xabc,
            result: -1,
            reserved: 0,
        };
        let flags = flags::TARGET_FROM_ARGUMENT;
        let bytes = record(RecordKind::MemoryPtrace, flags, &fixed, b"");
        let Act::Ptrace(ptrace) = decode(&bytes).unwrap().act else {
            panic!("not a ptrace")
        };
        assert!(ptrace.target.from_argument && !ptrace.target.is_exact());
        assert_eq!((ptrace.request, ptrace.address), (16, 0xabc));
        assert_eq!(ptrace.target.result, Some(-1));
    }
}
