//! The real program against the stand-in shop, over real HTTP, on a real disk.

mod crash;
mod http;
mod restart;
mod syscalls;
mod world;
