//! Files that hold secrets: whoever opens them for reading is recorded, unless the
//! policy says otherwise.

use std::path::PathBuf;

use crate::capture::WatchedName;

/// Files of every server, by their paths: known by their inodes, by whatever name
/// they are reached.
const PATHS: [&str; 5] = [
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/root/.ssh",
    "/proc/kcore",
];

/// Files in homes, in containers and wherever a service keeps them, by the names of
/// their directory and of themselves, and why.
pub const NAMES: &[(&str, &str)] = &[
    ("etc/shadow", "hashes of passwords, a container's too"),
    ("etc/shadow-", "the same, as it was before"),
    ("etc/gshadow", "hashes of groups' passwords"),
    ("etc/gshadow-", "the same, as it was before"),
    ("security/opasswd", "hashes of former passwords"),
    ("etc/sudoers", "who may become whom"),
    ("etc/krb5.keytab", "keys of the host's Kerberos services"),
    ("etc/wireguard/*", "keys of WireGuard's tunnels"),
    ("etc/openvpn/*", "keys of OpenVPN's tunnels"),
    ("ssl/private/*", "keys of TLS certificates"),
    ("samba/private/*", "the keys of a Windows domain's member"),
    ("ssh/ssh_host_rsa_key", "the key that the host is known by"),
    ("ssh/ssh_host_ecdsa_key", "the same, of another sort"),
    ("ssh/ssh_host_ed25519_key", "the same, of another sort"),
    (".ssh/*", "keys of users, and where these lead"),
    ("*/id_rsa", "a user's key, wherever a copy of it is"),
    ("*/id_ecdsa", "the same, of another sort"),
    ("*/id_ed25519", "the same, of another sort"),
    ("*/id_dsa", "the same, of another sort"),
    (".gnupg/*", "the keyring of GnuPG"),
    (".gnupg/private-keys-v1.d/*", "the keys themselves"),
    (".password-store/*", "passwords of pass"),
    ("keyrings/login.keyring", "the keyring of a desktop"),
    ("keyrings/user.keystore", "the same, of its settings"),
    ("kwalletd/*", "the same, of KDE"),
    ("*/.netrc", "passwords of servers"),
    ("*/.git-credentials", "passwords of git's servers"),
    ("*/.pgpass", "passwords of PostgreSQL"),
    ("*/.my.cnf", "passwords of MySQL"),
    ("*/.mylogin.cnf", "the same, with their key beside them"),
    ("*/.env", "passwords of a service, in its environment"),
    ("*/.pypirc", "tokens of the Python package index"),
    ("*/.npmrc", "tokens of the npm registry"),
    (".cargo/credentials.toml", "tokens of the Rust registry"),
    (".gem/credentials", "tokens of the Ruby registry"),
    ("*/.vault-token", "a token of Vault"),
    (".terraform.d/credentials.tfrc.json", "tokens of Terraform"),
    (".aws/credentials", "keys of Amazon's cloud"),
    ("sso/cache/*", "tokens of the same"),
    (".azure/accessTokens.json", "tokens of Microsoft's cloud"),
    (".azure/msal_token_cache.json", "the same, of newer tools"),
    (".config/gcloud/*", "keys and tokens of Google's cloud"),
    ("*/adc.json", "the same, of one account"),
    ("rclone/rclone.conf", "passwords of stores of files"),
    ("*/.s3cfg", "keys of stores of files"),
    ("gh/hosts.yml", "tokens of GitHub"),
    (".docker/config.json", "passwords of registries of images"),
    ("containers/auth.json", "the same, of Podman"),
    (".kube/config", "keys of a cluster"),
    ("kubernetes/admin.conf", "the same, of its administrator"),
    ("kubernetes/pki/*", "keys of the cluster itself"),
    ("k3s/k3s.yaml", "keys of a small cluster"),
    ("serviceaccount/*/token", "the token of a pod"),
    ("run/secrets/*", "secrets that a container is given"),
    (
        "*/.bash_history",
        "commands, with what passwords were typed into them",
    ),
    ("*/.zsh_history", "the same, of another shell"),
    ("*/.ash_history", "the same, of another shell"),
    ("*/.psql_history", "the same, of PostgreSQL"),
    ("*/.mysql_history", "the same, of MySQL"),
    ("*/key4.db", "the key to a browser's passwords"),
    ("*/logins.json", "a browser's passwords"),
    ("*/cookies.sqlite", "a browser's sessions"),
    ("*/Login Data", "a browser's passwords"),
    ("*/Cookies", "a browser's sessions"),
    ("<pid>/environ", "another process's environment"),
    ("<pid>/mem", "another process's memory"),
    ("<pid>/maps", "where in it to look"),
];

/// The paths that are watched by default.
pub(super) fn paths() -> Vec<PathBuf> {
    PATHS.iter().map(PathBuf::from).collect()
}

/// The names that are watched by default.
pub(super) fn names() -> Vec<WatchedName> {
    let names = NAMES.iter();
    names.filter_map(|(name, _)| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sensor_common::Role;

    use super::*;

    #[test]
    fn every_default_is_a_name_with_a_reason_of_its_own() {
        let names = names();
        assert_eq!(names.len(), NAMES.len());
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), NAMES.len());
        assert!(NAMES.iter().all(|(_, reason)| !reason.is_empty()));
    }

    /// What the kernel makes of the names of a file and its directory.
    fn passes(filter: &[u64], directory: &str, name: &str) -> bool {
        let has = |role: Role, text: &str| {
            // What lies behind a name in its dentry is left from others.
            let mut start = *b"\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5";
            for (into, byte) in start.iter_mut().zip(text.bytes().chain([0])) {
                *into = byte;
            }
            let length = u32::try_from(text.len()).unwrap();
            let bit = role.filter_bit(length, u64::from_ne_bytes(start));
            filter[(bit / 64) as usize] >> (bit % 64) & 1 == 1
        };
        has(Role::Name, name) || has(Role::Directory, directory)
    }

    #[test]
    fn the_filter_lets_pass_what_is_watched_and_little_else() {
        let names = names();
        let filter = WatchedName::filter(&names);
        for (directory, name) in [
            ("etc", "shadow"),
            (".ssh", "anything"),
            ("anywhere", ".netrc"),
            (".docker", "config.json"),
            ("gcloud", "x"),
            ("1234", "environ"),
            ("1234", "mem"),
            ("home", "id_ed25519"),
        ] {
            assert!(passes(&filter, directory, name), "{directory}/{name}");
        }
        let others = (0..10_000).filter(|number| {
            passes(
                &filter,
                &format!("directory{number}"),
                &format!("f{number}.rs"),
            )
        });
        let others = others.count();
        assert!(others < 300, "{others} of 10,000 are compared in full");
        // The commonest names are not what brings the kernel to compare.
        for (directory, name) in [
            ("etc", "passwd"),
            ("app", "config.json"),
            ("lib", "libc.so.6"),
        ] {
            assert!(!passes(&filter, directory, name), "{directory}/{name}");
        }
    }
}
