//! How git speaks to other machines: https by the HTTP client of the host, ssh by the
//! program `ssh`. libgit2 is built without its own, so that there is one way of doing TLS
//! in the program, and ssh follows the keys, agents and `known_hosts` of the machine.

mod http;
mod ssh;

use crate::location::Access;
use git2::transport::{Transport, register};
use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// What transports that are made on this thread prove themselves by.
    static GRANTED: RefCell<Option<Access>> = const { RefCell::new(None) };
}

/// Lends an access to the transports of a thread, for as long as it lives.
pub(crate) struct Grant(());

impl Grant {
    pub(crate) fn to_this_thread(access: Access) -> Self {
        register_once();
        GRANTED.with_borrow_mut(|granted| *granted = Some(access));
        Self(())
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        GRANTED.with_borrow_mut(|granted| *granted = None);
    }
}

fn granted() -> Access {
    GRANTED.with_borrow(Clone::clone).unwrap_or_default()
}

/// libgit2 knows transports by the whole process; there is no other way to name them.
fn register_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for scheme in ["http", "https", "ssh"] {
            // SAFETY: must not race with other registrations or with the making of
            // transports. `Once` excludes the first, and every way to a transport of this
            // crate passes here before.
            #[allow(unsafe_code)]
            let registered = unsafe {
                register(scheme, move |remote| match scheme {
                    "ssh" => Transport::smart(remote, false, ssh::Ssh::new(granted())),
                    _ => Transport::smart(remote, true, http::Http::new(granted())),
                })
            };
            if let Err(error) = registered {
                tracing::error!(scheme, %error, "git cannot be taught to speak to other machines");
            }
        }
    });
}

/// An error that git passes on to its caller.
fn failed(reason: impl AsRef<str>) -> git2::Error {
    git2::Error::new(git2::ErrorCode::GenericError, git2::ErrorClass::Net, reason)
}
