-- Run once, when the volume is empty. The gate logs in as orders_app; the agent never sees its password.
\set login_password `cat /run/secrets/login-password`
CREATE ROLE orders_app LOGIN PASSWORD :'login_password';

CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text, ssn text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, item text NOT NULL, status text NOT NULL);
INSERT INTO customers VALUES
  (1, 'Ada Lovelace', 'ada@example.com', '536-90-4399'),
  (2, 'Grace Hopper', 'grace@example.com', '536-90-4471');
INSERT INTO orders SELECT n, 1 + n % 2, 'item ' || n, 'shipped' FROM generate_series(1, 20) AS n;

GRANT SELECT, INSERT, UPDATE, DELETE ON customers, orders TO orders_app;
