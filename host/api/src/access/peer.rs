//! The other end of a connection.

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use std::net::SocketAddr;
use tokio::net::{TcpListener, UnixListener};

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A program somewhere in the network.
    Network(SocketAddr),
    /// A program on the same machine, through the local socket.
    Socket {
        /// The user that it runs as, as the kernel says; unknown if it does not.
        user: Option<u32>,
    },
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self::Network(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let known = stream.io().peer_cred().ok();
        Self::Socket {
            user: known.map(|known| known.uid()),
        }
    }
}
