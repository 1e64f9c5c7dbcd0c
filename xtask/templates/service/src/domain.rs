//! The terms of this service. The domain knows no framework: no SQL, no HTTP, no clock.

kernel::id! {
    __EntityId__,
    /// The id of the __subject__, which another service creates.
    __SubjectId__,
}
