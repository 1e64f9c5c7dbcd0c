//! All SQL of the catalogue and of the stock.

use crate::domain::{
    State,
    ids::{OrderId, ProductId},
    product::{NewProduct, Product, ProductChange},
    stock::{Item, Movement, StockLevel},
};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

database::text_column!(State, Movement);

/// The stock side of one order.
#[derive(Debug)]
pub struct Reservation {
    pub state: State,
    /// The items ordered; empty if `order.placed` never took effect.
    pub items: Json<Vec<Item>>,
}

/// Returns the active products after the one with the id `after`, in the order of their ids.
pub async fn list(db: impl PgExecutor<'_>, after: Option<ProductId>, limit: i64) -> sqlx::Result<Vec<Product>> {
    sqlx::query_as!(
        Product,
        "select id, name, description, price_minor, currency, available, active, created_at, updated_at
         from products
         where active and ($1::uuid is null or id > $1)
         order by id
         limit $2",
        after.map(ProductId::uuid),
        limit
    )
    .fetch_all(db)
    .await
}

/// Returns the products with these ids, active or not, in the order of their ids. Unknown ids are left out.
pub async fn with_ids(db: impl PgExecutor<'_>, ids: &[ProductId]) -> sqlx::Result<Vec<Product>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    sqlx::query_as!(
        Product,
        "select id, name, description, price_minor, currency, available, active, created_at, updated_at
         from products
         where id = any($1)
         order by id",
        &ids
    )
    .fetch_all(db)
    .await
}

/// Adds a product with its initial stock.
pub async fn insert(db: &mut PgConnection, id: ProductId, product: &NewProduct) -> sqlx::Result<Product> {
    let inserted = sqlx::query_as!(
        Product,
        "insert into products (id, name, description, price_minor, currency, initial, available)
         values ($1, $2, $3, $4, $5, $6, $6)
         returning id, name, description, price_minor, currency, available, active, created_at, updated_at",
        id.uuid(),
        product.name(),
        product.description(),
        product.price_minor(),
        product.currency().code(),
        product.stock()
    )
    .fetch_one(&mut *db)
    .await?;
    record_intake(db, id, "initial", product.stock()).await?;
    Ok(inserted)
}

/// Changes a product; `None` if there is no such product. Fails with an error for which [`is_stock_too_low`] holds if more
/// would be written off than is available.
pub async fn change(db: &mut PgConnection, id: ProductId, change: &ProductChange) -> sqlx::Result<Option<Product>> {
    let stock_delta = change.stock_delta.unwrap_or(0);
    let changed = sqlx::query_as!(
        Product,
        "update products set
             name = coalesce($2, name),
             description = coalesce($3, description),
             price_minor = coalesce($4, price_minor),
             active = coalesce($5, active),
             available = available + $6,
             restocked = restocked + $6,
             updated_at = now()
         where id = $1
         returning id, name, description, price_minor, currency, available, active, created_at, updated_at",
        id.uuid(),
        change.name,
        change.description,
        change.price_minor,
        change.active,
        stock_delta
    )
    .fetch_optional(&mut *db)
    .await?;
    if changed.is_some() {
        record_intake(db, id, "restock", stock_delta).await?;
    }
    Ok(changed)
}

/// Returns true if a statement failed because it would have made the available stock negative.
pub fn is_stock_too_low(error: &sqlx::Error) -> bool {
    let constraint = error.as_database_error().and_then(|refusal| refusal.constraint());
    constraint == Some("products_available_not_negative")
}

async fn record_intake(db: &mut PgConnection, product_id: ProductId, kind: &str, quantity: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into stock_movements (product_id, kind, quantity) select $1, $2, $3 where $3::bigint <> 0",
        product_id.uuid(),
        kind,
        quantity
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the order's row, created if there is none yet, and locked: the events of one order are applied one at a time.
pub async fn lock_reservation(db: &mut PgConnection, order_id: OrderId) -> sqlx::Result<Reservation> {
    // The update changes nothing; unlike `do nothing` it locks the row and returns it.
    sqlx::query_as!(
        Reservation,
        r#"insert into reservations (order_id) values ($1)
           on conflict (order_id) do update set order_id = excluded.order_id
           returning state as "state: State", items as "items: Json<Vec<Item>>""#,
        order_id.uuid()
    )
    .fetch_one(db)
    .await
}

pub async fn set_state(db: &mut PgConnection, order_id: OrderId, state: State) -> sqlx::Result<()> {
    sqlx::query!(
        "update reservations set state = $2, updated_at = now() where order_id = $1",
        order_id.uuid(),
        state as State
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn set_items(db: &mut PgConnection, order_id: OrderId, items: &[Item]) -> sqlx::Result<()> {
    sqlx::query!(
        "update reservations set items = $2 where order_id = $1",
        order_id.uuid(),
        Json(items) as _
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the stock of the items' products, without a lock: it may have changed by the time it is moved.
pub async fn stock_levels(db: &mut PgConnection, items: &[Item]) -> sqlx::Result<Vec<StockLevel>> {
    let ids: Vec<Uuid> = items.iter().map(|item| item.product_id.uuid()).collect();
    sqlx::query_as!(
        StockLevel,
        "select id as product_id, active, available from products where id = any($1)",
        &ids
    )
    .fetch_all(db)
    .await
}

/// Moves the items of an order, and records the movements in the ledger. Returns `false`, and leaves a half-done transaction
/// to be rolled back, if a product has no longer what is to be taken, or is no longer active when it is to be reserved.
///
/// The products are locked in the order of their ids, so that two orders cannot deadlock. Every order for a product waits for
/// this lock, so it comes last before the commit.
pub async fn move_stock(
    db: &mut PgConnection,
    order_id: OrderId,
    movement: Movement,
    items: &[Item],
) -> sqlx::Result<bool> {
    let by_product = items.iter().map(|item| (item.product_id.uuid(), item.quantity));
    let (ids, quantities): (Vec<Uuid>, Vec<i64>) = by_product.unzip();
    let change = movement.change();
    let moved = sqlx::query!(
        "with moved as (select * from unnest($1::uuid[], $2::bigint[]) as moved (product_id, quantity)),
              locked as (select id from products where id = any($1) order by id for no key update),
              changed as (
                  update products set
                      available = available + quantity * $3,
                      reserved = reserved + quantity * $4,
                      sold = sold + quantity * $5
                  from locked join moved on product_id = locked.id
                  where products.id = locked.id and available + quantity * $3 >= 0 and (active or $7 <> 'reserve')
                  returning product_id, quantity
              )
         insert into stock_movements (product_id, order_id, kind, quantity)
         select product_id, $6, $7, quantity from changed",
        &ids,
        &quantities,
        change.available,
        change.reserved,
        change.sold,
        order_id.uuid(),
        movement as Movement
    )
    .execute(db)
    .await?;
    Ok(moved.rows_affected() == items.len() as u64)
}
