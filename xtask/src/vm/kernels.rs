//! Fetches kernels and keeps them. None is ever installed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    apt::{self, Apt},
    kernel::Kernel,
    machine::Series,
    package::{Candidate, naming, numbers},
};

/// For how long the newest kernel that was found counts as the newest. Point releases come every
/// few days, and looking them up takes some seconds and megabytes.
const FRESH: Duration = Duration::from_hours(24);
/// Its time is when the newest kernel was last looked up.
const LOOKED_UP: &str = "looked-up";
/// An archive may list what it no longer has; older kernels are then good enough.
const ATTEMPTS: usize = 4;

/// The kernels of these series, downloaded where the cache has no fresh one. One caller at a time.
pub(super) fn obtain(wanted: &[Series], cache: &Path) -> Result<BTreeMap<Series, Kernel>> {
    create(cache)?;
    let mut archives = Archives {
        folder: cache.join("apt"),
        opened: BTreeMap::new(),
    };
    // Two machines may have the same kernel.
    let wanted: BTreeSet<_> = wanted.iter().copied().collect();
    wanted
        .into_iter()
        .map(|series| {
            let shelf = Shelf {
                series,
                folder: cache.join(series.label()),
            };
            Ok((series, shelf.kernel(&mut archives)?))
        })
        .collect()
}

/// Archives whose lists were fetched, by codename.
struct Archives {
    folder: PathBuf,
    opened: BTreeMap<&'static str, Opened>,
}

struct Opened {
    apt: Apt,
    /// Whether its lists are those of now.
    updated: bool,
}

impl Archives {
    fn open(&mut self, codename: &'static str) -> Result<&Opened> {
        use std::collections::btree_map::Entry::{Occupied, Vacant};
        match self.opened.entry(codename) {
            Occupied(archive) => Ok(archive.into_mut()),
            Vacant(place) => {
                println!("fetching the package lists of Debian {codename}");
                let apt = Apt::new(&self.folder.join(codename), codename)?;
                let update = apt.update();
                if let Err(error) = &update {
                    println!("  not all could be fetched: {error:#}");
                }
                let updated = update.is_ok();
                Ok(place.insert(Opened { apt, updated }))
            }
        }
    }
}

/// The place in the cache for kernels of one series.
struct Shelf {
    series: Series,
    folder: PathBuf,
}

impl Shelf {
    fn kernel(&self, archives: &mut Archives) -> Result<Kernel> {
        let label = self.series.label();
        create(&self.folder)?;
        let cached = self.cached();
        if let Some(kernel) = &cached
            && self.is_fresh()
        {
            println!("kernel {label}: {} from the cache", kernel.version);
            return Ok(kernel.clone());
        }
        match self.newest(archives, cached.is_some()) {
            Ok(kernel) => Ok(kernel),
            Err(error) => match cached {
                Some(kernel) => {
                    println!(
                        "kernel {label}: {} from the cache; a newer one could not be had: {error:#}",
                        kernel.version
                    );
                    Ok(kernel)
                }
                None => Err(error).with_context(|| {
                    format!(
                        "kernel {label} can neither be downloaded nor is one in {}",
                        self.folder.display()
                    )
                }),
            },
        }
    }

    /// The newest kernel that is here.
    fn cached(&self) -> Option<Kernel> {
        fs::read_dir(&self.folder)
            .ok()?
            .flatten()
            .filter_map(|entry| Kernel::in_folder(&entry.path()))
            .max_by_key(|kernel| numbers(&kernel.version))
    }

    fn is_fresh(&self) -> bool {
        fs::metadata(self.folder.join(LOOKED_UP))
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|time| {
                SystemTime::now()
                    .duration_since(time)
                    .is_ok_and(|age| age < FRESH)
            })
    }

    /// The newest kernel that the archive gives. Old lists, or those of one suite of two, are good
    /// enough for the first kernel, but not to tell that there is no newer one.
    fn newest(&self, archives: &mut Archives, has_one: bool) -> Result<Kernel> {
        let label = self.series.label();
        let naming = naming(self.series);
        let Opened { apt, updated } = archives.open(naming.codename)?;
        ensure!(
            *updated || !has_one,
            "the package lists of Debian {} could not be fetched",
            naming.codename
        );
        let candidates = naming.candidates(&apt.packages(&naming.prefix())?);
        ensure!(
            !candidates.is_empty(),
            "Debian {} has no package {}*",
            naming.codename,
            naming.prefix()
        );
        let mut failure = None;
        for candidate in candidates.iter().take(ATTEMPTS) {
            let place = self.folder.join(candidate.folder());
            let kernel = match Kernel::in_folder(&place) {
                Some(kernel) => kernel,
                None => match self.fetch(apt, candidate, &place) {
                    Ok(kernel) => kernel,
                    Err(error) => {
                        println!("kernel {label}: {error:#}");
                        failure = Some(error);
                        continue;
                    }
                },
            };
            println!("kernel {label}: {}", kernel.version);
            if *updated {
                let stamp = self.folder.join(LOOKED_UP);
                fs::write(&stamp, "").with_context(|| format!("write {}", stamp.display()))?;
            }
            self.forget_others(&place);
            return Ok(kernel);
        }
        match failure {
            Some(error) => Err(error),
            None => bail!("no kernel was tried"),
        }
    }

    fn fetch(&self, apt: &Apt, candidate: &Candidate, place: &Path) -> Result<Kernel> {
        println!(
            "kernel {}: downloading {}",
            self.series.label(),
            candidate.packages().join(" ")
        );
        let beginning = tempfile::Builder::new()
            .prefix(".unpacking-")
            .tempdir_in(&self.folder)
            .with_context(|| format!("create a folder in {}", self.folder.display()))?;
        let tree = beginning.path().join("tree");
        create(&tree)?;
        for package in apt.download(&candidate.packages(), beginning.path())? {
            apt::unpack(&package, &tree)?;
        }
        // Under its own name only once it is whole.
        let _ = fs::remove_dir_all(place);
        fs::rename(&tree, place)
            .with_context(|| format!("move the kernel to {}", place.display()))?;
        Kernel::in_folder(place)
            .with_context(|| format!("no image of a kernel in {}", candidate.packages().join(" ")))
    }

    /// Removes kernels that a newer one has replaced, and what an interrupted download left.
    fn forget_others(&self, kept: &Path) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path != kept && path.is_dir() {
                // A folder more in a cache does no harm.
                let _ = fs::remove_dir_all(path);
            }
        }
    }
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{LOOKED_UP, Series, Shelf};

    #[test]
    fn the_newest_whole_kernel_of_the_cache_is_taken() {
        let cache = tempfile::tempdir().expect("a folder");
        let shelf = Shelf {
            series: Series::V6_1,
            folder: cache.path().to_owned(),
        };
        assert!(shelf.cached().is_none());
        for (release, version) in [("6.1.0-9", "6.1.30-1"), ("6.1.0-56", "6.1.192-2")] {
            let boot = cache.path().join(format!("{release}_{version}/boot"));
            fs::create_dir_all(&boot).expect("create the folder");
            fs::write(boot.join(format!("vmlinuz-{release}")), "").expect("write the image");
        }
        // Without an image: unpacking it was interrupted.
        fs::create_dir(cache.path().join("6.1.0-57_6.1.200-1")).expect("create the folder");
        assert_eq!(shelf.cached().expect("a kernel").version, "6.1.192-2");
    }

    #[test]
    fn a_kernel_is_fresh_after_it_was_looked_up() {
        let cache = tempfile::tempdir().expect("a folder");
        let shelf = Shelf {
            series: Series::V6_1,
            folder: cache.path().to_owned(),
        };
        assert!(!shelf.is_fresh());
        fs::write(cache.path().join(LOOKED_UP), "").expect("write the stamp");
        assert!(shelf.is_fresh());
    }
}
