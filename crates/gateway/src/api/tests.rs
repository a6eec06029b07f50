//! The API in one process with a real pipeline over a real store.
