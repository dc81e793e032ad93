//! Sockets, all within this machine.

use serde_json::json;

use crate::{
    case::{Case, Played, Tier, Trouble},
    run::Run,
    stage::Stage,
    wanted::{Wanted, is, outcome, perhaps},
};

/// What is common to all sockets of a kind.
type Socket = [(&'static str, Wanted); 3];

fn socket(family: &str, kind: &str, protocol: u64) -> Socket {
    [
        ("network.family", is(family)),
        ("network.socket_type", is(kind)),
        ("network.protocol", is(protocol)),
    ]
}

const TCP: u64 = 6;
const UDP: u64 = 17;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, check) in [
        ("network.bind", bind as fn(&Run, &str, &str) -> Played),
        ("network.listen", listen),
        ("network.connect", connect),
        ("network.accept", accept),
    ] {
        for (address, bound, family) in [
            ("127.0.0.1", "127.0.0.1:0", "ipv4"),
            ("::1", "[::1]:0", "ipv6"),
        ] {
            cases.push(Case::act(kind, family, move |stage| {
                check(&stage.act(&["network", "tcp", bound])?, address, family)
            }));
        }
        cases.push(Case::act(kind, "unix", move |stage| unix(stage, kind)));
    }
    cases.push(Case::act("network.connect", "refused", refused));
    cases.push(Case::act("network.connect", "abstract", abstract_name));
    cases.extend(
        ["sendto", "sendmsg", "sendmmsg"]
            .map(|way| Case::act("network.send", way, move |stage| send(stage, way, "ipv4"))),
    );
    cases.push(Case::act("network.send", "ipv6", |stage| {
        send(stage, "sendto", "ipv6")
    }));
    cases.extend([
        Case::act("network.socket", "raw", |stage| {
            let run = stage.act(&["network", "raw"])?;
            open(&run, &socket("ipv4", "raw", 1))
        }),
        Case::act("network.socket", "packet", |stage| {
            let run = stage.act(&["network", "packet"])?;
            open(&run, &socket("packet", "raw", run.number("protocol")))
        }),
    ]);
    cases.extend(
        ["sendto", "sendmsg", "sendmmsg", "connected", "write"]
            .map(|way| Case::act("network.dns", way, move |stage| dns(stage, way))),
    );
    cases.extend(
        ["dup2", "dup3"].map(|way| Case::act("network.stdio", way, move |stage| stdio(stage, way))),
    );
    cases.extend(["dup", "fcntl"].map(|way| {
        let name = format!("standard streams joined by {way}");
        Case::evasion(&name, "network.stdio", move |stage| stdio(stage, way))
    }));
    cases
}

fn bind(run: &Run, address: &str, family: &str) -> Played {
    let mut wanted = socket(family, "stream", TCP).to_vec();
    wanted.extend([
        ("network.local_address", is(address)),
        ("network.result", outcome(0)),
    ]);
    run.expect_times(1, "network.bind", &wanted)
}

fn listen(run: &Run, address: &str, family: &str) -> Played {
    let mut wanted = socket(family, "stream", TCP).to_vec();
    wanted.extend([
        ("network.local_address", is(address)),
        ("network.local_port", is(run.number("server_port"))),
        ("network.result", outcome(0)),
    ]);
    run.expect_times(1, "network.listen", &wanted)
}

fn connect(run: &Run, address: &str, family: &str) -> Played {
    let mut wanted = socket(family, "stream", TCP).to_vec();
    wanted.extend([
        ("network.remote_address", is(address)),
        ("network.remote_port", is(run.number("server_port"))),
        ("network.result", outcome(0)),
    ]);
    run.expect_times(1, "network.connect", &wanted)
}

fn accept(run: &Run, address: &str, family: &str) -> Played {
    let mut wanted = socket(family, "stream", TCP).to_vec();
    wanted.extend([
        ("network.local_address", is(address)),
        ("network.local_port", is(run.number("server_port"))),
        // Before the act there is no peer to tell.
        ("network.remote_address", outcome(address)),
        ("network.remote_port", outcome(run.number("client_port"))),
        accepted(run),
    ]);
    run.expect_times(1, "network.accept", &wanted)
}

/// The new descriptor: inside of the call it does not exist yet.
fn accepted(run: &Run) -> (&'static str, Wanted) {
    let descriptor = run.number("accepted");
    let wanted = match run.tier() {
        Tier::Tracepoint => is(descriptor),
        Tier::Lsm | Tier::Fentry => perhaps(descriptor),
    };
    ("network.result", wanted)
}

/// A socket with the name of a container engine's: through it, one is root.
fn unix(stage: &Stage, kind: &str) -> Played {
    let path = stage.directory().join("docker.sock");
    let path = path.to_str().unwrap();
    let run = stage.act(&["network", "unix", path])?;
    let mut wanted = socket("unix", "stream", 0).to_vec();
    wanted.push(("network.unix_path", is(path)));
    wanted.push(match kind {
        "network.accept" => accepted(&run),
        _ => ("network.result", outcome(0)),
    });
    run.expect_times(1, kind, &wanted)
}

fn abstract_name(stage: &Stage) -> Played {
    let name = format!("sensor-acts-{}", std::process::id());
    let run = stage.act(&["network", "abstract", &name])?;
    let mut wanted = socket("unix", "stream", 0).to_vec();
    wanted.push(("network.unix_path", is(format!("@{name}"))));
    run.expect_times(1, "network.connect", &wanted)
}

fn refused(stage: &Stage) -> Played {
    let run = stage.act(&["network", "refused"])?;
    let mut wanted = socket("ipv4", "stream", TCP).to_vec();
    wanted.extend([
        ("network.remote_address", is("127.0.0.1")),
        ("network.remote_port", is(run.number("server_port"))),
        ("network.result", outcome(run.facts()["result"].clone())),
    ]);
    run.expect_times(1, "network.connect", &wanted)
}

/// Five datagrams to two peers are two records.
fn send(stage: &Stage, way: &str, family: &str) -> Played {
    let (address, bound) = match family {
        "ipv4" => ("127.0.0.1", "127.0.0.1:0"),
        _ => ("::1", "[::1]:0"),
    };
    let run = stage.act(&["network", "datagrams", way, bound])?;
    let peers = run.facts()["peers"].as_array().unwrap().clone();
    for peer in peers {
        let mut wanted = socket(family, "datagram", UDP).to_vec();
        wanted.extend([
            ("network.remote_address", is(address)),
            ("network.remote_port", is(peer)),
            ("network.local_port", is(run.number("sender_port"))),
        ]);
        run.expect_times(1, "network.send", &wanted)?;
    }
    run.expect_times(2, "network.send", &[])
}

fn open(run: &Run, wanted: &Socket) -> Played {
    let mut wanted = wanted.to_vec();
    wanted.push(("network.result", outcome(run.number("result"))));
    run.expect_times(1, "network.socket", &wanted)
}

fn dns(stage: &Stage, way: &str) -> Played {
    let run = stage.act(&["network", "dns", way, "a-long.sub-domain.example.org", "28"])?;
    let mut wanted = socket("ipv4", "datagram", UDP).to_vec();
    wanted.extend([
        ("network.remote_address", is("127.0.0.1")),
        ("network.remote_port", is(53)),
        (
            "network.dns",
            is(json!({ "question": "a-long.sub-domain.example.org", "type": 28 })),
        ),
    ]);
    run.expect_times(1, "network.dns", &wanted)
}

fn stdio(stage: &Stage, way: &str) -> Played {
    let run = stage.act(&["stdio", way])?;
    for stream in 0..3 {
        let mut wanted = socket("ipv4", "stream", TCP).to_vec();
        wanted.extend([
            ("network.descriptor", is(stream)),
            ("network.remote_address", is("127.0.0.1")),
            ("network.remote_port", is(run.number("server_port"))),
            ("network.local_port", is(run.number("client_port"))),
        ]);
        run.expect_times(1, "network.stdio", &wanted)?;
    }
    Ok::<(), Trouble>(())
}
