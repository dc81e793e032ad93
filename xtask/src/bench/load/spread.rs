//! Acts on very many objects: what repeats none of them is not counted together.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use rustix::{
    fs::{Mode, OFlags, open, unlink},
    net::{AddressFamily, SocketFlags, SocketType},
};

use super::Load;

/// Opens files for writing and closes them, one in each of `count` folders below `directory`, which
/// it makes.
pub(in crate::bench) fn open_write_spread(directory: &Path, count: usize) -> Result<Load> {
    let mut files = Vec::new();
    for folder in folders(directory, count)? {
        let file = folder.join("opened");
        fs::write(&file, b"").with_context(|| format!("write {}", file.display()))?;
        files.push(file);
    }
    let mut files = files.into_iter().cycle();
    Ok(Load::new(
        "open+close, writing, everywhere",
        &["file.open"],
        move |count| {
            for file in files.by_ref().take(usize::try_from(count)?) {
                drop(open(
                    &file,
                    OFlags::WRONLY | OFlags::CLOEXEC,
                    Mode::empty(),
                )?);
            }
            Ok(())
        },
    ))
}

/// Creates files, closes and removes them, one after the other in `count` folders below `directory`,
/// which it makes.
pub(in crate::bench) fn create_unlink_spread(directory: &Path, count: usize) -> Result<Load> {
    let folders = folders(directory, count)?;
    let files: Vec<PathBuf> = folders
        .iter()
        .map(|folder| folder.join("created"))
        .collect();
    let mut files = files.into_iter().cycle();
    Ok(Load::new(
        "create+unlink, everywhere",
        &["file.open", "file.unlink"],
        move |count| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            for file in files.by_ref().take(usize::try_from(count)?) {
                drop(open(&file, flags, Mode::RUSR | Mode::WUSR)?);
                unlink(&file)?;
            }
            Ok(())
        },
    ))
}

/// Connects one UDP socket to one loopback address after the other; millions come before the first
/// comes again.
pub(in crate::bench) fn udp_connect_spread(first: u32) -> Result<Load> {
    let socket = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .context("make an IPv4 socket for datagrams")?;
    let mut number = first;
    Ok(Load::new(
        "connect, UDP, everywhere",
        &["network.connect"],
        move |count| {
            for _ in 0..count {
                rustix::net::connect(&socket, &peer(number))?;
                number = number.wrapping_add(1);
            }
            Ok(())
        },
    ))
}

/// The peer of a number: an address of 127.0.0.0/8 that is no broadcast address. Nobody has to listen.
fn peer(number: u32) -> SocketAddrV4 {
    let [_, high, middle, low] = number.to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(127, 1 + high % 254, middle, 1 + low % 254), 9)
}

/// Makes folders, with some hundred in each of those above them.
fn folders(directory: &Path, count: usize) -> Result<Vec<PathBuf>> {
    const TOGETHER: usize = 100;
    (0..count)
        .map(|number| {
            let folder = directory.join(format!("{}/{number}", number / TOGETHER));
            fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
            Ok(folder)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{create_unlink_spread, open_write_spread, peer, udp_connect_spread};

    #[test]
    fn peers_are_many_and_on_this_machine() {
        let peers: BTreeSet<_> = (0..100_000).map(peer).collect();
        assert!(peers.len() > 98_000, "{}", peers.len());
        assert!(peers.iter().all(|peer| peer.ip().is_loopback()));
    }

    #[test]
    fn each_can_be_done_more_often_than_there_are_objects() {
        let directory = tempfile::tempdir().expect("a folder");
        let mut loads = [
            open_write_spread(directory.path(), 7).expect("a load"),
            create_unlink_spread(directory.path(), 7).expect("a load"),
            udp_connect_spread(u32::MAX - 3).expect("a load"),
        ];
        for load in &mut loads {
            assert_eq!(load.times(20).expect(load.name).acts, 20);
        }
        assert!(directory.path().join("0/6/opened").exists());
        assert!(!directory.path().join("0/6/created").exists());
    }
}
