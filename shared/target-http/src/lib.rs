//! target-http
