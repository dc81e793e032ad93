use sensor_user::capture::{Attachment, HOOKS};

use super::{NOTICE, cell, put};

/// `docs/coverage.md`, from the hook table.
#[must_use]
pub fn coverage_page() -> String {
    let mut page = String::from(NOTICE);
    page.push_str(
        "# Coverage\n\n\
         What the sensor sees, by the hook that sees it. All hooks are of the tracepoint tier; \
         `sensor doctor` says which of them are attached on a machine, and in whose words a hook \
         was refused.\n\n\
         | program | runs on | records | unseen without it |\n| --- | --- | --- | --- |\n",
    );
    for hook in HOOKS {
        let attached = match hook.attachment {
            Attachment::Tracepoint(name) => format!("tracepoint `{name}`"),
            Attachment::SyscallExit(_) => String::from("tail call from `sys_exit`"),
        };
        let kinds: Vec<String> = hook
            .kinds
            .iter()
            .map(|kind| format!("`{}`", kind.name()))
            .collect();
        put(
            &mut page,
            format_args!(
                "| `{}` | {attached} | {} | {} |\n",
                hook.program,
                if kinds.is_empty() {
                    String::from("(dispatcher)")
                } else {
                    kinds.join(", ")
                },
                cell(hook.unseen),
            ),
        );
    }
    page.push_str(LIMITS);
    page
}

const LIMITS: &str = "
## What this tier does not see

- File and network work done through io_uring passes no system call of its own.
- `unlink`, `rename` and `chmod` by path: the path is the caller's argument, read when the call
  returns. Its directory is resolved, by the kernel for names below a descriptor or the working
  directory, by the agent otherwise (`path_source` says which). A thread that rewrites the argument
  meanwhile can make the record name another file. The act itself is never missed.
- The address of a *failed* `connect` or `bind` is the caller's argument, too
  (`address_from_argument`).
- 32-bit callers that use `socketcall(2)` for their network work.
- UDP traffic of unconnected sockets.
";
