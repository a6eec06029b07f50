//! smpp-wire
