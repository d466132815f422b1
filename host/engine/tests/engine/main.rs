//! The engine whole, with a virtual clock, a store in memory and scripted connectors.

mod crash;
mod diagram;
mod intake;
mod properties;
mod run;
mod support;
