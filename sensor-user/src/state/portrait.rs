use std::sync::Arc;

use super::{Container, Image, Process, ProcessTable};
use crate::event::{ProcessId, Standing};

/// What is told of a process, as it was at one moment: what it does later does
/// not change it.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Number and start.
    pub id: ProcessId,
    /// Parent, while it was known.
    pub parent: Option<ProcessId>,
    /// The program that the parent ran.
    pub parent_image: Option<Arc<Image>>,
    /// The program that it ran itself.
    pub image: Option<Arc<Image>>,
    /// With which rights and where it last acted.
    pub standing: Option<Standing>,
    /// Container that it last acted in.
    pub container: Option<Arc<Container>>,
}

impl Portrait {
    /// The process as it is now.
    #[must_use]
    pub fn of(process: &Process, table: &ProcessTable) -> Self {
        let parent = process.parent.and_then(|parent| table.get(parent));
        Self {
            id: process.id,
            parent: process.parent,
            parent_image: parent.and_then(|parent| parent.image.clone()),
            image: process.image.clone(),
            standing: process.standing,
            container: process.container.clone(),
        }
    }
}
