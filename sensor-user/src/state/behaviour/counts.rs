/// Makes the list of counts: each by its name and by what it counts.
macro_rules! counts {
    ($($(#[$note:meta])* $variant:ident $name:literal $meaning:literal,)*) => {
        /// What is counted of a process's acts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Count {
            $(#[doc = $meaning] $(#[$note])* $variant,)*
        }

        impl Count {
            /// Every count.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// Name of the feature that tells what a process did itself.
            pub const OWN: [&'static str; Self::ALL.len()] = [$(concat!("own.", $name),)*];
            /// Name of the feature that tells what its descendants did.
            pub const TREE: [&'static str; Self::ALL.len()] = [$(concat!("tree.", $name),)*];
            /// What the first of them says, in an operator's words.
            pub const OWN_MEANINGS: [&'static str; Self::ALL.len()] =
                [$(concat!($meaning, ", by itself"),)*];
            /// What the second says.
            pub const TREE_MEANINGS: [&'static str; Self::ALL.len()] =
                [$(concat!($meaning, ", by its descendants"),)*];
        }
    };
}

counts! {
    Opens "opens" "files opened for writing",
    Creates "creates" "files created",
    Emptied "emptied" "files that were there, emptied by opening them",
    Reads "reads" "files opened for reading",
    Listings "listings" "directories opened",
    SecretReads "secret_reads" "watched files opened for reading",
    Unlinks "unlinks" "names removed",
    Renames "renames" "names moved",
    SuffixRenames "suffix_renames" "files given another suffix",
    Links "links" "files given a second name",
    Symlinks "symlinks" "symbolic links made",
    Truncates "truncates" "files cut by name",
    Maps "maps" "files mapped to be written",
    Chmods "chmods" "permissions changed",
    ExecutableChmods "executable_chmods" "files made executable",
    Grants "grants" "files given a set-id bit or capabilities",
    Chowns "chowns" "owners changed",
    Attributes "attributes" "extended attributes set",
    Backdates "backdates" "times of files set by hand",
    StartingWrites "starting_writes" "writes of what makes programs start by themselves",
    RightsWrites "rights_writes" "writes of accounts, rights and keys",
    ConfigurationWrites "configuration_writes" "writes of other system configuration",
    ProgramWrites "program_writes" "writes of system programs and libraries",
    TemporaryWrites "temporary_writes" "writes of temporary files",
    ServedWrites "served_writes" "writes of what web servers serve",
    HomeWrites "home_writes" "writes in homes",
    HiddenHomeWrites "hidden_home_writes" "writes of hidden files in homes",
    HiddenCreates "hidden_creates" "hidden files created",
    LogRemovals "log_removals" "logs removed or emptied",
    HistoryRemovals "history_removals" "histories of typed commands removed, emptied or replaced",
    Connects "connects" "connections attempted",
    FailedConnects "failed_connects" "connections refused or timed out at once",
    UnixConnects "unix_connects" "local sockets connected to",
    Binds "binds" "local addresses taken",
    Listens "listens" "sockets made to listen",
    Accepts "accepts" "connections accepted",
    Datagrams "datagrams" "new peers that datagrams went to",
    Questions "questions" "DNS questions sent",
    RawSockets "raw_sockets" "raw and packet sockets made",
    SocketStreams "socket_streams" "standard streams that became sockets",
    Forks "forks" "children made",
    Execs "execs" "programs run",
    Signals "signals" "signals to processes that are no relatives",
    Sessions "sessions" "sessions begun",
    NameChanges "name_changes" "names and arguments of itself changed",
    RootGains "root_gains" "times that rights of root were gained",
    RightsChanges "rights_changes" "changes of users, groups and capabilities",
    Namespaces "namespaces" "namespaces made or entered",
    Keys "keys" "uses of the kernel's keys",
    Mounts "mounts" "mounts made and removed",
    Memfds "memfds" "files made in memory",
    Traces "traces" "acts on traced processes",
    ForeignTraces "foreign_traces" "acts on traced processes that are no children",
    MemoryWrites "memory_writes" "memories of other processes written or opened for it",
    ExecutableMemory "executable_memory" "memory made writable and executable at once",
    Userfaults "userfaults" "page faults handled by itself",
    Modules "modules" "kernel modules and kernels loaded",
    Bpf "bpf" "eBPF programs and maps made or attached",
    PerfEvents "perf_events" "performance events opened",
    Rings "rings" "io_uring instances and operations",
    Settings "settings" "settings of the kernel opened for writing",
    Devices "devices" "disks, memory and ports opened raw",
    AuditChanges "audit_changes" "changes of the audit system",
}

impl Count {
    /// Acts that ordinary programs perform all the time, and in great numbers.
    #[must_use]
    pub const fn is_common(self) -> bool {
        matches!(
            self,
            Self::Opens
                | Self::Creates
                | Self::Emptied
                | Self::Reads
                | Self::Listings
                | Self::Unlinks
                | Self::Renames
                | Self::SuffixRenames
                | Self::Maps
                | Self::Chmods
                | Self::Chowns
                | Self::Backdates
                | Self::ProgramWrites
                | Self::TemporaryWrites
                | Self::ServedWrites
                | Self::HomeWrites
                | Self::HiddenHomeWrites
                | Self::HiddenCreates
                | Self::Connects
                | Self::FailedConnects
                | Self::UnixConnects
                | Self::Accepts
                | Self::Questions
                | Self::Forks
                | Self::Execs
                | Self::ExecutableMemory
                | Self::Rings
        )
    }
}
