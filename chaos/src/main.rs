//! See [`chaos`].

fn main() {}
