//! Acts on users, groups, capabilities and keys.

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::{call::call, facts::Facts};

/// The user and group that an act takes on.
const OTHER: usize = 65_534;
/// A user or group that stays as it is.
const SAME: usize = u32::MAX as usize;

pub(crate) fn act(act: &str, arguments: &[&str]) {
    let mut facts = Facts::new();
    facts.set_credentials("before");
    let result = match act {
        "setuid" => change(libc::SYS_setuid, [OTHER]),
        "setreuid" => change(libc::SYS_setreuid, [OTHER, SAME]),
        "setresuid" => change(libc::SYS_setresuid, [OTHER, OTHER, OTHER]),
        "setgid" => change(libc::SYS_setgid, [OTHER]),
        "setregid" => change(libc::SYS_setregid, [SAME, OTHER]),
        "setresgid" => change(libc::SYS_setresgid, [OTHER, OTHER, 0]),
        "capset" => {
            let mut sets = capabilities(None).unwrap();
            sets.effective
                .remove(CapabilitySet::NET_RAW | CapabilitySet::SYS_CHROOT);
            set_capabilities(None, sets).unwrap();
            0
        }
        "add-key" => {
            let [kind, name, payload] = [c"user", c"sensor:test", c"secret"];
            // SAFETY: strings and the length of the last.
            unsafe {
                call(
                    libc::SYS_add_key,
                    [
                        kind.as_ptr() as usize,
                        name.as_ptr() as usize,
                        payload.as_ptr() as usize,
                        payload.count_bytes(),
                        process_keyring(),
                    ],
                )
            }
        }
        "keyctl" => {
            act_on_key(&mut facts, arguments[0]);
            0
        }
        other => panic!("{other}: not an act on credentials"),
    };
    assert!(result >= 0, "{act}: {result}");
    facts.set("result", result);
    facts.set_credentials("after");
    facts.print();
}

fn change<const N: usize>(number: libc::c_long, arguments: [usize; N]) -> i64 {
    // SAFETY: numbers only.
    unsafe { call(number, arguments) }
}

fn process_keyring() -> usize {
    isize::try_from(libc::KEY_SPEC_PROCESS_KEYRING)
        .unwrap()
        .cast_unsigned()
}

/// Sets the permissions of the process's keyring, made for it.
fn act_on_key(facts: &mut Facts, act: &str) {
    let [get, set] = [libc::KEYCTL_GET_KEYRING_ID, libc::KEYCTL_SETPERM]
        .map(|command| usize::try_from(command).unwrap());
    let keyring = change(libc::SYS_keyctl, [get, process_keyring(), 1]);
    assert!(keyring > 0, "{keyring}");
    assert_eq!(act, "setperm");
    let all = 0x3f3f_0000;
    let keyring = usize::try_from(keyring).unwrap();
    let result = change(libc::SYS_keyctl, [set, keyring, all]);
    facts.set("key", keyring);
    facts.set("permissions", all);
    assert_eq!(result, 0);
}
