//! The reference Burnchat relay, as a library to mount in an axum application.
