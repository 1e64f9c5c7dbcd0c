-- The catalogue that the platform starts with. The ids are fixed, so that examples and tests can name them.
insert into products (id, name, description, price_minor, currency, initial, available) values
    ('01900000-0000-7000-8000-000000000001', 'Espresso cup', 'Stoneware, 80 ml, dishwasher safe.', 1290, 'USD', 5000, 5000),
    ('01900000-0000-7000-8000-000000000002', 'Pour-over dripper', 'Ceramic cone for one to four cups, with 40 paper filters.', 2999, 'USD', 5000, 5000),
    ('01900000-0000-7000-8000-000000000003', 'Hand grinder', 'Steel burrs, 24 settings, holds 35 g of beans.', 8900, 'USD', 2000, 2000),
    ('01900000-0000-7000-8000-000000000004', 'House blend, 1 kg', 'Whole beans, medium roast.', 1850, 'USD', 1000000, 1000000),
    ('01900000-0000-7000-8000-000000000005', 'Gooseneck kettle', '0.9 l, holds its temperature to the degree.', 6490, 'USD', 2000, 2000),
    ('01900000-0000-7000-8000-000000000006', 'Kitchen scale', 'Weighs to 0.1 g, with a timer.', 3950, 'USD', 2000, 2000),
    ('01900000-0000-7000-8000-000000000007', 'Milk jug', 'Stainless steel, 350 ml.', 1590, 'USD', 5000, 5000),
    ('01900000-0000-7000-8000-000000000008', 'Travel mug', 'Keeps 350 ml hot for six hours.', 2450, 'USD', 5000, 5000),
    ('01900000-0000-7000-8000-000000000009', 'Cleaning tablets, 60 pieces', 'For espresso machines.', 1190, 'USD', 10000, 10000),
    ('01900000-0000-7000-8000-000000000010', 'Espresso machine', 'Two boilers, a rotary pump, made to order.', 189900, 'USD', 25, 25),
    ('01900000-0000-7000-8000-000000000011', 'Anniversary cup, last piece', 'Hand painted; there is one, and there will be no other.', 14900, 'USD', 1, 1),
    ('01900000-0000-7000-8000-000000000012', 'Wooden tamper, sold out', 'Comes back when the carpenter does.', 4200, 'USD', 0, 0);

insert into stock_movements (product_id, kind, quantity)
    select id, 'initial', initial from products where initial > 0 order by id;
