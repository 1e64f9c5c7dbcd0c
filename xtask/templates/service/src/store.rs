//! All SQL of __entities__.
//!
//! These queries are checked at run time, so a new service compiles without a database. To have them checked at compile time,
//! turn `query` into `query!` and `query_as` into `query_as!` with the bound values as arguments, remove `FromRow`, and run
//! `cargo xtask sql __service__`.

use crate::domain::{__EntityId__, __SubjectId__};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct __Entity__ {
    #[sqlx(try_from = "Uuid")]
    pub id: __EntityId__,
    #[sqlx(try_from = "Uuid")]
    pub __subject_id__: __SubjectId__,
    pub created_at: DateTime<Utc>,
}

/// Inserts a row. Returns `false`, and inserts nothing, if the __subject__ has one already.
pub async fn insert(db: &mut PgConnection, id: __EntityId__, __subject_id__: __SubjectId__) -> sqlx::Result<bool> {
    let inserted = sqlx::query(
        "insert into __entities__ (id, __subject_id__) values ($1, $2)
         on conflict (__subject_id__) do nothing",
    )
    .bind(id.uuid())
    .bind(__subject_id__.uuid())
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Returns the row of this id.
pub async fn find(db: impl PgExecutor<'_>, id: __EntityId__) -> sqlx::Result<Option<__Entity__>> {
    sqlx::query_as("select id, __subject_id__, created_at from __entities__ where id = $1")
        .bind(id.uuid())
        .fetch_optional(db)
        .await
}
