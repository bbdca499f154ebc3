"""asyncpg: binary format, statements prepared and cached, executed without a Describe of their own."""
import asyncio
import json

import asyncpg


async def main():
    connection = await asyncpg.connect(ssl=False)
    rows = [await connection.fetchrow("SELECT id, email, ssn FROM customers WHERE id = $1", 1) for _ in range(3)]
    async with connection.transaction():
        cursor = connection.cursor("SELECT ssn FROM customers ORDER BY id", prefetch=1)
        paged = [row["ssn"] async for row in cursor]
        await connection.execute("UPDATE orders SET status = $1 WHERE id = $2", "asyncpg", 1)
    await connection.executemany("UPDATE orders SET status = $1 WHERE id = $2", [("many", 2), ("many", 3)])
    try:
        await connection.execute("DELETE FROM orders")
        refused, detail = "", ""
    except asyncpg.PostgresError as error:
        refused, detail = error.sqlstate, error.detail
    after = await connection.fetchval("SELECT count(*) FROM orders WHERE status IN ('asyncpg', 'many')")
    await connection.close()
    print(json.dumps({
        "rows": [[row["id"], row["email"], row["ssn"]] for row in rows],
        "paged": paged, "refused": refused, "detail": detail, "after": after,
    }))


asyncio.run(main())
