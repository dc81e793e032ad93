//! `docs/verifier.md`: what the verifier needs for each program, as a full run
//! of `cargo xtask vm` measured it and somebody accepted it.

use std::{collections::BTreeMap, fs};

use super::{NOTICE, put};

/// See `xtask/src/vm/budget.rs`.
const ACCEPTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier.json");

#[derive(serde::Deserialize)]
struct Budget {
    kernels: Vec<String>,
    programs: BTreeMap<String, Needs>,
}

#[derive(serde::Deserialize)]
struct Needs {
    instructions: Vec<Option<u64>>,
    stack: String,
}

/// `docs/verifier.md`, from the accepted measurements.
#[must_use]
pub fn verifier_page() -> String {
    let mut page = String::from(NOTICE);
    page.push_str(
        "# Verifier budget\n\n\
         Instructions that the kernel's verifier looked at for each program, on all ways through \
         it, by kernel (the most of all tiers), and the bytes of stack of the program and of each \
         function that it calls. The kernel refuses a program beyond 1,000,000 instructions or a \
         chain of calls beyond 512 bytes. Measured by `cargo xtask vm --verifier`, which fails \
         when a program needs noticeably more than here; for one machine `sensor doctor \
         --verifier` tells the same.\n\n",
    );
    let text = fs::read_to_string(ACCEPTED).expect("tests/verifier.json is there");
    let budget: Budget = serde_json::from_str(&text).expect("tests/verifier.json is whole");
    put(
        &mut page,
        format_args!(
            "| program | {} | stack |\n|{}\n",
            budget.kernels.join(" | "),
            " --- |".repeat(budget.kernels.len() + 2)
        ),
    );
    for (program, needs) in &budget.programs {
        put(&mut page, format_args!("| `{program}` |"));
        for instructions in &needs.instructions {
            match instructions {
                Some(number) => put(&mut page, format_args!(" {number} |")),
                None => page.push_str(" – |"),
            }
        }
        put(&mut page, format_args!(" {} |\n", needs.stack));
    }
    page
}
