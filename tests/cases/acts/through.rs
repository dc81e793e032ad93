//! The same work by other doors: `io_uring`, and the 32-bit system call table.

use std::path::Path;

use serde_json::json;

use crate::{
    case::{Case, Played, Tier, Trouble},
    file::{act, known},
    run::Run,
    stage::Stage,
    wanted::{Wanted, is, outcome, path, perhaps},
    who::Who,
};

/// A door, as the actor and as records call it.
#[derive(Clone, Copy)]
struct Door {
    domain: &'static str,
    prefix: &'static str,
    /// In the table.
    name: &'static str,
    through: &'static str,
}

const DOORS: [Door; 4] = [
    Door {
        domain: "ring",
        prefix: "",
        name: "io_uring",
        through: "io_uring",
    },
    Door {
        domain: "ring",
        prefix: "async-",
        name: "io_uring worker",
        through: "io_uring",
    },
    Door {
        domain: "ring",
        prefix: "polled-",
        name: "polled io_uring",
        through: "io_uring",
    },
    Door {
        domain: "compat",
        prefix: "",
        name: "int 0x80",
        through: "compat",
    },
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for door in DOORS {
        for (act, kind, play) in [
            ("create", "file.open", create as fn(&Stage, Door) -> Played),
            ("read", "file.open", read),
            ("unlink", "file.unlink", unlink),
            ("rename", "file.rename", rename),
            ("connect", "network.connect", connect),
        ] {
            let name = format!("{} {act}", door.name);
            cases.push(Case::evasion(&name, kind, move |stage| play(stage, door)));
        }
    }
    let (ring, compat) = (DOORS[0], DOORS[3]);
    cases.extend([
        Case::evasion(
            "io_uring write to a watched file",
            "file.write",
            move |stage| {
                let file = stage.watched("written");
                let run = ring.act(stage, "write", &[&file])?;
                ring.expect(&run, "file.write", &known(&run, &file))
            },
        )
        .unseen_in(&[Tier::Tracepoint], "io_uring"),
        Case::evasion("io_uring bind", "network.bind", move |stage| {
            let run = ring.act(stage, "bind", &[])?;
            let wanted = [("network.local_address", is("127.0.0.1"))];
            ring.expect(&run, "network.bind", &wanted)
        })
        .unseen_in(&[Tier::Tracepoint], "io_uring"),
        Case::evasion("io_uring listen", "network.listen", move |stage| {
            let run = ring.act(stage, "listen", &[])?;
            let wanted = [("network.local_port", is(run.number("server_port")))];
            ring.expect(&run, "network.listen", &wanted)
        })
        .unseen_in(&[Tier::Tracepoint], "io_uring"),
        Case::evasion("io_uring accept", "network.accept", move |stage| {
            let run = ring.act(stage, "accept", &[])?;
            let wanted = [
                ("network.local_port", is(run.number("server_port"))),
                ("network.remote_port", outcome(run.number("client_port"))),
            ];
            ring.expect(&run, "network.accept", &wanted)
        })
        .unseen_in(&[Tier::Tracepoint], "io_uring"),
        Case::evasion(
            "io_uring work is told at least by its code",
            "kernel.io_uring_work",
            work,
        ),
        Case::evasion("io_uring raw socket", "network.socket", move |stage| {
            let run = ring.act(stage, "raw", &[])?;
            let wanted = [
                ("network.socket_type", is("raw")),
                ("network.protocol", is(1)),
            ];
            ring.expect(&run, "network.socket", &wanted)
        })
        .unseen_in(&[Tier::Tracepoint], "io_uring"),
        Case::evasion("io_uring DNS question", "network.dns", move |stage| {
            let run = ring.act(stage, "dns", &[])?;
            let question = json!({ "question": "ring.example.org", "type": 1 });
            let wanted = [
                ("network.dns", is(question)),
                ("network.remote_port", is(53)),
            ];
            run.expect_by(&ring.who(&run), "network.dns", &wanted)?;
            Ok(())
        }),
        Case::evasion("int 0x80 creat", "file.open", move |stage| {
            let file = stage.directory().join("new");
            let run = compat.act(stage, "creat", &[&file])?;
            compat.expect_open(&run, &file, &[("file.created", is(true))])
        }),
        Case::evasion("int 0x80 chmod", "file.chmod", move |stage| {
            let file = stage.file();
            let run = compat.act(stage, "chmod", &[&file])?;
            let wanted = [("file.path", path(&file)), ("file.mode", is("4755"))];
            compat.expect(&run, "file.chmod", &wanted)
        }),
        Case::evasion("int 0x80 socketcall", "network.connect", move |stage| {
            let run = compat.act(stage, "socketcall", &[])?;
            compat.expect_connect(&run)
        }),
    ]);
    cases
}

impl Door {
    /// Has the actor go through it, if the kernel has it.
    fn act<'a>(self, stage: &'a Stage, what: &str, paths: &[&Path]) -> Result<Run<'a>, Trouble> {
        let what = format!("{}{what}", self.prefix);
        let run = act(stage, &[self.domain, &what], paths)?;
        let result = run.facts()["result"].as_i64().unwrap();
        let unknown = [libc::EINVAL, libc::EBADF, libc::EOPNOTSUPP];
        if unknown.iter().any(|error| result == -i64::from(*error)) {
            return Err(Trouble::Impossible(format!(
                "this kernel has no such operation of {}",
                self.name
            )));
        }
        assert!(result >= 0, "{}", run.facts());
        Ok(run)
    }

    fn who(self, run: &Run) -> Who {
        if self.domain == "ring" {
            run.actor().any_thread()
        } else {
            run.actor()
        }
    }

    fn expect(self, run: &Run, kind: &str, wanted: &[(&'static str, Wanted)]) -> Played {
        let mut wanted = wanted.to_vec();
        // A hook on the kernel's own functions need not know who called them.
        let through = match run.tier() {
            Tier::Tracepoint => is(self.through),
            Tier::Lsm | Tier::Fentry => perhaps(self.through),
        };
        wanted.push(("through", through));
        run.expect_by(&self.who(run), kind, &wanted)?;
        Ok(())
    }

    fn expect_open(self, run: &Run, file: &Path, what: &[(&'static str, Wanted)]) -> Played {
        let mut wanted = known(run, file);
        wanted.extend_from_slice(what);
        // Before the act there may be no file yet.
        for (place, wanted) in &mut wanted {
            if let ("file.inode" | "file.device" | "file.created", Wanted::Is(value)) =
                (*place, &*wanted)
            {
                *wanted = Wanted::Known(value.clone());
            }
        }
        self.expect(run, "file.open", &wanted)
    }

    fn expect_connect(self, run: &Run) -> Played {
        let wanted = [
            ("network.family", is("ipv4")),
            ("network.remote_address", is("127.0.0.1")),
            ("network.remote_port", is(run.number("server_port"))),
            ("network.result", outcome(0)),
        ];
        self.expect(run, "network.connect", &wanted)
    }
}

/// Where nothing else is seen of an operation, its code is.
fn work(stage: &Stage) -> Played {
    let door = DOORS[0];
    let run = door.act(stage, "accept", &[])?;
    let port = [("network.local_port", is(run.number("server_port")))];
    if door.expect(&run, "network.accept", &port).is_ok() {
        return Ok(());
    }
    let code = [("kernel.command", is("IORING_OP_ACCEPT"))];
    run.expect("kernel.io_uring_work", &code)?;
    Ok(())
}

fn create(stage: &Stage, door: Door) -> Played {
    let file = stage.directory().join("new");
    let run = door.act(stage, "create", &[&file])?;
    let what = [
        ("file.created", is(true)),
        ("file.flags", Wanted::Bits(0o301)),
    ];
    door.expect_open(&run, &file, &what)
}

fn read(stage: &Stage, door: Door) -> Played {
    let file = stage.watched(door.domain);
    let run = door.act(stage, "read", &[&file])?;
    door.expect_open(&run, &file, &[("file.created", is(false))])
}

fn unlink(stage: &Stage, door: Door) -> Played {
    let file = stage.file();
    let run = door.act(stage, "unlink", &[&file])?;
    let wanted = [
        ("file.path", path(&file)),
        ("file.directory", is(false)),
        ("file.result", outcome(0)),
    ];
    door.expect(&run, "file.unlink", &wanted)
}

fn rename(stage: &Stage, door: Door) -> Played {
    let (file, other) = (stage.file(), stage.directory().join("moved"));
    let run = door.act(stage, "rename", &[&file, &other])?;
    let wanted = [
        ("file.path", path(&file)),
        ("file.target", path(&other)),
        ("file.result", outcome(0)),
    ];
    door.expect(&run, "file.rename", &wanted)
}

fn connect(stage: &Stage, door: Door) -> Played {
    let run = door.act(stage, "connect", &[])?;
    door.expect_connect(&run)
}
