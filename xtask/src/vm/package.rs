//! Which of Debian's packages hold a kernel, and which of them is the newest.

use super::machine::Series;

/// What the packages of a series are called, and where they are.
pub(super) struct Naming {
    /// The release of Debian that has them.
    pub(super) codename: &'static str,
    /// Before the kernel's release, in the name of the package that holds the image.
    image: &'static str,
    /// The same for the modules, where they are in a package of their own.
    modules: Option<&'static str>,
    /// What the kernel's release begins with.
    series: &'static str,
}

/// Kernels for virtual machines: the same code with fewer drivers.
const FLAVOUR: &str = "-cloud-amd64";
/// The same image without the distribution's signature, which nothing here looks at.
const UNSIGNED: &str = "-unsigned";

/// The names of a series' packages.
pub(super) const fn naming(series: Series) -> Naming {
    match series {
        Series::V5_10 => Naming {
            codename: "bullseye",
            image: "linux-image-",
            modules: None,
            series: "5.10.",
        },
        Series::V6_1 => Naming {
            codename: "bookworm",
            image: "linux-image-",
            modules: None,
            series: "6.1.",
        },
        Series::V6_12 => Naming {
            codename: "bookworm",
            image: "linux-image-",
            modules: None,
            series: "6.12.",
        },
        // Newer ones are split; their `linux-image-` is a shell that depends on the parts.
        Series::V7 => Naming {
            codename: "sid",
            image: "linux-binary-",
            modules: Some("linux-modules-"),
            series: "7.",
        },
    }
}

/// A kernel that can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// What `uname -r` says on it.
    pub(super) release: String,
    pub(super) version: String,
    image: String,
    modules: Option<String>,
}

impl Candidate {
    /// The folder of the cache that holds it.
    pub(super) fn folder(&self) -> String {
        format!("{}_{}", self.release, self.version)
    }

    /// What to download: each `NAME=VERSION`, for apt.
    pub(super) fn packages(&self) -> Vec<String> {
        [Some(&self.image), self.modules.as_ref()]
            .into_iter()
            .flatten()
            .map(|name| format!("{name}={}", self.version))
            .collect()
    }
}

impl Naming {
    /// What the names of its images begin with.
    pub(super) fn prefix(&self) -> String {
        format!("{}{}", self.image, self.series)
    }

    /// The kernels among packages and their versions, the newest first. Of two packages with the
    /// same image the signed one comes first: archives are known to have lost the other.
    pub(super) fn candidates(&self, packages: &[(String, String)]) -> Vec<Candidate> {
        let mut found: Vec<_> = packages
            .iter()
            .filter_map(|(name, version)| {
                let release = self.release(name)?;
                Some(Candidate {
                    release: release.to_owned(),
                    version: version.clone(),
                    image: name.clone(),
                    modules: self.modules.map(|prefix| format!("{prefix}{release}")),
                })
            })
            .collect();
        found.sort_by(|one, other| {
            numbers(&other.version)
                .cmp(&numbers(&one.version))
                .then_with(|| one.image.len().cmp(&other.image.len()))
        });
        found
    }

    /// The kernel's release, if the package is an image of this series.
    fn release<'a>(&self, name: &'a str) -> Option<&'a str> {
        let rest = name.strip_prefix(self.image)?;
        let release = rest.strip_suffix(UNSIGNED).unwrap_or(rest);
        let number = release.strip_suffix(FLAVOUR)?.strip_prefix(self.series)?;
        // `6.1.0-0.deb11.52` is a backport, `6.1.0-56-rt` another flavour.
        let plain = number.split_once("+deb").map_or(number, |(plain, _)| plain);
        (!plain.is_empty()
            && !number.contains("-0.")
            && plain
                .chars()
                .all(|letter| letter.is_ascii_digit() || ".-".contains(letter)))
        .then_some(release)
    }
}

/// The numbers in a version, which order the versions of one series.
pub(super) fn numbers(version: &str) -> Vec<u64> {
    version
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Series, naming};

    fn packages(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
            .collect()
    }

    #[test]
    fn the_newest_version_comes_first_and_signed_before_unsigned() {
        let candidates = naming(Series::V6_12).candidates(&packages(&[
            (
                "linux-image-6.12.100+deb12-cloud-amd64",
                "6.12.100-1~deb12u1",
            ),
            (
                "linux-image-6.12.117+deb12-cloud-amd64-unsigned",
                "6.12.117-1~deb12u1",
            ),
            (
                "linux-image-6.12.117+deb12-cloud-amd64",
                "6.12.117-1~deb12u1",
            ),
            ("linux-image-6.12.9+deb12-cloud-amd64", "6.12.9-1~deb12u1"),
        ]));
        let folders: Vec<_> = candidates.iter().map(super::Candidate::folder).collect();
        assert_eq!(
            folders,
            [
                "6.12.117+deb12-cloud-amd64_6.12.117-1~deb12u1",
                "6.12.117+deb12-cloud-amd64_6.12.117-1~deb12u1",
                "6.12.100+deb12-cloud-amd64_6.12.100-1~deb12u1",
                "6.12.9+deb12-cloud-amd64_6.12.9-1~deb12u1",
            ]
        );
        assert_eq!(
            candidates[0].packages(),
            ["linux-image-6.12.117+deb12-cloud-amd64=6.12.117-1~deb12u1"]
        );
    }

    #[test]
    fn the_version_decides_and_not_the_number_in_the_name() {
        let candidates = naming(Series::V5_10).candidates(&packages(&[
            ("linux-image-5.10.0-32-cloud-amd64", "5.10.223-1"),
            ("linux-image-5.10.0-9-cloud-amd64", "5.10.300-1"),
        ]));
        assert_eq!(candidates[0].version, "5.10.300-1");
    }

    #[test]
    fn other_packages_of_similar_names_are_no_kernels() {
        let candidates = naming(Series::V6_1).candidates(&packages(&[
            ("linux-image-6.1.0-56-cloud-amd64-dbg", "6.1.192-2"),
            ("linux-image-6.1.0-56-rt-amd64", "6.1.192-2"),
            ("linux-image-6.1.0-56-amd64", "6.1.192-2"),
            ("linux-image-6.1-cloud-amd64", "6.1.192-2"),
            ("linux-image-6.1.0-0.deb11.52-cloud-amd64", "6.1.190-1"),
            (
                "linux-image-6.12.117+deb12-cloud-amd64",
                "6.12.117-1~deb12u1",
            ),
        ]));
        assert_eq!(candidates, []);
    }

    #[test]
    fn a_split_kernel_comes_with_the_modules_of_its_release() {
        let candidates = naming(Series::V7).candidates(&packages(&[
            ("linux-image-7.2.13+deb14-cloud-amd64", "7.2.13-1"),
            ("linux-binary-unsigned-7.2.13+deb14-cloud-amd64", "7.2.13-1"),
            ("linux-binary-7.2.13+deb14-cloud-amd64", "7.2.13-1"),
        ]));
        let packages: Vec<_> = candidates.iter().map(super::Candidate::packages).collect();
        assert_eq!(
            packages,
            [[
                "linux-binary-7.2.13+deb14-cloud-amd64=7.2.13-1",
                "linux-modules-7.2.13+deb14-cloud-amd64=7.2.13-1"
            ]]
        );
        assert_eq!(candidates[0].release, "7.2.13+deb14-cloud-amd64");
    }
}
