//! Panics of the engine: it survives them, the simulation does not let them pass.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes panics from now on, beside what is done with them otherwise.
pub(crate) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            SEEN.with_borrow_mut(|seen| seen.push(info.to_string()));
            before(info);
        }));
    });
    SEEN.take();
}

/// The panics on this thread since then.
pub(crate) fn seen() -> Vec<String> {
    SEEN.take()
}
