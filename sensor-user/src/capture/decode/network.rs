//! Acts of sockets.

use sensor_common::NetworkRecord;

use super::{DecodeError, reader::Body};
use crate::event::{Dns, Endpoint, Socket, Stdio};

/// The record, the socket it tells of, and its tail.
fn parts(body: Body<'_>) -> Result<(NetworkRecord, Socket<'_>, &[u8]), DecodeError> {
    let (record, mut tail) = body.split::<NetworkRecord>()?;
    let tail = tail.part(record.path_length)?;
    let socket = Socket {
        family: record.family,
        socket_type: record.socket_type,
        protocol: record.protocol,
        local: Endpoint::new(record.family, record.local_address, record.local_port),
        remote: Endpoint::new(record.family, record.remote_address, record.remote_port),
        unix_name: b"",
        result: body.result(record.result),
    };
    Ok((record, socket, tail))
}

pub(super) fn socket(body: Body<'_>) -> Result<Socket<'_>, DecodeError> {
    let (_, socket, unix_name) = parts(body)?;
    Ok(Socket {
        unix_name,
        ..socket
    })
}

pub(super) fn dns(body: Body<'_>) -> Result<Dns<'_>, DecodeError> {
    let (_, socket, message) = parts(body)?;
    Ok(Dns { socket, message })
}

pub(super) fn stdio(body: Body<'_>) -> Result<Stdio<'_>, DecodeError> {
    let (record, socket, unix_name) = parts(body)?;
    Ok(Stdio {
        socket: Socket {
            unix_name,
            ..socket
        },
        descriptor: record.descriptor,
    })
}
