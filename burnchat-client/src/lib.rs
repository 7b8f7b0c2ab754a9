//! A participant in a Burnchat room over WebSocket.
