//! The shards of an outbox that this instance publishes, each held by a PostgreSQL session lock.
//!
//! A *member* is an instance with an open, confirmed channel to the broker; it holds a shared lock, by which members count
//! each other. Each takes its fair part of the shards. All locks are on one session: with the session they are lost, and a
//! read on it fails, so no row is read without the lock of its shard.

use super::table::SHARDS;
use database::{Database, with_timeout};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

/// First key of the shards' locks; the second is the shard. Any number that nothing else in the database uses.
const LOCK_CLASS: i32 = 0x0B0C;
/// Name of the members' lock. Releases before the shards took it exclusively, so that they and this one exclude each other.
const MEMBERS: &str = "relay";
/// Settings of a member's session.
///
/// - PostgreSQL ends the session of a frozen member, which frees its shards for the others.
/// - Each read is planned anew: a plan for any list of rows to be left out would compare each row with each of them.
/// - Rows are read by an index and in its order: an outbox is mostly empty, and plans made for an empty table, or by statistics
///   from then, read and sort all of it each time.
const SETTINGS: &str = "set idle_session_timeout = '15s'; set plan_cache_mode = force_custom_plan;
    set enable_seqscan = off; set enable_sort = off";

/// The session of a member.
#[derive(Debug)]
pub(super) struct Shards {
    connection: PgConnection,
    owned: Vec<i32>,
    /// A shard that is held, but not read any more.
    leaving: Option<i32>,
    members: i64,
}

#[derive(sqlx::FromRow)]
struct Holders {
    members: i64,
    taken: Vec<i32>,
}

impl Shards {
    /// Becomes a member; `None` if `stop` comes first, or the lock is held exclusively.
    pub(super) async fn join(database: &Database, stop: &CancellationToken) -> Result<Option<Self>, sqlx::Error> {
        let connecting = database.connect();
        let Some(connection) = stop.run_until_cancelled(connecting).await else {
            return Ok(None);
        };
        let mut connection = connection?;
        with_timeout(sqlx::raw_sql(SETTINGS).execute(&mut connection)).await?;
        let lock = sqlx::query_scalar("select pg_try_advisory_lock_shared(hashtextextended($1, 0))").bind(MEMBERS);
        let is_member: bool = with_timeout(lock.fetch_one(&mut connection)).await?;
        Ok(is_member.then_some(Self {
            connection,
            owned: Vec::new(),
            leaving: None,
            members: 1,
        }))
    }

    /// Returns the connection that holds the locks.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Returns the shards to be read.
    pub(super) fn owned(&self) -> &[i32] {
        &self.owned
    }

    /// Returns the shard that is to be released once none of its rows is on its way.
    pub(super) fn leaving(&self) -> Option<i32> {
        self.leaving
    }

    /// Begins to give up one shard, if this member holds more than its fair part. Returns that shard.
    pub(super) fn leave_one(&mut self) -> Option<i32> {
        if self.leaving.is_none() && self.owned.len() > self.fair() {
            self.leaving = self.owned.pop();
            return self.leaving;
        }
        None
    }

    /// Returns true if this is the only member.
    pub(super) fn is_alone(&self) -> bool {
        self.members == 1 && self.owned.len() == self.fair()
    }

    /// Counts the members, and takes free shards up to the fair part. Returns true if it took some.
    pub(super) async fn balance(&mut self) -> Result<bool, sqlx::Error> {
        let Holders { members, taken } = holders(&mut self.connection).await?;
        self.members = members.max(1);
        let missing = self.fair().saturating_sub(self.owned.len());
        if missing == 0 || self.leaving.is_some() {
            return Ok(false);
        }
        // Members that look at the same moment begin with different shards.
        let first = i32::from(kernel::id::new().as_bytes()[15]);
        let free = (0..SHARDS).map(|shard| (first + shard) % SHARDS);
        let wanted: Vec<i32> = free.filter(|shard| !taken.contains(shard)).take(missing).collect();
        let locked: Vec<i32> =
            sqlx::query_scalar("select shard from unnest($2::int[]) as shard where pg_try_advisory_lock($1, shard)")
                .bind(LOCK_CLASS)
                .bind(&wanted)
                .fetch_all(&mut self.connection)
                .await?;
        self.owned.extend(&locked);
        Ok(!locked.is_empty())
    }

    /// Releases the shard that is leaving.
    pub(super) async fn release(&mut self) -> Result<(), sqlx::Error> {
        let Some(shard) = self.leaving.take() else {
            return Ok(());
        };
        sqlx::query("select pg_advisory_unlock($1, $2)")
            .bind(LOCK_CLASS)
            .bind(shard)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    fn fair(&self) -> usize {
        let members = usize::try_from(self.members).unwrap_or(1).max(1);
        usize::try_from(SHARDS).unwrap_or_default().div_ceil(members)
    }
}

async fn holders(connection: &mut PgConnection) -> Result<Holders, sqlx::Error> {
    // A key of 64 bits is shown in two halves, with objsubid 1; a pair of keys with objsubid 2.
    sqlx::query_as(
        "with held as (
             select classid::bigint, objid::bigint, objsubid from pg_locks
             where locktype = 'advisory' and granted
               and database = (select oid from pg_database where datname = current_database())),
         member as (select hashtextextended($1, 0) as key)
         select (select count(*) from held, member
                 where objsubid = 1 and (classid << 32) | objid = key) as members,
                array(select objid::int from held where objsubid = 2 and classid = $2) as taken",
    )
    .bind(MEMBERS)
    .bind(i64::from(LOCK_CLASS))
    .fetch_one(connection)
    .await
}
