//! Typed ids of users and sessions.

kernel::id! {
    UserId,
    /// The id of a session, which is also the claim `sid` of its access tokens.
    SessionId,
}
