//! Cgroups: what a container is made of.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use sensor_common::{CgroupRecord, RecordKind};

use crate::{arguments::Arguments, global::offset, object::Object, record::emit, task::Task};

/// `TP_PROTO(struct cgroup *cgrp, const char *path)`
/// (`include/trace/events/cgroup.h`; 5.10 to 7.2).
#[btf_tracepoint(function = "cgroup_mkdir")]
pub(crate) fn cgroup_mkdir(context: BtfTracePointContext) -> i32 {
    let cgroup = Object::typed(context.address(0));
    let path = context.address(1);
    emit(
        RecordKind::CgroupCreate,
        Task::current(),
        |builder, record: &mut CgroupRecord| {
            record.id = cgroup
                .follow(offset!(cgroup_node))
                .map_or(0, |node| node.member(offset!(kernfs_id)));
            record.hierarchy = cgroup
                .follow(offset!(cgroup_root))
                .map_or(0, |root| root.member(offset!(cgroup_root_hierarchy)));
            record.path_length = builder.kernel_path(path);
        },
    );
    0
}
